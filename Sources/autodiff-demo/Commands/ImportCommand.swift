import Meta

/// `import`: a table as a problem file.
let importCommand = Command(
  name: "import",
  summary: "Makes a problem file of a table, for every command that takes one",
  operands: "", operandCount: 0...0,
  options: [.init(name: "--csv", value: "DATA", help: "the table; - is standard input; needed")]
    + Command.Option.ofTable + [
      .init(name: "--out", value: "FILE", help: "where it is written (default: standard output)"),
      .seed("of the start, and of --shuffle"),
    ],
  details: """
    A task is all rows with the same COLUMN; docs/tables.md says what a table may look like. All options but --out may
    stand after any command that takes a FILE, in its place. Numbers are standardised, words become columns of zeros and
    ones, and the file keeps the scaling under "table". With --classes a task is an episode: some classes, and of each
    some rows, drawn by seed. Its numbers are divided by the largest of the classes to train on.
    """,
  example:
    "autodiff-demo import --csv docs/data/elnino.csv --task year --inputs month --targets temperature --support 4"
) { arguments in
  let out = try arguments.output("--out")
  guard let named = try arguments.tableProblem() else {
    throw UserError("import: --csv is missing; it names the table")
  }
  let file = try problemFile(named.problem, named.layout)
  guard let out else { return Answer(file) }
  try out.write(file)
  return Answer("\(named.name)\n  \(named.problem.summary)\nWritten to \(out.path.printable).\n")
}
