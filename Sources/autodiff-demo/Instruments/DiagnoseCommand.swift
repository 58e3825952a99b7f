import Foundation
import Meta
import Nets
import Tape

/// `diagnose`: whether first order is good enough for a problem.
let diagnoseCommand = Command(
  name: "diagnose",
  summary: "Says whether first order is good enough for a problem, and why",
  operands: "[FILE]", operandCount: 0...1,
  options: [
    .family,
    .init(
      name: "--initialisations", value: "N",
      help: "also at N starts drawn by the network, from the seed on, 3 or more"),
    .init(
      name: "--gain", value: "X",
      help: "of them: weights deviate by X / √rows (default √2, linear 1; without FILE 1/√3)"),
    .seed("of the problem made here, of the starts, and of directions for the curvature"),
    .json,
  ] + Command.Option.shards + Command.Option.table,
  details: """
    Intervals are for the expectation over tasks of the same kind, at the parameters of the problem: at this one
    start. --initialisations asks others on the same tasks, and says tasks and starts apart; the verdict over all is
    that of nine starts in ten, if none says the opposite. Shards deal out these starts; merge diagnoses the one
    of the problem itself. Curvature is that of the support loss along the inner
    path. Trust asks for angles up to \(Diagnosis.trustedAngle)°, lengths alike within a factor of \
    \(Diagnosis.trustedRatio), and
    nine tenths of the decrease by an outer step; distrust for \(Diagnosis.distrustedAngle)° and more, or less than
    half of the decrease; both for \(Diagnosis.fewestTasks) tasks at least.
    \(NamedProblem.helpWithPolicies)
    """,
  example: "autodiff-demo diagnose Tests/Fixtures/digits-5way-1shot.json"
) { arguments in
  let least = DiagnosisOverStarts.fewestStarts
  let starts = try arguments.wholeNumber("--initialisations", in: least...10_000)
  let gain = try arguments.number("--gain", in: 1e-6...1e6)
  if gain != nil, starts == nil {
    throw UserError("diagnose: --gain is for the starts that --initialisations draws")
  }
  if arguments.has("--shard"), starts == nil {
    throw UserError(
      "diagnose: --shard deals out the starts of --initialisations, which is not given")
  }
  let named = try arguments.adaptingProblem(memory: 5, seedsMore: true)
  let network = named.problem as? MetaProblem
  if starts != nil, network == nil {
    throw UserError("diagnose: --initialisations is for networks, but the FILE is of MDPs")
  }
  let (seed, tasks) = (try arguments.seed(), named.problem.taskData.count)
  let threads = ProcessInfo.processInfo.activeProcessorCount
  let isMadeHere = arguments.operands.isEmpty && !arguments.has("--csv")
  let gainOfStarts = gain ?? (isMadeHere ? 1 / 3.0.squareRoot() : nil)
  return try arguments.answer(
    Array(0..<(starts ?? 0)), data: checksum(named.problem.numbers())
  ) { start, piece in
    // Each diagnosis takes a number for each task, that at the problem's parameters first.
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<(start + 1) * tasks { _ = generator.next() }
    return network?.diagnosisRecord(
      initialisation: seed &+ UInt64(start), gain: gainOfStarts, threads: piece.threads,
      using: &generator)
  } report: { records in
    var generator = SeededGenerator(seed: seed)
    let diagnosis = named.problem.diagnosis(threads: threads, using: &generator)
    let overStarts = starts.map { _ in
      DiagnosisOverStarts(
        summary: diagnosis.summary, method: diagnosis.method, records: records.compactMap(\.self))
    }
    if arguments.has("--json") {
      let answer = DiagnoseAnswer(diagnosis: diagnosis, initialisations: overStarts)
      return Answer(try json(Named(named.name, answer)))
    }
    let first = diagnosis.text(titled: "\(named.name), \(diagnosis.method)")
    let second = overStarts.map {
      "\n" + $0.text(titled: "Over \($0.records.count) initialisations, from seed \(seed) on")
    }
    return Answer(first + (second ?? ""))
  }
}

/// The diagnosis at the parameters of the problem, and that over initialisations under a key of its own.
private struct DiagnoseAnswer: Encodable {
  private enum Keys: String, CodingKey { case initialisations }
  var diagnosis: Diagnosis
  var initialisations: DiagnosisOverStarts?

  func encode(to encoder: any Encoder) throws {
    try diagnosis.encode(to: encoder)
    guard let initialisations else { return }
    var container = encoder.container(keyedBy: Keys.self)
    try container.encode(initialisations, forKey: .initialisations)
  }
}
