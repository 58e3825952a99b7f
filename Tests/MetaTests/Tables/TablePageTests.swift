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

    try Self.expect("docs/tables.md", shows: "page")
  }

  /// And those in docs/training.md.
  @Test func theTrainingPageRuns() throws {
    var generator = SeededGenerator(seed: 2)
    let problem = try randomProblem(
      ReLUNetwork(sizes: [1, 3, 1]), loss: .meanSquaredError, steps: 2, tasks: 10, using: &generator
    )
    // [training
    var training = MetaTraining()
    (training.iterations, training.batch) = (2000, 16)
    let split = try TaskSplit(of: problem.tasks.count, validation: 0.1, test: 0.2, seed: 1)
    func part(_ tasks: [Int]) -> [LearningTask] { tasks.map { problem.tasks[$0] } }

    var run = training.start(problem, .maml, seed: 1)
    training.train(
      &run, problem, tasks: .given(part(split.training).map(\.data)),
      validation: part(split.validation).map(\.data))
    let trained = try problem.with(learned: run.learned(of: problem)).with(tasks: part(split.test))
    let accuracyOrLoss = trained.judgements(steps: 5)
    // training]
    #expect(accuracyOrLoss.count == 2 && accuracyOrLoss[0].count == 6)
    try Self.expect("docs/training.md", shows: "training")
  }

  /// Expects that a page shows the lines between two marks of this file.
  private static func expect(_ page: String, shows mark: String) throws {
    func words(_ text: some StringProtocol) -> String {
      text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let lines = source.components(separatedBy: "// [\(mark)\n")[1]
      .components(separatedBy: "// \(mark)]")[0]
    let text = try String(
      contentsOf: repository.appendingPathComponent(page), encoding: .utf8)
    #expect(words(text).contains(words(lines)))
  }
}
