import Nets
import Tape

extension MetaProblem {
  /// The parameters under their names, if they are those of the network.
  static func checked(
    _ values: [Matrix], of network: any Network
  ) throws(MetaProblemError) -> Parameters<Matrix> {
    let descriptions = network.parameters
    let names = descriptions.map(\.name)
    if let twice = names.indices.first(where: { names[..<$0].contains(names[$0]) }) {
      throw MetaProblemError("network", "two parameters are called \(names[twice])")
    }
    guard values.count == descriptions.count else {
      throw MetaProblemError(
        "parameters", "\(values.count) matrices, but the network has \(descriptions.count)")
    }
    for (index, (matrix, description)) in zip(values, descriptions).enumerated() {
      let path = "parameters[\(index)]"
      if matrix.shape != description.shape {
        throw MetaProblemError(
          path,
          "\(description.name) is \(matrix.shape), but the network needs \(description.shape)")
      }
      try checkFinite(matrix, "\(path).values")
    }
    return Parameters(descriptions, values)
  }

  /// Checks inner loop and tasks.
  func check() throws(MetaProblemError) {
    guard (0...Self.maximumSteps).contains(steps) else {
      throw MetaProblemError(
        "adaptation.steps", "\(steps) is not between 0 and \(Self.maximumSteps)")
    }
    for (path, number) in [("weightDecay", weightDecay), ("proximal", proximal)]
    where !number.isFinite {
      throw MetaProblemError("adaptation.\(path)", "\(number) is not finite")
    }
    try checkRates()
    guard !tasks.isEmpty else { throw MetaProblemError("tasks", "there is no task") }
    for (index, task) in tasks.enumerated() {
      try check(task.support, "tasks[\(index)].support")
      try check(task.query, "tasks[\(index)].query")
    }
    let (inputs, targets) = (tasks[0].support.inputs, tasks[0].support.targets)
    let tape = GradientTape()
    let outputs = network(tape.input(inputs), parameters.recorded(on: tape)).shape
    if outputs != targets.shape {
      throw MetaProblemError(
        "network", "it gives outputs of \(outputs), but should of \(targets.shape)")
    }
  }

  private func checkRates() throws(MetaProblemError) {
    let path = "adaptation.learningRate"
    if let bad = rates.numbers.first(where: { !$0.isFinite }) {
      throw MetaProblemError(path, "\(bad) is not finite")
    }
    switch rates {
    case .one: break
    case .byParameter(let rates):
      try checkNames(Set(rates.keys), path)
    case .byStep(let rates):
      if rates.isEmpty { throw MetaProblemError(path, "there is no rate") }
    case .byEntry(let rates):
      try checkNames(Set(rates.keys), path)
      for (name, shape) in zip(parameters.names, parameters.shapes) {
        if let own = rates[name], own.shape != shape {
          throw MetaProblemError(path, "\(name) has \(own.shape) rates, but is \(shape)")
        }
      }
    }
  }

  private func checkNames(_ names: Set<String>, _ path: String) throws(MetaProblemError) {
    if let unknown = names.subtracting(parameters.names).min() {
      throw MetaProblemError(
        path, "'\(unknown)' is not a parameter of the network (\(parameters.names.list))")
    }
    if let missing = parameters.names.first(where: { !names.contains($0) }) {
      throw MetaProblemError(path, "'\(missing)' of the network has no rate")
    }
  }

  private func check(
    _ points: LabelledPoints<Matrix>, _ path: String
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
    try Self.checkFinite(inputs, "\(path).inputs.values")
    try Self.checkFinite(targets, "\(path).targets.values")
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
