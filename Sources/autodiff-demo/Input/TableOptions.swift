import Foundation
import Meta
import Nets
import Tape

extension Command.Option {
  /// A table in place of FILE, and what goes with it; `import --help` lists all of them.
  static let table =
    [
      Command.Option(
        name: "--csv", value: "DATA", help: "a table in place of FILE: see import --help")
    ] + ofTable.map { $0.unlisted }

  /// The same where the command has no seed of its own.
  static let tableWithSeed =
    table + [.init(name: "--seed", value: "N", help: "", needs: "--csv", isListed: false)]

  /// What goes with `--csv`.
  static let ofTable: [Command.Option] =
    [
      ("--task", "COLUMN", "names the task of a row; needed"),
      ("--inputs", "A,B", "columns that the network reads; needed"),
      ("--targets", "C", "columns that it predicts; needed"),
      (
        "--support", "N",
        "rows of a task to adapt to, its first; the others judge (default: half of the shortest task)"
      ),
      ("--shuffle", nil, "shuffle the rows of each task before, by seed"),
      ("--skip-short", nil, "leave out tasks with fewer than N + 1 rows"),
      ("--drop-missing", nil, "leave out rows with a missing value"),
      ("--categories", "A,B", "columns of numbers that are names"),
      ("--raw", nil, "do not standardise"),
      (
        "--network", "NET",
        "relu:1-40-40-1 or linear:20-3-1 (default: relu with two layers of 40)"
      ),
      (
        "--loss", "L",
        "\(names(Loss.self)) (default: the last for one target of words, else \(Loss.meanSquaredError))"
      ),
      ("--steps", "K", "inner steps (default 5)"),
      (
        "--rate", "R",
        "of the inner loop (default: what the curvature at the start bears, at most 0.1)"
      ),
      (
        "--rule", "RULE",
        "of the inner loop: " + usualRules.map(nameWithSettings).list
          + " (default gradient-descent)"
      ),
    ].map { Command.Option(name: $0, value: $1, help: $2, needs: "--csv") } + ofEpisodes

  private var unlisted: Command.Option {
    var option = self
    option.isListed = false
    return option
  }
}

extension String {
  /// The names in a list, one or separated by commas; one that is known may hold a comma itself.
  func words(of known: [String]) -> [String] {
    if known.contains(self) { return [self] }
    return split(separator: ",", omittingEmptySubsequences: false).map {
      $0.trimmingCharacters(in: .whitespaces)
    }
  }
}

/// The tasks of a table, as options take them.
struct NamedTable: Sendable {
  /// The name of the file, with what was left out.
  let name: String
  let path: String
  /// Scaled on all tasks; ``TableTasks/fitted(on:standardised:)`` scales them on some.
  let tasks: TableTasks
  /// How many rows of a task are to adapt to.
  let support: Int
  /// Whether numbers are scaled.
  let isStandardised: Bool
}

extension Arguments {
  /// The tasks of the table; nil if there is none.
  ///
  /// Each has a row at least to be judged on, or `--skip-short` has left it out.
  func table() throws -> NamedTable? {
    guard let path = value("--csv") else { return nil }
    func needed(_ option: String) throws -> String {
      guard let value = value(option) else {
        throw UserError("\(name): --csv needs \(option) (import --help tells more)")
      }
      return value
    }
    let (task, inputs, targets) = (
      try needed("--task"), try needed("--inputs"), try needed("--targets")
    )
    var support = try wholeNumber("--support", in: 1...1_000_000_000)
    let seed = try seed()
    return try naming(path) {
      let table = try Table(utf8: Array(contents(of: path)))
      var tasks = try TableTasks(
        table, task: task, inputs: inputs.words(of: table.columns),
        targets: targets.words(of: table.columns),
        categories: Set(value("--categories")?.words(of: table.columns) ?? []),
        droppingMissing: has("--drop-missing"), standardised: !has("--raw"))
      var notes = [nameOfProblem(path)]
      if tasks.droppedRows > 0 { notes.append("\("row".counted(tasks.droppedRows)) dropped") }
      if has("--skip-short") {
        guard let support else { throw UserError("--skip-short needs --support") }
        let count = tasks.count
        tasks = tasks.withAtLeast(rows: support + 1)
        if tasks.count < count {
          notes.append("\("short task".counted(count - tasks.count)) skipped")
          if tasks.count > 0 { tasks = try tasks.fitted(standardised: !has("--raw")) }
        }
      }
      if has("--shuffle") {
        var generator = SeededGenerator(seed: seed)
        tasks = tasks.shuffled(using: &generator)
      }
      let shortest = (0..<tasks.count).map { tasks.rows(of: $0).count }.min() ?? 0
      support = support ?? max(1, shortest / 2)
      return NamedTable(
        name: notes.list, path: path, tasks: tasks, support: support ?? 1,
        isStandardised: !has("--raw"))
    }
  }

  /// The problem of the table, with the start that the seed gives; nil if there is none.
  func tableProblem() throws -> NamedProblem? {
    if let episodes = try episodeProblem() { return episodes }
    guard let table = try table() else { return nil }
    let layout = table.tasks.layout
    let tasks = try naming(table.path) { try table.tasks.tasks(support: table.support) }
    let setting = try networkSetting(for: layout, tasks)
    let problem = try setting.problem(tasks, seed: seed())
    return NamedProblem(name: table.name, problem: problem, path: table.path, layout: layout)
  }
}
