import Meta
import Nets
import Tape

extension Command.Option {
  /// What makes few-shot tasks of the classes of a table.
  static let ofEpisodes: [Command.Option] =
    [
      Command.Option(
        name: "--classes", value: "COLUMN",
        help: "names the class of a row: tasks are episodes of few shots, drawn by seed",
        needs: "--csv")
    ]
    + [
      ("--ways", "N", "classes of an episode (default 5)"),
      ("--shots", "N", "rows of each class to adapt to (default 1)"),
      ("--queries", "N", "other rows of each class, which judge (default 15)"),
      ("--rotate", nil, "make four classes of each class of square images, by turning them"),
      (
        "--test-classes", "A,B",
        "classes that judge, and are not trained on (default: a share in train, else none)"
      ),
      ("--tasks", "N", "how many are drawn (default 20; of train 600, to judge)"),
    ].map { Command.Option(name: $0, value: $1, help: $2, needs: "--classes") }
}

/// Few-shot tasks of the classes of a table, as options take them.
struct NamedEpisodes: Sendable {
  /// The name of the file, with what was left out.
  let name: String
  let path: String
  let training: Episodes
  /// Of other classes; nil for none.
  let validation, test: Episodes?
  /// How many are to be drawn, if that is said.
  let count: Int?
  /// Goes on where the split has left it.
  let generator: SeededGenerator
}

extension Arguments {
  /// The episodes of the classes of a table; nil if `--classes` is not given.
  ///
  /// - Parameters:
  ///   - validation: The share of the classes to train on that is set apart to watch by.
  ///   - test: The share of all classes that is set apart to judge by, if no list says which.
  func episodes(validation: Double = 0, test: Double = 0) throws -> NamedEpisodes? {
    guard let column = value("--classes"), let path = value("--csv") else { return nil }
    let others = ["--task", "--targets", "--support", "--shuffle", "--skip-short", "--categories"]
    if let other = others.first(where: has) {
      throw UserError("\(name): \(other) does not go with --classes (import --help tells more)")
    }
    let ways = try wholeNumber("--ways", in: 2...1000) ?? 5
    let shots = try wholeNumber("--shots", in: 1...1_000_000) ?? 1
    let queries = try wholeNumber("--queries", in: 1...1_000_000) ?? 15
    let count = try wholeNumber("--tasks", in: 1...1_000_000)
    var generator = SeededGenerator(seed: try seed())
    return try naming(path) {
      let table = try Table(utf8: Array(contents(of: path)))
      let all = try RowClasses(
        table, classes: column, inputs: value("--inputs")?.words(of: table.columns),
        droppingMissing: has("--drop-missing"))
      var parts: (training: RowClasses, validation: RowClasses?, test: RowClasses?)
      if let list = value("--test-classes") {
        let split = try all.split(test: list.words(of: all.names))
        parts = (split.training, nil, split.test)
      } else if test > 0 {
        let split = try all.split(testShare: test, using: &generator)
        parts = (split.training, nil, split.test)
      } else {
        parts = (all, nil, nil)
      }
      if validation > 0 {
        let split = try parts.training.split(testShare: validation, using: &generator)
        (parts.training, parts.validation) = (split.training, split.test)
      }
      // Split first: an image and its turned copies are on one side, and the scale is that of the training.
      let largest = has("--raw") ? 1 : parts.training.largest
      func episodes(_ classes: RowClasses, _ side: String) throws -> Episodes {
        let scaled = largest > 0 ? classes.divided(by: largest) : classes
        do {
          return try Episodes(
            of: has("--rotate") ? scaled.rotated() : scaled, ways: ways, shots: shots,
            queries: queries)
        } catch {
          let isSplit = parts.validation != nil || parts.test != nil
          throw isSplit
            ? UserError(
              "\(error), those to \(side) (--test-classes, --rotate and --ways change it)")
            : error
        }
      }
      let dropped = table.rowCount - all.rows.reduce(0) { $0 + $1.rows }
      return NamedEpisodes(
        name: nameOfProblem(path) + (dropped > 0 ? ", \("row".counted(dropped)) dropped" : ""),
        path: path, training: try episodes(parts.training, "train on"),
        validation: try parts.validation.map { try episodes($0, "watch by") },
        test: try parts.test.map { try episodes($0, "judge by") },
        count: count, generator: generator)
    }
  }

  /// The problem of some episodes, with the start that the seed gives; nil if `--classes` is not given.
  func episodeProblem() throws -> NamedProblem? {
    guard let episodes = try episodes() else { return nil }
    let count = episodes.count ?? 20
    let (start, name) = (try seed(), episodes.name)
    return try naming(episodes.path) {
      try requireMemory(for: count, episodes.training)
      var generator = episodes.generator
      let tasks = (0..<count).map { _ in episodes.training.task(using: &generator) }
      return NamedProblem(
        name: name,
        problem: try networkSetting(for: episodes.training, tasks).problem(tasks, seed: start),
        path: episodes.path)
    }
  }

  /// What `train` learns from and is judged by, with fresh episodes in each step; nil if `--classes` is not given.
  func episodeTrainingData() throws -> TrainingData? {
    let shares = (
      try number("--validate", in: 0...1) ?? 0, try number("--test", in: 0...1) ?? 0.2
    )
    if has("--test"), has("--test-classes") {
      throw UserError("\(name): --test and --test-classes are two ways to say one thing")
    }
    guard let episodes = try episodes(validation: shares.0, test: shares.1) else { return nil }
    let training = episodes.training
    return try naming(episodes.path) {
      let count = episodes.count ?? 600
      try requireMemory(for: count, training)
      var generator = episodes.generator
      func drawn(_ count: Int, _ episodes: Episodes?) -> [LearningTask] {
        episodes.map { episodes in
          (0..<count).map { _ in episodes.task(using: &generator) }
        } ?? []
      }
      let test = drawn(count, episodes.test)
      let validation = drawn(min(count, 100), episodes.validation)
      // Training draws its own; these are for what is looked at before.
      let first = drawn(20, training)
      let setting = try networkSetting(for: training, first)
      let base = try learning(in: setting.problem(first, seed: seed()))
      return TrainingData(
        name: episodes.name, place: episodes.path,
        problem: { seed in
          try base.with(parameters: setting.problem(first, seed: seed).parameters.values)
        },
        base: base, training: .drawn { training.task(using: &$0).data }, validation: validation,
        test: test, layout: nil)
    }
  }

  /// What the options say of network, loss and loop, for episodes.
  private func networkSetting(
    for episodes: Episodes, _ tasks: [LearningTask]
  ) throws -> NetworkSetting {
    try networkSetting(
      inputs: episodes.classes.width, outputs: episodes.ways, areClasses: true, tasks)
  }

  /// Refuses more episodes than fit.
  private func requireMemory(for count: Int, _ episodes: Episodes) throws {
    let points = episodes.ways.saturatingProduct(episodes.shots + episodes.queries)
    let width = episodes.classes.width + episodes.ways
    try autodiff_demo.requireMemory(
      count.saturatingProduct(points).saturatingProduct(8 * width), "--tasks", "\(count) of them")
  }
}
