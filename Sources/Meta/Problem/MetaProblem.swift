public import Nets
public import Tape

/// What a meta-gradient is a function of: a network, a loss, parameters, an inner loop and tasks.
///
/// Its sizes agree: that is checked once, when it is made.
public struct MetaProblem: Sendable {
  /// The network that adapts.
  public let network: any Network
  /// The loss on the support set, which is descended, and on the query set, which is the meta-loss.
  public let loss: Loss
  /// Where the inner loop starts, and with respect to what the meta-gradient is.
  public let parameters: Parameters<Matrix>
  /// The number of inner steps.
  public private(set) var steps: Int
  /// The inner learning rate.
  public private(set) var learningRate: Double
  /// How an inner step moves a parameter along its gradient.
  public private(set) var rule: any UpdateRule
  /// The tasks, whose query losses are averaged.
  public let tasks: [LearningTask]

  /// The largest number of inner steps that is accepted.
  public static let maximumSteps = 1_000_000

  /// Collects a problem, and checks that its parts fit.
  ///
  /// - Throws: ``MetaProblemError`` if a parameter or data matrix has the wrong size or holds a value
  ///   that is not finite, if the network's outputs are not as wide as it says, if there is no task, or if steps or rate are out of range.
  public init(
    network: any Network, loss: Loss, parameters: [Matrix], steps: Int, learningRate: Double,
    rule: any UpdateRule = GradientDescent(), tasks: [LearningTask]
  ) throws(MetaProblemError) {
    let descriptions = network.parameters
    let names = descriptions.map(\.name)
    if let twice = names.indices.first(where: { names[..<$0].contains(names[$0]) }) {
      throw MetaProblemError("network", "two parameters are called \(names[twice])")
    }
    guard parameters.count == descriptions.count else {
      throw MetaProblemError(
        "parameters", "\(parameters.count) matrices, but the network has \(descriptions.count)")
    }
    for (index, (matrix, description)) in zip(parameters, descriptions).enumerated() {
      let path = "parameters[\(index)]"
      if matrix.shape != description.shape {
        throw MetaProblemError(
          path,
          "\(description.name) is \(matrix.shape), but the network needs \(description.shape)")
      }
      try Self.checkFinite(matrix, "\(path).values")
    }
    try Self.checkLoop(steps, learningRate)
    guard !tasks.isEmpty else { throw MetaProblemError("tasks", "there is no task") }
    for (index, task) in tasks.enumerated() {
      try Self.check(task.support, "tasks[\(index)].support", network)
      try Self.check(task.query, "tasks[\(index)].query", network)
    }
    let outputs = TaskTape(network, TaskShapes(tasks[0])).outputs(of: network)
    if outputs != tasks[0].support.targets.shape {
      throw MetaProblemError(
        "network", "it gives outputs of \(outputs), but should of \(tasks[0].support.targets.shape)"
      )
    }
    self.network = network
    self.loss = loss
    self.parameters = Parameters(descriptions, parameters)
    self.steps = steps
    self.learningRate = learningRate
    self.rule = rule
    self.tasks = tasks
  }

  /// The same problem with another inner loop.
  ///
  /// - Throws: ``MetaProblemError`` if steps or rate are out of range.
  public func with(
    steps: Int? = nil, learningRate: Double? = nil, rule: (any UpdateRule)? = nil
  ) throws(MetaProblemError) -> MetaProblem {
    var problem = self
    problem.steps = steps ?? self.steps
    problem.learningRate = learningRate ?? self.learningRate
    problem.rule = rule ?? self.rule
    try Self.checkLoop(problem.steps, problem.learningRate)
    return problem
  }

  private static func checkLoop(_ steps: Int, _ rate: Double) throws(MetaProblemError) {
    guard (0...maximumSteps).contains(steps) else {
      throw MetaProblemError("adaptation.steps", "\(steps) is not between 0 and \(maximumSteps)")
    }
    guard rate.isFinite else {
      throw MetaProblemError("adaptation.learningRate", "\(rate) is not finite")
    }
  }

  private static func check(
    _ points: LabelledPoints<Matrix>, _ path: String, _ network: any Network
  ) throws(MetaProblemError) {
    let (inputs, targets) = (points.inputs, points.targets)
    if inputs.columns != network.inputWidth {
      throw MetaProblemError(
        "\(path).inputs",
        "\(inputs.columns) columns, but the network has \(network.inputWidth) inputs")
    }
    if targets.columns != network.outputWidth {
      throw MetaProblemError(
        "\(path).targets",
        "\(targets.columns) columns, but the network has \(network.outputWidth) outputs")
    }
    if targets.rows != inputs.rows {
      throw MetaProblemError(
        "\(path).targets", "\(targets.rows) rows, but inputs have \(inputs.rows)")
    }
    try checkFinite(inputs, "\(path).inputs.values")
    try checkFinite(targets, "\(path).targets.values")
  }

  private static func checkFinite(_ matrix: Matrix, _ path: String) throws(MetaProblemError) {
    if let index = matrix.elements.firstIndex(where: { !$0.isFinite }) {
      throw MetaProblemError("\(path)[\(index)]", "\(matrix.elements[index]) is not finite")
    }
  }
}

/// A part of a problem that does not fit, with its place and both sizes.
public struct MetaProblemError: Error, Equatable, CustomStringConvertible {
  /// The place, as a path into a problem file: `tasks[2].query.targets`.
  public let path: String
  /// What is wrong there.
  public let message: String

  /// Names a place and what is wrong there.
  public init(_ path: String, _ message: String) {
    self.path = path
    self.message = message
  }

  /// The error in one line.
  public var description: String { "\(path): \(message)" }
}
