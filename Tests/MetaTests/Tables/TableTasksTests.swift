import Meta
import Nets
import Tape
import TestSupport
import Testing

/// Rows become the tasks that they should, scaled by those to train on.
@Suite struct TableTasksTests {
  /// Rows of three tasks, mixed; `b` is the smallest.
  static let text = """
    task,x,colour,y
    b,1,red,10
    a,2,blue,20
    b,3,red,30
    c,4,green,40
    a,5,red,50
    c,6,blue,60
    a,7,blue,80
    c,8,red,70
    """

  static func tasks(
    _ text: String = text, inputs: [String] = ["x", "colour"], targets: [String] = ["y"],
    categories: Set<String> = [], droppingMissing: Bool = false, standardised: Bool = true
  ) throws -> TableTasks {
    try TableTasks(
      Table(text), task: "task", inputs: inputs, targets: targets, categories: categories,
      droppingMissing: droppingMissing, standardised: standardised)
  }

  @Test func rowsNeedNotBeAdjacent() throws {
    let tasks = try Self.tasks(standardised: false)
    #expect(tasks.names == ["b", "a", "c"])
    #expect((0..<3).map(tasks.rows) == [[0, 2], [1, 4, 6], [3, 5, 7]])
    #expect(tasks.line(of: 4) == 6)
    let learning = try tasks.tasks(support: 1)
    // Categories in the order of their names: blue, green, red.
    #expect(learning[1].support.inputs == (try Matrix([[2, 1, 0, 0]])))
    #expect(learning[1].query.inputs == (try Matrix([[5, 0, 0, 1], [7, 1, 0, 0]])))
    #expect(learning[1].query.targets == (try Matrix([[50], [80]])))
  }

  /// numpy: x of b and a has mean 3.6 and deviation 2.1540659228538015, y 38 and 24.819347291981714.
  @Test func standardisedOnTheGivenTasks() throws {
    let tasks = try Self.tasks().fitted(on: [0, 1])
    let layout = tasks.layout
    guard case .number(let mean, let deviation) = layout.inputs[0].kind,
      case .number(let targetMean, let targetDeviation) = layout.targets[0].kind
    else {
      Issue.record("numbers are numbers")
      return
    }
    #expect(abs(mean - 3.6) < 1e-15 && abs(deviation - 2.1540659228538015) < 1e-15)
    #expect(targetMean == 38 && abs(targetDeviation - 24.819347291981714) < 1e-14)
    #expect(layout.inputs[1].kind == .categories(["blue", "red"]))
    #expect((layout.inputWidth, layout.targetWidth) == (3, 1))

    let points = try tasks.points([6])
    #expect(abs(points.inputs[0, 0] - 1.578410374504941) < 1e-14)
    #expect(abs(layout.unscaled(points.targets)[0, 0] - 80) < 1e-13)
    // Green is in task c alone.
    let error = #expect(throws: TableError.self) { try tasks.tasks(support: 1) }
    #expect(error?.description == "row 5, column 'colour': 'green' is not one of 'blue', 'red'")
    #expect(try tasks.selecting([1, 0]).tasks(support: 1).count == 2)
  }

  @Test func constantColumns() throws {
    let tasks = try Self.tasks("task,x,y\na,0.1,1\na,0.1,2\na,0.1,3\n", inputs: ["x"])
    #expect(tasks.layout.inputs[0].kind == .number(mean: 0.1, deviation: 1))
    #expect(try tasks.points([0, 2]).inputs.elements == [0, 0])
  }

  @Test func predictionsAsCells() throws {
    let layout = TableLayout(
      task: "task", inputs: [],
      targets: [
        TableColumn(name: "y", kind: .number(mean: 1, deviation: 2)),
        TableColumn(name: "c", kind: .categories(["no", "yes"])),
      ])
    let predictions = try Matrix([[0.5, 3, 1], [-1, 0, 2]])
    #expect(layout.unscaled(predictions) == (try Matrix([[2, 3, 1], [-1, 0, 2]])))
    #expect(layout.cells(of: predictions) == [["2.0", "no"], ["-1.0", "yes"]])
  }

  @Test func numbersAsCategories() throws {
    let tasks = try Self.tasks(
      "task,x,y\na,1,7\na,2,8\na,3,7\n", inputs: ["x"], targets: ["y"], categories: ["y"])
    #expect(tasks.layout.targets[0].kind == .categories(["7", "8"]))
  }

  @Test func anotherTableInTheSameLayout() throws {
    let tasks = try Self.tasks()
    let table = try Table("y,colour,x,task,more\n,red,2,z,?\n50,blue,4,z,1\n,red,,z,1\n")
    let new = try TableTasks(
      table, layout: tasks.layout, droppingMissing: true, missingTargets: true)
    #expect((new.names, new.droppedRows) == (["z"], 1))
    #expect([0, 1].map(new.hasTargets) == [false, true])
    #expect(try new.inputMatrix([0, 1]).elements.suffix(3) == [1, 0, 0])
    #expect(try new.points([1]).targets == tasks.points([4]).targets)
    let error = #expect(throws: TableError.self) { try new.points([0]) }
    #expect(error?.description == "row 2, column 'y': the value is missing")
  }

