import Nets
import TestSupport
import Testing

/// Malformed tables end in one line on standard error that names row and column, and status 2.
@Suite struct BadTableTests {
  static let columns = ["--task", "t", "--inputs", "x", "--targets", "y"]
  static let head = "t,x,y\na,1,10\na,2,20\n"
  /// Tables by hand, with what the message says.
  static let tables: [(String, String)] = [
    ("", "the table is empty"),
    ("\n\n", "the table is empty"),
    ("\u{FEFF}", "the table is empty"),
    ("t,x,y\n", "row 2: there is no row under the header"),
    ("t,x,y", "row 1: there is no row under the header"),
    ("t,x\na,1\n", "column 'y': there is no such column ('t', 'x')"),
    ("t x y\na 1 2\n", "column 't': there is no such column ('t x y')"),
    ("T,x,y\na,1,2\n", "column 't': there is no such column ('T', 'x', 'y')"),
    ("t,x,x\na,1,2\n", "row 1, column 'x': columns 2 and 3 have the same name"),
    ("t,,y\na,1,2\n", "row 1: column 2 of 3 has no name"),
    (",t,x,y\n1,a,1,2\n", "row 1: column 1 of 4 has no name"),
    ("1,2,3\n4,5,6\n", "row 1: the first row must name the columns, but it has only numbers"),
    (head + "a,3\n", "row 4: the row has 2 cells, but the header 3 columns"),
    (head + "a,3,4,5\n", "row 4: the row has 4 cells, but the header 3 columns"),
    (head + "a,3,4,\n", "row 4: the row has 4 cells, but the header 3 columns"),
    (
      head + "a,3,14,5\n",
      "row 4: the row has 4 cells, but the header 3 columns (if a number has a decimal"
    ),
    (head + "# the end\n", "row 4: the row has 1 cell, but the header 3 columns"),
    (head + "a,\"3,4\n", "row 4, column 'x': the quote is not closed"),
    ("t,x,\"y\na,1,2\n", "row 1: the quote is not closed"),
    (head + "a,\"3\"4,5\n", "row 4, column 'x': there is text after the closing quote"),
    (head + "a\",3,4\n", "row 4, column 't': a quote within a cell"),
    (head + "a,3\",4\n", "row 4, column 'x': a quote within a cell"),
    (head + "a,,30\n", "row 4, column 'x': the value is missing"),
    (head + ",3,30\n", "row 4, column 't': the value is missing"),
    (head + "a,3,\n", "row 4, column 'y': the value is missing"),
    (head + "a,NA,30\n", "row 4, column 'x': the value is missing"),
    (head + "a,3,NaN\n", "row 4, column 'y': the value is missing"),
    (head + "a,null,30\n", "row 4, column 'x': the value is missing"),
    (head + "a,?,30\n", "row 4, column 'x': the value is missing"),
    (head + "?,3,30\n", "row 4, column 't': the value is missing"),
    (head + "a,inf,30\n", "row 4, column 'x': 'inf' is not finite"),
    (head + "a,3,-Infinity\n", "row 4, column 'y': '-Infinity' is not finite"),
    (head + "a,1e400,30\n", "row 4, column 'x': '1e400' is not finite"),
    (head + "a,\"3,5\",30\n", "row 4, column 'x': '3,5' is not a number: write 3.5"),
    ("t;x;y\na;1;1\na;3,5;2\n", "row 3, column 'x': '3,5' is not a number: write 3.5"),
    ("t;x;y\na;1,5;1\na;3,5;2\n", "row 2, column 'x': '1,5' is not a number: write 1.5"),
    ("t\tx\ty\na\t1\t1,0\na\t2\t3,0\n", "row 2, column 'y': '1,0' is not a number: write 1.0"),
    (head + "a,1 000,30\n", "row 4, column 'x': '1 000' is not a number"),
    (head + "a,1.2.3,30\n", "row 4, column 'x': '1.2.3' is not a number"),
    (head + "a,5%,30\n", "row 4, column 'x': '5%' is not a number"),
    (head + "a,x,30\n", "row 4, column 'x': 'x' is not a number, but row 2 has '1'"),
    (head + "a,3,high\n", "row 4, column 'y': 'high' is not a number, but row 2 has '10'"),
    (head + "a,--3,30\n", "row 4, column 'x': '--3' is not a number"),
    (head + "a,0x1F,30\n", "row 4, column 'x': '0x1F' is not a number"),
    (
      head + "a,2020-01-05,30\n",
      "row 4, column 'x': '2020-01-05' is not a number, but row 2 has '1'"
    ),
    (
      head + "b,3,30\n",
      "row 4, column 't': 2 rows are needed, 1 to adapt to and one to be judged on, but 'b' has 1"
    ),
    (
      head + "b,1,1\nc,1,1\nd,1,1\ne,1,1\nf,1,1\ng,1,1\n",
      "row 4, column 't': 2 rows are needed, 1 to adapt to and one to be judged on, but 'b' has 1, 'c' has 1, 'd' has 1 and 3 more"
    ),
    (
      head + "a,1e308,30\n",
      "column 'x': its numbers, from 1.0 to 1e+308, have no mean and deviation"
    ),
  ]

