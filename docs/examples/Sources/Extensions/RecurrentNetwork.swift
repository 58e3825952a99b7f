public import Nets
public import Tape

/// A recurrent network that reads a row from left to right, one number a step:
/// `h ← tanh(xₜ · U + h · V + a)` from zero, and `h · W + b` in the end.
///
/// - Reference: Elman, *Finding structure in time* (1990).
public struct RecurrentNetwork: Network {
  /// How many numbers are read, one a step; the numbers in `h`; the number of columns of the outputs.
  public let inputWidth, width, outputWidth: Int

  /// Creates a network that reads so many numbers.
  public init(steps: Int = 5, width: Int, outputs: Int) {
    (inputWidth, self.width, outputWidth) = (steps, width, outputs)
  }

  /// `U`, `V` and `a` of each step, `W` and `b` of the head.
  public var parameters: [ParameterDescription] {
    [ParameterDescription(name: "U", shape: Shape(1, width), role: .body)]
      + .layer("V", bias: "a", Shape(width, width), .body)
      + .layer("W", bias: "b", Shape(width, outputWidth), .head)
  }

  /// Records the steps, then the head.
  public func callAsFunction(_ inputs: Variable, _ parameters: Parameters<Variable>) -> Variable {
    var hidden = inputs.tape.constant(Matrix(Shape(inputs.shape.rows, width), repeating: 0))
    for step in 0..<inputWidth {
      let read = inputs.columns(step..<step + 1).matmul(parameters["U"])
      hidden = (read + hidden.matmul(parameters["V"]) + parameters["a"]).tanh()
    }
    return hidden.matmul(parameters["W"]) + parameters["b"]
  }
}
