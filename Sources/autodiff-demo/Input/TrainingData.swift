import Meta
import Nets
import Tape

/// What `train` learns from, and what judges it.
struct TrainingData: Sendable {
  let name: String
  /// Where a training starts, by its seed.
  let problem: @Sendable (_ seed: UInt64) throws -> MetaProblem
  /// The problem at the first seed, on the tasks of the training.
  let base: MetaProblem
  let training: TaskSource
  let validation: [LearningTask]
  let test: [LearningTask]

  /// The tasks that judge: those of the test, or where there are none, those of validation or of the training.
  var judges: (name: String, tasks: [LearningTask]) {
    if !test.isEmpty { return ("test", test) }
    return validation.isEmpty ? ("training", base.tasks) : ("validation", validation)
  }

  /// The numbers that are learned.
  var count: Int { base.learnedValues.flattened.count }

  /// How tasks are dealt, in words.
  var summary: String {
    let parts = [("training", base.tasks), ("validation", validation), ("test", test)]
    return parts.map { "\($1.count) \($0)" }.list + " tasks"
  }

  /// Tells everything that a training of it depends on apart from anything else.
  var checksum: String {
    let tasks = [base.tasks, validation, test].map { $0.map(\.data) }
    let numbers = tasks.flatMap { part in
      [Double(part.count)]
        + part.flatMap {
          $0.shapes.flatMap { [Double($0.rows), Double($0.columns)] } + $0.flattened
        }
    }
    let words = "\(base.summary) \(base.learned) " + base.outer.names.joined(separator: " ")
    return autodiff_demo.checksum(
      Array(words.utf8)
        + (numbers + base.outer.flattened).flatMap { number in
          (0..<8).map { UInt8(truncatingIfNeeded: number.bitPattern >> (8 * $0)) }
        })
  }

  /// Refuses methods whose first meta-gradient is not finite, does not fit in memory or does not apply.
  func check(_ methods: [Method], by route: Route) throws {
    try naming(name) {
      let first = try base.with(tasks: Array(base.tasks.prefix(8)))
      for method in methods { _ = try first.checkedMetaGradient(method, by: route) }
    }
  }

  /// The problem as a training has left it, on the tasks that judge.
  func trained(_ run: MetaTraining.Run) throws -> MetaProblem {
    let problem = base.adapting(run.method.adaptation)
    return try problem.with(learned: run.learned(of: problem)).with(tasks: judges.tasks)
  }

  /// By task and step, how the trained network does; joint training, which adapted nothing, adapts all.
  func judgements(of run: MetaTraining.Run, steps: Int) throws -> [[Judgement]] {
    let trained = try trained(run)
    return (run.method == .joint ? trained.adapting(.all) : trained).judgements(steps: steps)
  }

  /// The problem file at the trained point.
  func trainedFile(_ run: MetaTraining.Run) throws -> String {
    try json(try trained(run).adapting(.all))
  }
}

extension Arguments {
  /// The tasks of the FILE, dealt by the shares.
  func trainingData() throws -> TrainingData {
    guard let file = try problemOfFile() else {
      throw UserError("train: FILE is missing (--help tells more)")
    }
    let problem = try learning(in: file.problem)
    let tasks = problem.tasks
    let split: TaskSplit = try naming(operands[0]) { try self.split(of: tasks.count) }
    func part(_ indices: [Int]) -> [LearningTask] { indices.map { tasks[$0] } }
    let base = try problem.with(tasks: part(split.training))
    return TrainingData(
      name: file.name, problem: { _ in base }, base: base,
      training: .given(base.taskData), validation: part(split.validation), test: part(split.test))
  }

  /// How so many tasks are dealt.
  func split(of count: Int) throws -> TaskSplit {
    try TaskSplit(
      of: count, validation: number("--validate", in: 0...1) ?? 0.1,
      test: number("--test", in: 0...1) ?? 0.2, seed: seed())
  }

  /// The problem, with what is learned beside or instead of what it says.
  private func learning(in problem: MetaProblem) throws -> MetaProblem {
    var problem = problem
    if let list = value("--outer") {
      let kinds = try list.split(separator: ",", omittingEmptySubsequences: false).map { word in
        guard let kind = Learned(rawValue: String(word)) else {
          throw UserError(
            "\(name): --outer has '\(word)', which is not one of \(names(Learned.self))")
        }
        return kind
      }
      problem = problem.learning(Set(kinds))
    }
    return has("--meta-sgd") ? problem.metaSGD : problem
  }
}