  @Test(arguments: tables.indices) func oneLine(_ index: Int) throws {
    let (text, message) = Self.tables[index]
    try BadInputTests.expectRefusal(
      ["compare", "--csv", "-"] + Self.columns + ["--support", "1"], input: text,
      "autodiff-demo: standard input: \(message)")
  }

  @Test func thereAreManyTables() { #expect(Self.tables.count >= 40) }

  @Test func otherWords() throws {
    func refuse(_ words: [String], _ message: String) throws {
      try BadInputTests.expectRefusal(words, input: Self.head, message)
    }
    let table = ["--csv", "-"] + Self.columns
    try refuse(
      ["diagnose", "--csv", "-"], "diagnose: --csv needs --task (import --help tells more)")
    try refuse(["diagnose"] + table + ["a.json"], "diagnose: --csv and FILE are two problems")
    try refuse(["diagnose", "--task", "t"], "diagnose: --task is for --csv, which is not given")
    try refuse(["tape", "--seed", "3"], "tape: --seed is for --csv, which is not given")
    try refuse(["import"], "import: --csv is missing")
    try refuse(["import", "--csv", "nowhere.csv"] + Self.columns, "nowhere.csv: cannot be read")
    try refuse(["import"] + table + ["--skip-short"], "--skip-short needs --support")
    try refuse(
      ["import"] + table + ["--skip-short", "--support", "2"],
      "standard input: column 't': no task has 3 rows")
    try refuse(["import"] + table + ["--support", "0"], "--support '0' is not a whole number")
    try refuse(
      ["import"] + table + ["--categories", "z"], "column 'z': it is said to hold categories")
    try refuse(
      ["import"] + table + ["--loss", "softmax-cross-entropy"], "is for one target column of words")
    try refuse(["import"] + table + ["--loss", "mae"], "--loss 'mae' is not one of")
    try refuse(
      ["import"] + table + ["--network", "cnn:1-1"], "--network 'cnn:1-1' is neither relu:")
    try refuse(["import"] + table + ["--network", "relu:1-0-1"], "with sizes of at least 1")
    try refuse(["import"] + table + ["--network", "relu:1"], "is neither relu:")
    try refuse(["import"] + table + ["--network", "linear:1-1"], "is neither relu:")
    try refuse(
      ["import"] + table + ["--network", "relu:2-40-1"],
      "--network 'relu:2-40-1' is from 2 to 1, but the table has 1 inputs and 1 targets")
    try refuse(
      ["import"] + table + ["--network", "relu:1-9999999-9999999-1"], "a weight matrix would need")
    try refuse(
      ["import"] + table + ["--rule", "sgd"], "--rule 'sgd' is not one of gradient-descent")
    try refuse(["import"] + table + ["--rule", "adam:0.9"], "has 1 setting, but adam has decay, ")
    try refuse(
      ["import"] + table + ["--rule", "momentum:1"], "decay 1 is not at least 0 and below 1")
    try refuse(["import"] + table + ["--rule", "momentum:x"], "'x' is not a number")
    try refuse(["import"] + table + ["--rate", "nan"], "--rate 'nan' is not a number from")
    try refuse(["import"] + table + ["--steps", "-1"], "--steps '-1' is not a whole number")
    try refuse(
      ["hypergradients", "--problem", "ridge"] + table, "--problem and FILE are two problems")
  }

  /// A table with changes by chance is taken, or refused in one line.
  @Test func changedByChance() throws {
    var generator = SeededGenerator(seed: 5)
    let table = try DocumentTests.text("docs/data/grunfeld.csv").split(separator: "\n").prefix(60)
      .joined(separator: "\n")
    for _ in 0..<100 {
      let changed = Array(table.utf8).mutated(using: &generator)
      let run = try Demo(
        [
          "import", "--csv", "-", "--task", "firm", "--inputs", "value,capital", "--targets",
          "invest",
        ]
          + ["--network", "relu:2-3-1", "--support", "5"],
        input: String(decoding: changed, as: UTF8.self))
      #expect(run.status == 0 || run.status == 2)
      #expect(run.error.filter(\.isNewline).count == (run.status == 2 ? 1 : 0))
      if run.status == 2 {
        #expect(run.error.contains("row ") || run.error.contains("column '"), "\(run.error)")
      }
    }
  }
}
