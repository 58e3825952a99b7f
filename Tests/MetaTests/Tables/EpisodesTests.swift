import Meta
import Nets
import Tape
import Testing

@Suite struct EpisodesTests {
  /// Seven classes of different sizes; the first entry of a row says its class, the second its number in it.
  private static func classes() throws -> RowClasses {
    let rows = (0..<70).map { [Double($0 % 7), Double($0 / 7), 0.5, -1] }
    return RowClasses(
      try Matrix(rows.filter { $0[1] < 6 + $0[0] }),
      labels: rows.filter { $0[1] < 6 + $0[0] }.map { "c\(Int($0[0]))" })
  }

  @Test func rowsAreSortedByTheirLabels() throws {
    let classes = RowClasses(
      try Matrix([[1, 2], [3, 4], [5, 6], [7, -8]]), labels: ["b", "a", "b", "c"])
    #expect(classes.names == ["b", "a", "c"])
    #expect(
      try classes.rows == [Matrix([[1, 2], [5, 6]]), Matrix([[3, 4]]), Matrix([[7, -8]])])
    #expect(classes.width == 2 && classes.largest == 8)
    #expect(classes.divided(by: 8).rows[0].elements == [0.125, 0.25, 0.625, 0.75])
  }

  @Test func drawsDifferentClassesAndDifferentRowsOfEach() throws {
    let episodes = try Episodes(of: Self.classes(), ways: 4, shots: 2, queries: 3)
    var generator = SeededGenerator(seed: 3)
    var seen: [Set<[Double]>] = [[], []]
    for _ in 0..<200 {
      let task = episodes.task(using: &generator)
      let drawn = [task.support, task.query].map { points in
        (0..<points.inputs.rows).map { points.inputs.rows($0..<$0 + 1).elements }
      }
      #expect(drawn.map(\.count) == [8, 12])
      #expect(Set(drawn.joined()).count == 20)
      for (points, each) in [(task.support, 2), (task.query, 3)] {
        // One-hot, in the order drawn, the same in support and query set.
        #expect(points.targets == Matrix(Shape(4 * each, 4)) { $0 / each == $1 ? 1 : 0 })
      }
      let labels = drawn.map { $0.map { $0[0] } }
      #expect(Set(labels[0]).count == 4)
      for label in 0..<4 {
        #expect(
          Set(labels[0][2 * label..<2 * label + 2] + labels[1][3 * label..<3 * label + 3]).count
            == 1)
      }
      for part in 0..<2 { seen[part].formUnion(drawn[part]) }
    }
    // Nothing that there is, is never drawn, neither to adapt to nor to be judged on.
    #expect(seen.map(\.count) == [60, 60])
  }

  @Test func classesAndRowsAreDrawnEvenly() throws {
    let classes = RowClasses(
      Matrix(Shape(12, 1)) { row, _ in Double(row) }, labels: (0..<12).map { "\($0 / 4)" })
    let episodes = try Episodes(of: classes, ways: 2, shots: 1, queries: 1)
    var generator = SeededGenerator(seed: 1)
    var counts = Array(repeating: 0, count: 12)
    for _ in 0..<6000 {
      let task = episodes.task(using: &generator)
      for row in task.support.inputs.elements { counts[Int(row)] += 1 }
    }
    // 1000 expected of each; the deviation is at most 29.
    #expect(counts.allSatisfy { abs($0 - 1000) < 145 }, "\(counts)")
  }

  @Test func equalSeedsGiveEqualEpisodes() throws {
    let episodes = try Episodes(of: Self.classes(), ways: 3, shots: 1, queries: 2)
    var generators = [1, 1, 2].map { SeededGenerator(seed: $0) }
    let drawn = (0..<3).map { episodes.tasks(5, support: 3, query: 6, using: &generators[$0]) }
    #expect(drawn[0] == drawn[1] && drawn[0] != drawn[2])
    var again = SeededGenerator(seed: 1)
    #expect(episodes.task(using: &again) == drawn[0][0])
    #expect(Set(drawn[0].map(\.support.inputs.elements)).count == 5)
  }

  @Test func fourTurnsAreNone() throws {
    let image = RowClasses(try Matrix([[1, 2, 3, 4, 5, 6, 7, 8, 9]]), labels: ["x"])
    let turned = try image.rotated()
    #expect(turned.names == ["x", "x turned 90°", "x turned 180°", "x turned 270°"])
    #expect(
      turned.rows.map(\.elements) == [
        [1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 6, 9, 2, 5, 8, 1, 4, 7],
        [9, 8, 7, 6, 5, 4, 3, 2, 1], [7, 4, 1, 8, 5, 2, 9, 6, 3],
      ])
    let last = try RowClasses(turned.rows[3], labels: ["y"]).rotated()
    #expect(last.rows[1] == image.rows[0])
  }

  @Test func trainingAndTestHaveNoClassInCommon() throws {
    let classes = try Self.classes()
    let (training, test) = try classes.split(test: ["c5", "c0"])
    #expect(training.names == ["c1", "c2", "c3", "c4", "c6"] && test.names == ["c0", "c5"])
    #expect(training.rows.map(\.rows) == [7, 8, 9, 10, 10])
    #expect(test.rows.map { $0[0, 0] } == [0, 5])
    var generators = [1, 1, 2].map { SeededGenerator(seed: $0) }
    let drawn = try (0..<3).map { try classes.split(testShare: 0.4, using: &generators[$0]) }
    for (training, test) in drawn {
      #expect(training.names.count == 4 && test.names.count == 3)
      #expect(Set(training.names + test.names).count == 7)
    }
    #expect(drawn[0] == drawn[1] && drawn[0].test != drawn[2].test)
  }

  @Test func whatDoesNotFitIsSaidInALine() throws {
    let classes = try Self.classes()
    func message(_ work: () throws -> Void) -> String? {
      do { try work() } catch { return "\(error)" }
      return nil
    }
    func episodes(_ ways: Int, _ shots: Int, _ queries: Int) -> String? {
      message { _ = try Episodes(of: classes, ways: ways, shots: shots, queries: queries) }
    }
    #expect(episodes(7, 1, 5) == nil)
    #expect(episodes(8, 1, 5) == "8 ways, but 7 classes: 'c0', 'c1', 'c2' and 4 more")
    #expect(
      episodes(5, 2, 6)
        == "class 'c0' (and 1 more) has 6 rows, but an episode takes 2 + 6 of each")
    #expect(
      episodes(5, 2, 5) == "class 'c0' has 6 rows, but an episode takes 2 + 5 of each")
    #expect(episodes(2, 1, .max)?.hasPrefix("class 'c0' (and 6 more) has 6 rows") == true)
    #expect(episodes(1, 1, 1) == "1 ways, but an episode has at least 2")
    #expect(episodes(2, 0, 1) == "0 shots, but an episode has at least 1")
    #expect(episodes(2, 1, -1) == "-1 queries, but an episode has at least 1")
    #expect(
      message { _ = try RowClasses(Matrix([[1, 2, 3]]), labels: ["a"]).rotated() }
        == "a row of 3 numbers is no square image, so it cannot be rotated")
    #expect(
      message { _ = try classes.split(test: ["c1", "z"]) }
        == "there is no class 'z' to test on ('c0', 'c1', 'c2' and 4 more)")
    #expect(
      message { _ = try classes.split(test: ["c1", "c1"]) } == "class 'c1' is listed twice")
    for all in [[], classes.names] {
      #expect(
        message { _ = try classes.split(test: all) }
          == "\(all.count) of 7 classes to test on leave a side without one")
    }
    var generator = SeededGenerator(seed: 1)
    for share in [0, 1, -0.5, .nan, .infinity] {
      #expect(
        message { _ = try classes.split(testShare: share, using: &generator) }
          == "a share of \(share) classes is not between 0 and 1")
    }
    #expect(
      message { _ = try classes.split(testShare: 0.01, using: &generator) }
        == "0 of 7 classes to test on leave a side without one")
  }

  @Test func aTableIsSortedByAColumn() throws {
    let table = try Table("x,kind,y\n1,b,2\n3,a,4\n5,b,NA\n7,c,-8\n")
    let dropped = try RowClasses(table, classes: "kind", droppingMissing: true)
    #expect(dropped.names == ["b", "a", "c"] && dropped.column == "kind")
    #expect(dropped.rows.map(\.elements) == [[1, 2], [3, 4], [7, -8]])
    let narrow = try RowClasses(table, classes: "kind", inputs: ["x"])
    #expect(narrow.rows.map(\.elements) == [[1, 5], [3], [7]])
    for (text, classes, inputs, message) in [
      ("k,x\na,1\nb,\n", "k", nil, "row 3, column 'x': the value is missing"),
      ("k,x\na,1\nb,2\n,3\n", "k", nil, "row 4, column 'k': the value is missing"),
      ("k;x\na;1\nb;3,5\n", "k", nil, "row 3, column 'x': '3,5' is not a number: write 3.5"),
      ("k,x\na,1\nb,far\n", "k", nil, "row 3, column 'x': 'far' is not a number"),
      ("k,x\na,1\nb,inf\n", "k", nil, "row 3, column 'x': 'inf' is not finite"),
      ("k,x\na,1\n", "z", nil, "column 'z': there is no such column ('k', 'x')"),
      ("k,x\na,1\n", "k", ["y"], "column 'y': there is no such column ('k', 'x')"),
      (
        "k,x\na,1\n", "k", ["k"],
        "column 'k': it is named twice: a column is the class or an input"
      ),
      ("k\na\n", "k", nil, "no column is an input"),
    ] as [(String, String, [String]?, String)] {
      do {
        _ = try RowClasses(Table(text), classes: classes, inputs: inputs)
        Issue.record("\(text) was taken")
      } catch {
        #expect("\(error)" == message)
      }
    }
    do {
      _ = try Episodes(of: dropped, ways: 3, shots: 1, queries: 1)
      Issue.record("one row was taken for two")
    } catch {
      #expect(
        "\(error)"
          == "column 'kind': class 'b' (and 2 more) has 1 row, but an episode takes 1 + 1 of each")
    }
  }

  @Test func sizesThatDoNotFitStop() async {
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = RowClasses(Matrix(1), labels: [])
      }, "RowClasses: 0 labels for rows of 1×1")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        try EpisodesTests.drawOfTwoClasses(support: 3, query: 2)
      }, "Episodes: 3 + 2 points do not fit 2 ways")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        try EpisodesTests.drawOfTwoClasses(support: 4, query: 6)
      }, "Episodes: 2 + 3 rows of a class that has 4")
  }

  private static func drawOfTwoClasses(support: Int, query: Int) throws {
    let classes = RowClasses(
      Matrix(Shape(8, 1), repeating: 1), labels: (0..<8).map { "\($0 % 2)" })
    var generator = SeededGenerator(seed: 1)
    _ = try Episodes(of: classes, ways: 2, shots: 1, queries: 1)
      .task(support: support, query: query, using: &generator)
  }
}
