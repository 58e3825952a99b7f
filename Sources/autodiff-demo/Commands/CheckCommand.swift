import Foundation
import Meta
import Nets
import Tape

/// `check`: the engine's derivatives against differences, or its meta-gradients against references.
let checkCommand = Command(
  name: "check",
  summary: "Checks every operation's derivatives, or meta-gradients against reference files",
  operands: "[FILE…]", operandCount: 0...Int.max,
  options: [.seed("of the random operands and directions"), .json],
  details: """
    Without FILE: the derivatives of every operation at orders 1 to 3, each against five-point
    differences of the order below. With problem files that hold references: all methods by both
    routes, and by the implicit function theorem where there are implicitReferences; worst relative error over the loss and the entries of each parameter's gradient,
    relative to its largest entry (none where both are below 1e-15 of the largest of all: rounding).
    Ends with status 1 if a derivative is off by more than 1e-9, or a meta-gradient by more than 1e-10.
    """,
  example: "autodiff-demo check Tests/Fixtures/*.json"
) { arguments in
  if arguments.operands.isEmpty {
    return try checkOperations(seed: arguments.seed(), asJSON: arguments.has("--json"))
  }
  if arguments.has("--seed") {
    throw UserError("check: --seed is for the operations, but a FILE is given")
  }
  return try checkReferences(arguments.operands, asJSON: arguments.has("--json"))
}

// MARK: - Operations

private let derivativeTolerance = 1e-9

private struct OperationReport: Encodable {
  var operation: String
  var order: Int
  var relativeError: Double?
}

private func checkOperations(seed: UInt64, asJSON: Bool) throws -> Answer {
  var generator = SeededGenerator(seed: seed)
  var reports: [OperationReport] = []
  var failures: [String] = []
  var table = TextTable(header: ["operation", "order 1", "order 2", "order 3", "result"])
  table.leftAligned = [0, 4]
  for operation in Operation.allCases {
    let findings = operation.checkDerivatives(using: &generator)
    if findings.isEmpty { continue }
    let failed = findings.filter { !$0.passes(tolerance: derivativeTolerance) }
    if !failed.isEmpty { failures.append("\(operation)") }
    table.rows.append(
      ["\(operation)"] + findings.map { $0.error.significant(2) }
        + [failed.isEmpty ? "passes" : "FAILS at order \(failed[0].order)"])
    reports += findings.map {
      OperationReport(
        operation: "\(operation)", order: $0.order,
        relativeError: $0.error.isFinite ? $0.error : nil)
    }
  }
  let status: Int32 = failures.isEmpty ? 0 : 1
  if asJSON { return Answer(try json(reports), status: status) }
  let verdict =
    failures.isEmpty
    ? "All \(table.rows.count) operations are within \(derivativeTolerance); "
      + "input, constant and stopGradient have no derivative to check."
    : "\(failures.count) of \(table.rows.count) operations fail: \(failures.list)."
  return Answer(
    """
    Derivatives of every operation against five-point differences, relative errors (seed \(seed))

    \(table.text)
    \(verdict)

    """, status: status)
}

// MARK: - References

private let referenceTolerance = 1e-10

private struct ReferenceReport: Encodable {
  var file: String
  var method: String
  var route: String
  var relativeError: Double?
}

private func checkReferences(_ paths: [String], asJSON: Bool) throws -> Answer {
  var reports: [ReferenceReport] = []
  let implicit = Route.implicit(.direct)
  var table = TextTable(header: ["file", "method"] + Route.stored.map(\.name) + ["\(implicit)"])
  table.leftAligned = [0, 1]
  var worst = 0.0
  for path in paths {
    let file = try ProblemFile(path: path)
    if file.references.isEmpty, file.implicitReferences.isEmpty {
      try naming(path) { throw MetaProblemError("references", "there are none") }
    }
    for method in Method.allCases {
      let known =
        Route.stored.map { ($0, file.references[method]) }
        + [(implicit, file.implicitReferences[method])]
      if known.allSatisfy({ $0.1 == nil }) { continue }
      var row = [URL(fileURLWithPath: path).lastPathComponent.printable, method.rawValue]
      for (route, reference) in known {
        guard let reference else {
          row.append("–")
          continue
        }
        let result = try naming(path) { try file.problem.checkedMetaGradient(method, by: route) }
        let error = relativeError(of: result, against: reference)
        worst = error <= worst ? worst : error
        row.append(error.significant(2))
        reports.append(
          ReferenceReport(
            file: path, method: method.rawValue, route: route.name,
            relativeError: error.isFinite ? error : nil))
      }
      table.rows.append(row)
    }
  }
  let passes = worst <= referenceTolerance
  let status: Int32 = passes ? 0 : 1
  if asJSON { return Answer(try json(reports), status: status) }
  return Answer(
    """
    Meta-gradients against references, worst relative errors

    \(table.text)
    Worst of \(reports.count): \(worst.significant(2)), \
    \(passes ? "within" : "OVER") \(referenceTolerance).

    """, status: status)
}

/// The largest deviation of the loss, relative to it, and of each parameter's gradient, relative to
/// its largest entry.
///
/// A derivative that is zero, as that by Adam's decay after one step, is rounding in both: where all is below
/// 1e-15 of the largest entry of the whole gradient, there is no error.
func relativeError(of result: MetaGradient, against reference: ProblemFile.Reference) -> Double {
  func size(_ numbers: [Double]) -> Double { numbers.reduce(0) { max($0, abs($1)) } }
  let rounding = 1e-15 * size(reference.gradient.map { size($0.elements) })
  func error(_ ours: [Double], _ theirs: [Double]) -> Double {
    let distance = zip(ours, theirs).reduce(0) { max($0, abs($1.0 - $1.1)) }
    let size = size(theirs)
    return max(distance, size) <= rounding ? 0 : distance / (size > 0 ? size : 1)
  }
  return zip(result.listed.values, reference.gradient)
    .map { error($0.elements, $1.elements) }
    .reduce(error([result.loss], [reference.loss]), max)
}
