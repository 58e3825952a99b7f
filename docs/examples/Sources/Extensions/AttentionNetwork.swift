public import Nets
public import Tape

/// Self-attention with one head: each row of the inputs is a sequence of tokens, one behind the other.
/// Every token asks all of them, and a linear head reads the mean of the answers.
///
/// - Reference: Vaswani et al., *Attention is all you need* (2017), section 3.2.1.
public struct AttentionNetwork: Network {
  /// The length of a sequence; the numbers of each token; the number of columns of the outputs.
  public let tokens, width, outputWidth: Int
  /// The numbers of a sequence.
  public var inputWidth: Int { tokens * width }

  /// Creates a network for sequences of so many tokens.
  public init(tokens: Int, width: Int, outputs: Int) {
    (self.tokens, self.width, outputWidth) = (tokens, width, outputs)
  }

  /// `Q`, `K` and `V`, by which tokens become queries, keys and values; `W` of the head.
  public var parameters: [ParameterDescription] {
    ["Q", "K", "V"].map { ParameterDescription(name: $0, shape: Shape(width, width), role: .body) }
      + [ParameterDescription(name: "W", shape: Shape(width, outputWidth), role: .head)]
  }

  /// Records each query's weights, the values that they mix, and the head.
  public func callAsFunction(_ inputs: Variable, _ parameters: Parameters<Variable>) -> Variable {
    let read = (0..<tokens).map { inputs.columns($0 * width..<($0 + 1) * width) }
    func times(_ name: String) -> [Variable] { read.map { $0.matmul(parameters[name]) } }
    let (keys, values, column) = (times("K"), times("V"), Shape(inputs.shape.rows, 1))
    let answers = times("Q").flatMap { query in
      let scores = keys.map { (query * $0).sum(to: column) / Double(width).squareRoot() }
      let weights = concatenated(columns: scores).softmax()
      return values.enumerated().map { weights.columns($0..<$0 + 1) * $1 }
    }
    let sum = answers.dropFirst().reduce(answers[0], +)
    return (sum / Double(tokens)).matmul(parameters["W"])
  }
}
