public import Nets
public import Tape

/// A network with one hidden layer of sines, `f(x) = sin(frequency · x · V + a) · W + b`.
///
/// - Reference: Sitzmann et al., *Implicit neural representations with periodic activation functions* (2020).
public struct SineNetwork: Network {
  /// The number of columns of the inputs, of the hidden layer and of the outputs.
  public let inputWidth, width, outputWidth: Int
  /// By what the inputs of the sines are multiplied.
  public let frequency: Double

  /// Creates a network of the given sizes.
  public init(inputs: Int, width: Int, outputs: Int, frequency: Double = 3) {
    (inputWidth, self.width, outputWidth, self.frequency) = (inputs, width, outputs, frequency)
  }

  /// `V` and `a` of the hidden layer, `W` and `b` of the head.
  public var parameters: [ParameterDescription] {
    .layer("V", bias: "a", Shape(inputWidth, width), .body)
      + .layer("W", bias: "b", Shape(width, outputWidth), .head)
  }

  /// Records the hidden layer, then the head.
  public func callAsFunction(_ inputs: Variable, _ parameters: Parameters<Variable>) -> Variable {
    let hidden = (frequency * inputs.matmul(parameters["V"]) + parameters["a"]).sin()
    return hidden.matmul(parameters["W"]) + parameters["b"]
  }
}
