public import Nets
public import Tape

/// Affine regression, `f(x) = x · w + b`: two parameters, and a loss of squares is quadratic in both.
public struct AffineModel: Network {
  public let inputWidth: Int
  public var outputWidth: Int { 1 }

  /// Creates a model on so many inputs.
  public init(inputs: Int) { inputWidth = inputs }

  /// `w`, a column, and `b`.
  public var parameters: [ParameterDescription] {
    [
      ParameterDescription(name: "w", shape: Shape(inputWidth, 1), role: .head),
      ParameterDescription(name: "b", shape: Shape(1, 1), role: .head, kind: .bias),
    ]
  }

  /// Records `inputs · w + b`.
  public func callAsFunction(_ inputs: Variable, _ parameters: Parameters<Variable>) -> Variable {
    inputs.matmul(parameters["w"]) + parameters["b"]
  }
}
