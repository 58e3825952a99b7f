public import Nets
public import Tape

/// A network of residual blocks, `h ← h + leaky(h · Wi + bi) · Vi`, between a linear layer and a head.
///
/// The leaky rectifier is no operation of the tape; it is a choice between two, made by `select`.
///
/// - Reference: He et al., *Deep residual learning for image recognition* (2016).
public struct ResidualNetwork: Network, CustomStringConvertible {
  /// The number of columns of the inputs.
  public let inputWidth: Int
  /// The number of columns of `h`, which every block keeps.
  public let width: Int
  /// The number of blocks.
  public let blocks: Int
  /// The number of columns of the outputs.
  public let outputWidth: Int

  /// Creates a network of the given sizes.
  public init(inputs: Int, width: Int, blocks: Int, outputs: Int) {
    (inputWidth, self.width, self.blocks, outputWidth) = (inputs, width, blocks, outputs)
  }

  /// The network in short, for instance `residual network 2-16-3 of 4 blocks`.
  public var description: String {
    "residual network \(inputWidth)-\(width)-\(outputWidth) of \(blocks) blocks"
  }

  /// `U` of the first layer; `W1`, `b1`, `V1` of the first block and so on; `W` and `b` of the head.
  public var parameters: [ParameterDescription] {
    var all = [ParameterDescription(name: "U", shape: Shape(inputWidth, width), role: .body)]
    for block in (0..<blocks).map({ $0 + 1 }) {
      all += [
        ParameterDescription(name: "W\(block)", shape: Shape(width, width), role: .body),
        ParameterDescription(name: "b\(block)", shape: Shape(1, width), role: .body, kind: .bias),
        ParameterDescription(name: "V\(block)", shape: Shape(width, width), role: .body),
      ]
    }
    return all + [
      ParameterDescription(name: "W", shape: Shape(width, outputWidth), role: .head),
      ParameterDescription(name: "b", shape: Shape(1, outputWidth), role: .head, kind: .bias),
    ]
  }

  /// Records the first layer, the blocks one after the other, and the head.
  public func callAsFunction(_ inputs: Variable, _ parameters: Parameters<Variable>) -> Variable {
    var values = inputs.matmul(parameters[0])
    for block in 0..<blocks {
      let inner = values.matmul(parameters[3 * block + 1]) + parameters[3 * block + 2]
      let leaky = inner.select(inner, elseWhereNotPositive: 0.1 * inner)
      values = values + leaky.matmul(parameters[3 * block + 3])
    }
    return values.matmul(parameters[3 * blocks + 1]) + parameters[3 * blocks + 2]
  }
}