  @Test func tooFewRows() throws {
    let tasks = try Self.tasks()
    let error = #expect(throws: TableError.self) { try tasks.tasks(support: 2) }
    #expect(
      error?.description
        == "row 2, column 'task': 3 rows are needed, 2 to adapt to and one to be judged on, but 'b' has 2"
    )
    let longer = tasks.withAtLeast(rows: 3)
    #expect(try longer.names == ["a", "c"] && longer.tasks(support: 2).count == 2)
    let none = #expect(throws: TableError.self) {
      try tasks.withAtLeast(rows: 9).tasks(support: 8)
    }
    #expect(none?.description == "column 'task': no task has 9 rows")
  }

  @Test func shuffledRowsAreTheSameRows() throws {
    var (one, other) = (SeededGenerator(seed: 3), SeededGenerator(seed: 3))
    let tasks = try Self.tasks()
    let shuffled = tasks.shuffled(using: &one)
    let again = tasks.shuffled(using: &other)
    #expect((0..<3).map(shuffled.rows) == (0..<3).map(again.rows))
    #expect((0..<3).map { shuffled.rows(of: $0).sorted() } == (0..<3).map(tasks.rows))
    #expect((0..<3).map(shuffled.rows) != (0..<3).map(tasks.rows))
  }

  @Test func drawnTasksAreRowsOfOneTask() throws {
    var generator = SeededGenerator(seed: 1)
    let tasks = try Self.tasks(standardised: false).withAtLeast(rows: 3)
    var seen: Set<[Double]> = []
    for task in tasks.tasks(100, support: 2, query: 1, using: &generator) {
      let x = (task.support.targets.elements + task.query.targets.elements)
      #expect(x.count == 3)
      #expect([[20, 50, 80], [40, 60, 70]].contains(x.sorted()))
      seen.insert(x)
    }
    #expect(seen.count == 12)
  }

  @Test func tooFewRowsToDrawStop() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var generator = SeededGenerator(seed: 1)
      _ = try TableTasksTests.tasks().selecting([0]).task(support: 2, query: 1, using: &generator)
    }
    let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(message.contains("TableTasks: 'b' has 2 rows, but 2 + 1 are to be drawn"))
  }

  @Test(arguments: [
    ("3,5", "row 4, column 'x': '3,5' is not a number: write 3.5"),
    (
      "1,234",
      "row 4, column 'x': '1,234' is not a number: write 1.234, or 1234 if thousands are meant"
    ),
    ("1 234", "row 4, column 'x': '1 234' is not a number"),
    ("-1.2.3", "row 4, column 'x': '-1.2.3' is not a number"),
    ("12%", "row 4, column 'x': '12%' is not a number"),
    ("cold", "row 4, column 'x': 'cold' is not a number, but row 2 has '1'"),
    ("0x10", "row 4, column 'x': '0x10' is not a number, but row 2 has '1'"),
    ("-Inf", "row 4, column 'x': '-Inf' is not finite"),
    ("1e999", "row 4, column 'x': '1e999' is not finite"),
    ("NA", "row 4, column 'x': the value is missing"),
    (
      "1e308",
      "column 'x': its numbers, from 1.0 to 1e+308, have no mean and deviation in double precision"
    ),
  ])
  func badCells(_ cell: String, _ message: String) throws {
    let text = "task;x;y\na;1;2\na;2;3\na;\(cell);4\na;5;5\n"
    let error = #expect(throws: TableError.self) { try Self.tasks(text, inputs: ["x"]) }
    #expect(error?.description == message)
  }

  /// A column in which every number has a decimal comma is no column of words.
  @Test(arguments: ["3,5", "1e999", "5%"]) func onlyBadNumbers(_ cell: String) throws {
    let text = "task;x;y\na;\(cell);2\na;\(cell);3\n"
    let error = #expect(throws: TableError.self) { try Self.tasks(text, inputs: ["x"]) }
    #expect(error?.description.hasPrefix("row 2, column 'x': '\(cell)' is not") == true)
  }

  @Test(arguments: ["10-20", "2020-01-05", "3rd", "n/a"]) func words(_ cell: String) throws {
    let tasks = try Self.tasks("task;x;y\na;\(cell);2\na;other;3\n", inputs: ["x"])
    #expect(tasks.layout.inputWidth == 2)
  }

  @Test(arguments: ["1", "-2.5", "+.5", "3.", "1e-3", "6.02E+23", "0012", "-0"])
  func numbersKeepTheirBits(_ cell: String) throws {
    let tasks = try Self.tasks(
      "task,x,y\na,\(cell),1\n", inputs: ["x"], standardised: false)
    let read = try tasks.points([0]).inputs.elements[0]
    #expect(read.bitPattern == Double(cell.hasSuffix(".") ? cell + "0" : cell)?.bitPattern)
  }

  @Test func badColumns() throws {
    func message(_ inputs: [String], _ targets: [String], _ categories: Set<String> = []) -> String
    {
      do {
        _ = try Self.tasks(inputs: inputs, targets: targets, categories: categories)
        return "taken"
      } catch { return "\(error)" }
    }
    #expect(message([], ["y"]) == "no column is an input")
    #expect(message(["x"], []) == "no column is a target")
    #expect(
      message(["z"], ["y"])
        == "column 'z': there is no such column ('task', 'x', 'colour', 'y')")
    #expect(
      message(["x", "y"], ["y"])
        == "column 'y': it is named twice: a column is the task, an input or a target")
    #expect(
      message(["x"], ["y"], ["colour"])
        == "column 'colour': it is said to hold categories, but is neither input nor target")
    let many = "task,x,y\n" + (0..<300).map { "a,w\($0),1\n" }.joined()
    #expect(throws: TableError.self) { try Self.tasks(many, inputs: ["x"]) }
    let missing = #expect(throws: TableError.self) {
      try Self.tasks("task,x,y\na,,1\n", inputs: ["x"], droppingMissing: true)
    }
    #expect(missing?.description == "no row is left: a value is missing in each")
  }
}
