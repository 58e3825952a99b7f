import Meta
import Nets
import Tape
import TestSupport
import Testing

/// What does not fit stops, and says what and where.
@Suite struct MisuseTests {
  /// A problem in which each part can be spoiled.
  static func problem(
    outer: Parameters<Matrix> = ["start": Matrix(1), "learningRate": Matrix(0.1)],
    learned: [String]? = nil, tasks: [Parameters<Matrix>] = [["x": Matrix(1)]], steps: Int = 1,
    rule: any UpdateRule = GradientDescent(),
    inner: @escaping @Sendable (Variable) -> Variable = { 0.5 * $0 * $0 },
    judged: @escaping @Sendable (Variable) -> Variable = { $0 }
  ) -> Bilevel {
    Bilevel(
      "toy", outer: outer, learned: learned, tasks: tasks, steps: steps, rule: rule,
      start: { ["θ": $0["start"]] }, innerLoss: { own, _, _ in inner(own["θ"]) },
      outerLoss: { own, _, _ in judged(own["θ"]) })
  }

  static let column = Matrix(Shape(2, 1), repeating: 1)

  struct Summing: UpdateRule {
    func step(_ update: Update, state: inout [Variable]) -> Variable { update.gradient.sum() }
  }

  struct Shrinking: UpdateRule {
    var stateCount: Int { 1 }
    func step(_ update: Update, state: inout [Variable]) -> Variable {
      state[0] = update.gradient.sum()
      return update.value
    }
  }

  struct Asking: UpdateRule {
    var settings: Parameters<Matrix> { ["decay": Matrix(0.5)] }
    func step(_ update: Update, state: inout [Variable]) -> Variable {
      update.value - update["dekay"] * update.gradient
    }
  }

  @Test func ratesAndTasksThatDoNotFit() async {
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = MisuseTests.problem(outer: [
          "start": Matrix(1), "learningRate": Matrix(0.1), "learningRate/theta": Matrix(0.1),
        ])
        .metaGradient()
      }, "toy: 'learningRate/theta' is an outer variable, but nothing of that name moves")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = MisuseTests.problem(outer: [
          "start": MisuseTests.column, "learningRate/θ": Matrix(Shape(1, 2), repeating: 0.1),
        ]) {
          0.5 * ($0 * $0).sum()
        } judged: {
          $0.sum()
        }.metaGradient()
      }, "the rate of θ is 1×2, neither 1×1 nor 2×1")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        MetaGradientEvaluator(MisuseTests.problem()).setTasks([["y": Matrix(1)]])
      }, "setTasks: [\"y\"] instead of [\"x\"]")
  }

  /// Of many last steps the price is that of the loop, and not of an exact one.
  @Test(arguments: [1, 3, 5], Route.stored)
  func truncationIsPricedAsItIs(_ last: Int, _ route: Route) {
    let problem = Self.problem(steps: 9)
    let predicted = problem.predictedCost(order: .lastSteps(last), by: route)
    let counted = problem.metaGradient(order: .lastSteps(last), by: route).cost
    #expect(predicted.instructions == counted.instructions)
  }

  @Test func problemsThatDoNotFit() async {
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = MisuseTests.problem(learned: ["start", "bogus"]).metaGradient()
      }, "toy: 'bogus' is learned, but the outer variables are start, learningRate")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = MisuseTests.problem(learned: ["start", "bogus"]).ledger()
      }, "toy: 'bogus' is learned, but the outer variables are start, learningRate")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = MisuseTests.problem(outer: [
          "start": Matrix(1), "learningRate": Matrix(1), "start": Matrix(2),
        ])
        .metaGradient()
      }, "toy: two outer variables are called start")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = MisuseTests.problem(tasks: [["x": Matrix(1)], ["y": Matrix(1)]]).metaGradient()
      }, "toy: task 0 has [\"x\"], but task 1 has [\"y\"]")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = MisuseTests.problem(tasks: []).metaGradient()
      }, "toy: there is no task")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = MisuseTests.problem(steps: -1).metaGradient()
      }, "toy: steps is at least 0, but is -1")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = MisuseTests.problem(outer: ["start": Matrix(1)]).metaGradient()
      }, "nothing is called 'learningRate'; there are start")
  }

  @Test func lossesAreNumbers() async {
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = MisuseTests.problem(
          outer: ["start": MisuseTests.column, "learningRate": Matrix(0.1)], inner: { $0 * $0 },
          judged: { $0.sum() }
        ).metaGradient(by: .unrolled)
      }, "the inner loss is 2×1, not 1×1")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = MisuseTests.problem(
          outer: ["start": MisuseTests.column, "learningRate": Matrix(0.1)],
          inner: { ($0 * $0).sum() }
        ).metaGradient(by: .adjoint)
      }, "toy: the outer loss is 2×1, not 1×1")
  }

  @Test func rulesKeepShapesAndKnowTheirSettings() async {
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = MisuseTests.problem(
          outer: ["start": MisuseTests.column, "learningRate": Matrix(0.1)], rule: Summing(),
          inner: { ($0 * $0).sum() }, judged: { $0.sum() }
        ).metaGradient()
      }, "Summing(): a step from 2×1 with 0 of state gives [1×1]")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = MisuseTests.problem(
          outer: ["start": MisuseTests.column, "learningRate": Matrix(0.1)], rule: Shrinking(),
          inner: { ($0 * $0).sum() }, judged: { $0.sum() }
        ).metaGradient()
      }, "Shrinking(): a step from 2×1 with 1 of state gives [2×1, 1×1]")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = MisuseTests.problem(rule: Asking()).metaGradient()
      }, "Update: no setting is called 'dekay'; the rule has [\"decay\"]")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = MisuseTests.problem(
          outer: ["start": Matrix(1), "learningRate": Matrix(1), "rule/dekay": Matrix(1)],
          rule: Momentum()
        ).metaGradient()
      }, "toy: 'rule/dekay' is an outer variable, but the settings of Momentum(decay: 0.9) are")
  }

  @Test func evaluatorsAndLogarithms() async {
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        MetaGradientEvaluator(MisuseTests.problem()).setLearned([MisuseTests.column, Matrix(1)])
      }, "setLearned: [2×1, 1×1] for [1×1, 1×1]")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        MetaGradientEvaluator(MisuseTests.problem()).set("bogus", to: Matrix(1))
      }, "set: no outer variable 'bogus' is 1×1")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        MetaGradientEvaluator(MisuseTests.problem()).setOuter(["start": Matrix(1)])
      }, "setOuter: [\"start\"] [1×1] for [\"start\", \"learningRate\"]")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        MetaGradientEvaluator(MisuseTests.problem()).setTasks([Parameters<Matrix>]())
      }, "setTasks: there is no task")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = MisuseTests.problem(outer: ["start": Matrix(1), "learningRate": Matrix(-0.1)])
          .learningLogarithms(of: ["learningRate"])
      }, "learningLogarithms(of:): learningRate is [[-0.1]], which has no logarithm")
  }
}

/// Expects that a process stopped, and said why.
func expectStop(
  _ result: ExitTest.Result?, _ message: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let said = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  #expect(said.contains(message), "\(said.prefix(300))", sourceLocation: sourceLocation)
}
