public import Nets
public import Tape

/// A convolution of 3×3 over square images, with zeros around them, then tanh and a linear head:
/// each row of the inputs is an image, row by row.
public struct ConvolutionalNetwork: Network {
  /// The rows of an image, which are as many as its columns; the kernels; the number of columns of the outputs.
  public let side, channels, outputWidth: Int
  /// The pixels of an image.
  public var inputWidth: Int { side * side }

  /// Creates a network for images of `side`×`side`.
  public init(side: Int, channels: Int, outputs: Int) {
    (self.side, self.channels, outputWidth) = (side, channels, outputs)
  }

  /// The kernels `K`, one a column, with their biases `a`; `W` and `b` of the head.
  public var parameters: [ParameterDescription] {
    .layer("K", bias: "a", Shape(9, channels), .body)
      + .layer("W", bias: "b", Shape(inputWidth * channels, outputWidth), .head)
  }

  /// Records a row of nine neighbours for each pixel, their products with the kernels, and the head.
  public func callAsFunction(_ inputs: Variable, _ parameters: Parameters<Variable>) -> Variable {
    let images = inputs.shape.rows
    let neighbours = Matrix(Shape(images * inputWidth, 9)) { pixel, tap in
      let (down, right) = (tap / 3 - 1, tap % 3 - 1)
      let inside = 0..<side ~= pixel / side % side + down && 0..<side ~= pixel % side + right
      return inside ? Double(pixel + down * side + right) : -1
    }
    let maps = (inputs.gather(neighbours).matmul(parameters["K"]) + parameters["a"]).tanh()
    return maps.reshaped(to: Shape(images, inputWidth * channels)).matmul(parameters["W"])
      + parameters["b"]
  }
}
