public import Nets
public import Tape

/// Points and what a network should say of them, as matrices or as variables.
public struct LabelledPoints<Value> {
  /// One point a row.
  public var inputs: Value
  /// One target a row.
  public var targets: Value

  /// Pairs inputs with targets.
  public init(inputs: Value, targets: Value) {
    self.inputs = inputs
    self.targets = targets
  }
}

extension LabelledPoints: Sendable where Value: Sendable {}
extension LabelledPoints: Equatable where Value: Equatable {}
extension LabelledPoints: Encodable where Value: Encodable {}
extension LabelledPoints: Decodable where Value: Decodable {}

/// One task of meta-learning: points to adapt to, and others on which the adapted network is judged.
public struct LearningTask: Equatable, Sendable {
  /// What the inner loop sees.
  public var support: LabelledPoints<Matrix>
  /// What the meta-loss sees.
  public var query: LabelledPoints<Matrix>

  /// Pairs a support set with a query set.
  public init(support: LabelledPoints<Matrix>, query: LabelledPoints<Matrix>) {
    self.support = support
    self.query = query
  }

  /// The four matrices by name, as a ``BilevelProblem`` takes them.
  public var data: Parameters<Matrix> {
    let values = [support.inputs, support.targets, query.inputs, query.targets]
    return Parameters(
      zip(Self.names, values).map { ParameterDescription(name: $0, shape: $1.shape) }, values)
  }

  private static let names = ["support inputs", "support targets", "query inputs", "query targets"]
}
