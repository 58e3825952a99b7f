import Meta
import Nets
import Tape
import TestSupport
import Testing

/// What does not fit a sampled problem stops, and says what.
@Suite struct SampledMisuseTests {
  @Test func whatRecordsStepsBeforehandStops() async {
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = SampledPolicyTests.problem().metaGradient()
      }, "maml-lvc: route unrolled does not draw data on the way, as adjoint and checkpointed do")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = SampledPolicyTests.problem().ledger()
      }, "does not draw data on the way")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = SampledPolicyTests.problem(steps: 2).drawn()
      }, "one set of trajectories is fixed, but 2 steps have one each")
  }

  @Test func whatDoesNotGoTogetherStops() async {
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = SampledPolicyTests.problem(
          .dice, advantages: AdvantageEstimate(baseline: .none, isStandardized: true))
      }, "dice sums rewards; with standardised advantages take loadedDice(1)")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        var generator = SeededGenerator(seed: 1)
        let policy = GaussianPolicy(ReLUNetwork(sizes: [3, 4, 2]))
        _ = SampledPolicyProblem(
          Navigation(), policy, policy.initialParameters(using: &generator), tasks: [[0, 0]],
          trajectories: 2, learningRate: 0.1, seed: 1)
      }, "an observation has 2 numbers, but for the policy it has 3")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = SampledPolicyTests.problem().data(of: [[1]], seed: 1)
      }, "a task has 1 number, but in this environment 2")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = AdvantageEstimate(baseline: .ridge, decay: 1.5)
      }, "AdvantageEstimate: λ is in 0 … 1, but is 1.5")
  }
}
