import Meta
import Nets
import Tape
import TestSupport
import Testing

/// What stops: mistakes in a program, and a gain on the very border of stability.
@Suite struct ExactPartStopTests {
  /// s′ = s + u, which a gain of 0 leaves as it is.
  static func integrator() throws -> LinearQuadraticRegulator {
    try LinearQuadraticRegulator(
      stateMatrix: Matrix(1), inputMatrix: Matrix(1), stateCost: Matrix(1), inputCost: Matrix(1),
      startCovariance: Matrix(1))
  }

  @Test func gains() async {
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = try ExactPartStopTests.integrator().cost(of: Matrix(Shape(2, 1), repeating: 0))
      }, "cost(of:in:): the gain is 2×1, not 1×1")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = try ExactPartStopTests.integrator()
          .spectralRadius(under: Matrix(Shape(1, 3), repeating: 0))
      }, "spectralRadius(under:): the gain is 1×3, not 1×1")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = try ExactPartStopTests.integrator().cost(of: Matrix(0))
      }, "solve")
  }

  @Test func objectives() async {
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = try SampledAdaptationTests.small(trajectories: 1)
          .adaptationObjectives(by: .differences())
      }, "adaptationObjectives(by:): differences")
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = try SampledAdaptationTests.small(trajectories: 1).adaptationObjectives()["score"]
      }, "AdaptationObjectives: there is no 'score' among expected, sampled, naive")
  }
}
