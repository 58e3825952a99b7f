import Meta
import Tape

/// `predict`: adapts a trained problem to new tasks, and says what it makes of rows without targets.
let predictCommand = Command(
  name: "predict",
  summary: "Adapts a trained problem to the tasks of a table, and predicts their other rows",
  operands: "FILE", operandCount: 1...1,
  options: [
    .init(name: "--csv", value: "DATA", help: "the new rows; - is standard input; needed"),
    .init(
      name: "--support", value: "N",
      help:
        "adapt to the first N rows of a task, and predict the others (default: all rows with targets, and the rows without)"
    ),
    .init(name: "--steps", value: "K", help: "inner steps (default: as FILE says)"),
    .family,
    .init(name: "--drop-missing", help: "leave out rows with a missing input"),
    .init(name: "--out", value: "FILE", help: "where predictions go (default: standard output)"),
  ],
  details: """
    FILE is a problem that was made from a table, as train --out and import write it: it says which columns are read, and
    how they were scaled. DATA needs the columns of task, inputs and targets; cells of targets may be empty. The answer has a
    row for each one that is predicted: its line in DATA, its task, and what is predicted in the units of the table, or
    the word. A task without a row to adapt to is predicted from where the training ended.
    """,
  example: "autodiff-demo predict trained.json --csv new.csv --out predictions.csv"
) { arguments in
  let path = arguments.operands[0]
  let file = try ProblemFile(path: path)
  guard let layout = file.table else {
    throw UserError("\(path): does not say how it was made from a table, so rows cannot be read")
  }
  guard let data = arguments.value("--csv") else {
    throw UserError("predict: --csv is missing; it names the new rows")
  }
  let support = try arguments.wholeNumber("--support", in: 0...1_000_000_000)
  let steps =
    try arguments.wholeNumber("--steps", in: 0...MetaProblem.maximumSteps) ?? file.problem.steps
  let problem = file.problem.adapting(try arguments.family().adaptation)
  let out = try arguments.output("--out")
  let predictions = try naming(data) {
    let tasks = try TableTasks(
      Table(utf8: Array(contents(of: data))), layout: layout,
      droppingMissing: arguments.has("--drop-missing"), missingTargets: true)
    return try problem.predictions(for: tasks, support: support, steps: steps)
  }
  guard let out else { return Answer(predictions.text) }
  try out.write(predictions.text)
  return Answer(
    "\("row".counted(predictions.rows.count)) predicted, written to \(out.path.printable).\n")
}

extension MetaProblem {
  /// What the network says of the rows of each task that it does not adapt to.
  ///
  /// - Parameters:
  ///   - tasks: The rows, in the layout of the problem.
  ///   - support: How many rows of a task it adapts to; nil for all those with targets.
  ///   - steps: The number of inner steps.
  /// - Throws: ``UserError`` if nothing is to be predicted, ``TableError`` if a row to adapt to lacks a target.
  fileprivate func predictions(
    for tasks: TableTasks, support: Int?, steps: Int
  ) throws -> CSV {
    var csv = CSV(header: ["line", tasks.layout.task] + tasks.layout.targets.map(\.name))
    for task in 0..<tasks.count {
      let rows = tasks.rows(of: task)
      let known = support.map { Array(rows.prefix($0)) } ?? rows.filter(tasks.hasTargets)
      let asked = support.map { Array(rows.dropFirst($0)) } ?? rows.filter { !tasks.hasTargets($0) }
      if asked.isEmpty { continue }
      let inputs = try tasks.inputMatrix(asked)
      // Without a row to adapt to no step is taken, and what is adapted to does not matter.
      let points =
        known.isEmpty
        ? LabelledPoints(
          inputs: inputs, targets: Matrix(Shape(inputs.rows, network.outputWidth), repeating: 0))
        : try tasks.points(known)
      let adapted = predictions(
        for: inputs, after: LearningTask(support: points, query: points),
        steps: known.isEmpty ? 0 : steps)
      for (row, cells) in zip(asked, tasks.layout.cells(of: adapted)) {
        csv.rows.append(["\(tasks.line(of: row))", tasks.names[task]] + cells)
      }
    }
    if csv.rows.isEmpty {
      throw UserError(
        "nothing is to be predicted: "
          + (support.map { "no task has more than \("row".counted($0))" }
            ?? "every row has its targets; --support N adapts to the first N rows of a task"))
    }
    return csv
  }
}
