import Meta
import Nets
import Tape

/// What `train` learns from, and what judges it.
struct TrainingData: Sendable {
  let name: String
  /// What messages call it.
  let place: String
  /// Where a training starts, by its seed.
  let problem: @Sendable (_ seed: UInt64) throws -> MetaProblem
  /// The problem at the first seed, on the tasks of the training.
  let base: MetaProblem
  let training: TaskSource
  let validation: [LearningTask]
  let test: [LearningTask]
  /// How tasks were made from a table, if they were.
  let layout: TableLayout?

  /// The tasks that judge: those of the test, or where there are none, those of validation or of the training.
  var judges: (name: String, tasks: [LearningTask]) {
    if !test.isEmpty { return ("test", test) }
    return validation.isEmpty ? ("training", base.tasks) : ("validation", validation)
  }

  /// The numbers that are learned.
  var count: Int { base.learnedValues.flattened.count }

  /// How tasks are dealt, in words.
  var summary: String {
    var isDrawn = false
    if case .drawn = training { isDrawn = true }
    let parts = [("validation", validation), ("test", test)]
    let trained = isDrawn ? "fresh" : "\(base.tasks.count)"
    return (["\(trained) training"] + parts.map { "\($1.count) \($0)" }).list + " tasks"
  }

  /// Tells everything that a training of it depends on apart from anything else.
  var checksum: String {
    autodiff_demo.checksum(base.numbers(and: [validation, test].map { $0.map(\.data) }))
  }

  /// Refuses methods whose first meta-gradient is not finite, does not fit in memory or does not apply.
  func check(_ methods: [Method], by route: Route) throws {
    try naming(place) {
      let first = try base.with(tasks: Array(base.tasks.prefix(8)))
      for method in methods { _ = try first.checkedMetaGradient(method, by: route) }
    }
  }

  /// By task that judges, the query loss of ridge regression on the rows of all tasks to train on; nil for classes, and where
  /// one is not finite.
  var pooledRidge: [Double]? {
    guard base.queryLoss != .softmaxCrossEntropy, let judge = try? base.with(tasks: judges.tasks)
    else { return nil }
    let losses = judge.queryLosses(PooledRidge(base.tasks, validatedOn: validation).predictions)
    return losses.allSatisfy { $0.isFinite } ? losses : nil
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
    try problemFile(trained(run).adapting(.all), layout)
  }
}

extension Arguments {
  /// What is trained on: one for each fold, or one for all seeds.
  ///
  /// FILE or table is read once, since standard input cannot be read again.
  func trainingData() throws -> [TrainingData] {
    var folds: [(Int, of: Int)?] = [nil]
    if let count = try wholeNumber("--folds", in: 2...1000) {
      // Of a shard, --out is a folder.
      let isRefused = ["--seeds", "--test", "--classes"] + (has("--shard") ? [] : ["--out"])
      for option in isRefused where has(option) {
        throw UserError("\(name): \(option) does not go with --folds")
      }
      folds = (0..<count).map { ($0, of: count) }
    }
    if let episodes = try episodeTrainingData() { return [episodes] }
    if let table = try table() { return try folds.map { try trainingData(of: table, $0) } }
    guard let file = try problemOfFile() else {
      throw UserError("train: FILE or --csv is missing (--help tells more)")
    }
    let problem = try learning(in: file.problem)
    return try folds.map { fold in
      let split = try naming(file.place) { try self.split(of: problem.tasks.count, fold) }
      func part(_ indices: [Int]) -> [LearningTask] { indices.map { problem.tasks[$0] } }
      let base = try problem.with(tasks: part(split.training))
      return TrainingData(
        name: file.name, place: file.place, problem: { _ in base }, base: base,
        training: .given(base.taskData), validation: part(split.validation), test: part(split.test),
        layout: file.layout)
    }
  }

  /// The tasks of a table: scaled on those to train on, with a start by each seed.
  private func trainingData(
    of table: NamedTable, _ fold: (Int, of: Int)?
  ) throws -> TrainingData {
    let (parts, layout) = try naming(table.path) {
      let split = try self.split(of: table.tasks.count, fold)
      let tasks = try table.tasks.fitted(
        on: split.training, standardised: table.isStandardised)
      let parts = try [split.training, split.validation, split.test].map {
        $0.isEmpty ? [] : try tasks.selecting($0).tasks(support: table.support)
      }
      return (parts, tasks.layout)
    }
    let setting = try networkSetting(for: layout, parts[0])
    let problem: @Sendable (UInt64) throws -> MetaProblem = { [self] seed in
      try learning(in: setting.problem(parts[0], seed: seed))
    }
    let base = try problem(seed())
    return TrainingData(
      name: table.name, place: table.path, problem: problem, base: base,
      training: .given(base.taskData), validation: parts[1], test: parts[2], layout: layout)
  }

  /// How so many tasks are dealt.
  private func split(of count: Int, _ fold: (Int, of: Int)?) throws -> TaskSplit {
    let validation = try number("--validate", in: 0...1) ?? 0.1
    if let (fold, folds) = fold {
      return try TaskSplit(
        fold: fold, of: folds, tasks: count, validation: validation, seed: seed())
    }
    return try TaskSplit(
      of: count, validation: validation, test: number("--test", in: 0...1) ?? 0.2, seed: seed())
  }

  /// The problem, with what is learned beside or instead of what it says.
  func learning(in problem: MetaProblem) throws -> MetaProblem {
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
