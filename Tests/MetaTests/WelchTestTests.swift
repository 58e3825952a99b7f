import Studies
import Testing

/// Student's distribution and Welch's test against SciPy 1.
@Suite struct WelchTestTests {
  /// Degrees of freedom, the probabilities below −3, −0.2, 0.5, 2 and 10, and the quantile of 0.975.
  private static let known: [(Double, [Double], Double)] = [
    (
      1,
      [
        0.10241638234956672, 0.4371670418109989, 0.6475836176504333, 0.8524163823495667,
        0.9682744825694465,
      ], 12.706204736174694
    ),
    (
      2.5,
      [
        0.036288047774515914, 0.42830484201451274, 0.6711510400651426, 0.9213042521210171,
        0.9977792521163463,
      ], 3.5746548420036817
    ),
    (
      8,
      [
        0.008535840616891326, 0.4232354957005187, 0.6847319622215118, 0.9597418810213687,
        0.9999957559092362,
      ], 2.306004135204166
    ),
    (
      500.5,
      [
        0.0014171777581524062, 0.4207809079059457, 0.6913525847950314, 0.9769799288072357, 1,
      ], 1.964715075057226
    ),
  ]

  @Test func studentsDistributionIsThatOfTables() {
    for (freedom, probabilities, quantile) in Self.known {
      let distribution = StudentT(degreesOfFreedom: freedom)
      for (t, expected) in zip([-3, -0.2, 0.5, 2, 10], probabilities) {
        let found = distribution.probability(below: t)
        #expect(abs(found - expected) < 1e-13, "\(freedom), \(t): \(found)")
      }
      #expect(distribution.probability(below: 0) == 0.5)
      #expect(abs(distribution.quantile(0.975) / quantile - 1) < 1e-12)
    }
    // Far out the tail keeps its digits: with one degree of freedom it is arctan(1/t)/π.
    let tail = StudentT(degreesOfFreedom: 1).probability(below: -1e6)
    #expect(abs(tail * 1e6 * .pi - 1) < 1e-11)
    #expect(StudentT(degreesOfFreedom: 3).probability(below: .infinity) == 1)
  }

  @Test func welchsTestIsThatOfSciPy() throws {
    let (first, second) = ([1.2, 3.4, 2.2, 5.1, 2.0], [0.4, 1.9, 1.1])
    let test = try #require(WelchTest(first, second))
    #expect(abs(test.t - 2.0453075685377295) < 1e-12)
    #expect(abs(test.degreesOfFreedom - 5.949034645664368) < 1e-12)
    #expect(abs(test.confidence - 0.9563962933966657) < 1e-12)
    let reversed = try #require(WelchTest(second, first))
    #expect(abs(reversed.confidence + test.confidence - 1) < 1e-14)
  }

  @Test func withoutAVarianceThereIsNoConfidence() {
    #expect(WelchTest([1], [2, 3]) == nil)
    #expect(WelchTest([1, 1], [2, 2]) == nil)
    // One that does not vary is a number to compare with.
    #expect(WelchTest([1, 1], [2, 3])?.degreesOfFreedom == 1)
  }
}
