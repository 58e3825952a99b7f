import Meta
import Nets
import Tape
import TestSupport
import Testing

/// No text stops the reader: it is taken, or refused with a place.
@Suite struct TableMutationTests {
  static let text = """
    firm,year,value,size,invest
    General Motors,1935,3078.5,large,317.6
    "Steel, US",1935,1362.4,large,209.9
    General Motors,1936,4661.7,large,391.8
    "Steel, US",1936,1807.1,small,355.3
    Diamond,1936,71.2,small,2.0
    General Motors,1937,5387.1,large,410.6
    Diamond,1937,68.9,small,2.1

    """

  @Test func tenThousandTables() {
    var generator = SeededGenerator(seed: 13)
    var (taken, placed, other) = (0, 0, Set<String>())
    for _ in 0..<10_000 {
      let bytes = Array(Self.text.utf8).mutated(using: &generator)
      do {
        let tasks = try TableTasks(
          Table(utf8: bytes), task: "firm", inputs: ["value", "size"], targets: ["invest"])
        let learning = try tasks.withAtLeast(rows: 2).tasks(support: 1)
        #expect(
          learning.allSatisfy {
            ($0.data.flattened).allSatisfy(\.isFinite) && $0.support.inputs.rows == 1
          })
        taken += 1
      } catch {
        #expect(!"\(error)".contains { $0.isNewline })
        if error.row != nil || error.column != nil { placed += 1 } else { other.insert("\(error)") }
      }
    }
    // Only where nothing is left is there no place to name.
    #expect(other.isSubset(of: ["the table is empty: its first row must name the columns"]))
    #expect(taken > 1000 && placed > 1000)
  }
}
