import Foundation
import Meta
import Nets
import TestSupport
import Testing

/// The lines of code in docs/tables.md are these, and they do what it says.
@Suite struct TablePageTests {
  @Test func thePageRuns() throws {
    let text = try String(
      contentsOf: repository.appendingPathComponent("docs/data/elnino.csv"), encoding: .utf8)
    // [page
    let table = try Table(text)
    var tasks = try TableTasks(table, task: "year", inputs: ["month"], targets: ["temperature"])
    tasks = try tasks.fitted(on: Array(0..<40))  // scaled on the first 40 years
    let training = try tasks.selecting(Array(0..<40)).tasks(support: 4)

    let network = ReLUNetwork(sizes: [tasks.layout.inputWidth, 40, 40, tasks.layout.targetWidth])
    var generator = SeededGenerator(seed: 1)
    let problem = try MetaProblem(
      network: network, loss: .meanSquaredError,
      parameters: network.initialParameters(using: &generator).values, steps: 5,
      learningRate: 0.005, tasks: training)
    // page]
    #expect(problem.tasks.count == 40)

    func words(_ text: some StringProtocol) -> String {
      text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let lines = source.components(separatedBy: "// [page\n")[1].components(separatedBy: "// page]")[
      0]
    let page = try String(
      contentsOf: repository.appendingPathComponent("docs/tables.md"), encoding: .utf8)
    #expect(words(page).contains(words(lines)))
  }
}
