import Meta
import Nets
import Tape
import TestSupport
import Testing

@Suite struct MetaProblemTests {
  static func message(
    parameters: [Matrix]? = nil, steps: Int = 1, rate: Double = 0.1,
    edit: (inout [LearningTask]) -> Void = { _ in }
  ) -> String {
    var generator = SeededGenerator(seed: 1)
    let network = LinearTwoLayer(inputs: 3, width: 2, outputs: 1)
    do {
      let problem = try randomProblem(
        network, loss: .meanSquaredError, steps: 1, using: &generator)
      var tasks = problem.tasks
      edit(&tasks)
      _ = try MetaProblem(
        network: network, loss: .meanSquaredError,
        parameters: parameters ?? problem.parameters.values, steps: steps, learningRate: rate,
        tasks: tasks)
      return "no error"
    } catch { return "\(error)" }
  }

  /// A network that is not as it says.
  struct Odd: Network {
    var names = ["a", "b"]
    var parameters: [ParameterDescription] {
      names.map { ParameterDescription(name: $0, shape: Shape(1, 2), role: .head) }
    }
    var inputWidth: Int { 1 }
    var outputWidth: Int { 1 }
    func callAsFunction(_ inputs: Variable, _ parameters: Parameters<Variable>) -> Variable {
      inputs.matmul(parameters[0]) + parameters[1]
    }
  }

  @Test func networksThatAreNotAsTheySayAreRefused() {
    let points = LabelledPoints(inputs: Matrix(1), targets: Matrix(1))
    func message(_ network: Odd) -> String {
      do {
        _ = try MetaProblem(
          network: network, loss: .meanSquaredError,
          parameters: [Matrix(Shape(1, 2), repeating: 0), Matrix(Shape(1, 2), repeating: 0)],
          steps: 1, learningRate: 1, tasks: [LearningTask(support: points, query: points)])
        return "no error"
      } catch { return "\(error)" }
    }
    #expect(message(Odd()) == "network: it gives outputs of 1×2, but should of 1×1")
    #expect(message(Odd(names: ["a", "a"])) == "network: two parameters are called a")
  }

  @Test func partsThatDoNotFitAreNamed() {
    func blank(_ rows: Int, _ columns: Int) -> Matrix { Matrix(Shape(rows, columns), repeating: 0) }
    #expect(Self.message() == "no error")
    #expect(
      Self.message(parameters: [blank(3, 2)]) == "parameters: 1 matrices, but the network has 2")
    #expect(
      Self.message(parameters: [blank(3, 2), blank(1, 1)])
        == "parameters[1]: W is 1×1, but the network needs 2×1")
    #expect(
      Self.message(parameters: [blank(3, 2), Matrix(Shape(2, 1), repeating: .nan)])
        == "parameters[1].values[0]: nan is not finite")
    #expect(Self.message(steps: -1) == "adaptation.steps: -1 is not between 0 and 1000000")
    #expect(Self.message(steps: 1_000_001).contains("1000001 is not between 0 and 1000000"))
    #expect(
      Self.message { $0[0].support.targets = Matrix(Shape(4, 1), repeating: .nan) }
        == "tasks[0].support.targets.values[0]: nan is not finite")
    #expect(Self.message(rate: .infinity) == "adaptation.learningRate: inf is not finite")
    #expect(Self.message { $0 = [] } == "tasks: there is no task")
    #expect(
      Self.message { $0[1].query.targets = blank(7, 1) }
        == "tasks[1].query.targets: 7 rows, but inputs have 5")
    #expect(
      Self.message { $0[0].support.inputs = blank(4, 2) }
        == "tasks[0].support.inputs: 2 columns, but the network has 3 inputs")
    #expect(
      Self.message { $0[0].support.targets = blank(4, 2) }
        == "tasks[0].support.targets: 2 columns, but the network has 1 outputs")
    #expect(
      Self.message { $0[0].query.inputs = Matrix(Shape(5, 3), repeating: .infinity) }
        == "tasks[0].query.inputs.values[0]: inf is not finite")
  }
}
