public import Nets
public import Tape

/// A network with one hidden layer of hyperbolic tangents, `f(x) = tanh(x · V + a) · W + b`.
public struct TanhNetwork: Network, CustomStringConvertible {
  /// The number of columns of the inputs.
  public let inputWidth: Int
  /// The number of hidden units.
  public let width: Int
  /// The number of columns of the outputs.
  public let outputWidth: Int

  /// Creates a network of the given sizes.
  public init(inputs: Int, width: Int, outputs: Int) {
    (inputWidth, self.width, outputWidth) = (inputs, width, outputs)
  }

  /// The network in short, for instance `tanh network 2-16-3`.
  public var description: String { "tanh network \(inputWidth)-\(width)-\(outputWidth)" }

  /// `V` and `a` of the hidden layer, `W` and `b` of the head.
  public var parameters: [ParameterDescription] {
    .layer("V", bias: "a", Shape(inputWidth, width), .body)
      + .layer("W", bias: "b", Shape(width, outputWidth), .head)
  }

  /// Records the hidden layer, then the head.
  public func callAsFunction(_ inputs: Variable, _ parameters: Parameters<Variable>) -> Variable {
    let hidden = (inputs.matmul(parameters[0]) + parameters[1]).tanh()
    return hidden.matmul(parameters[2]) + parameters[3]
  }
}
