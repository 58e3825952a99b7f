import Foundation
import Meta
import Nets
import Tape
import TestSupport
import Testing

@Suite struct ComparisonTests {
  @Test func measuresAngleAndSize() throws {
    let exact = [try Matrix([[3, 0]]), try Matrix([[0], [4]])]
    let first = [try Matrix([[0, 0]]), try Matrix([[0], [10]])]
    let gap = GradientGap(exact: exact, other: first)
    #expect(abs((gap.cosine ?? 0) - 0.8) < 1e-15)
    #expect(abs((gap.normRatio ?? 0) - 2) < 1e-15)
    #expect(abs((gap.relativeError ?? 0) - 45.0.squareRoot() / 5) < 1e-15)
  }

  @Test func zerosAndExtremesHaveAMeaning() {
    let zero = [Matrix(0)]
    #expect(GradientGap(exact: zero, other: zero).cosine == 1)
    #expect(GradientGap(exact: zero, other: zero).relativeError == 0)
    #expect(GradientGap(exact: zero, other: [Matrix(1)]).cosine == nil)
    #expect(GradientGap(exact: zero, other: [Matrix(1)]).normRatio == nil)
    #expect(GradientGap(exact: [Matrix(1)], other: zero).cosine == nil)
    #expect(GradientGap(exact: [Matrix(1)], other: zero).normRatio == 0)
    for size in [1e-200, 1e200] {
      let gap = GradientGap(exact: [Matrix(size)], other: [Matrix(-2 * size)])
      #expect(gap == GradientGap(exact: [Matrix(1)], other: [Matrix(-2)]))
    }
  }

  @Test func smallAnglesAreAccurate() throws {
    for angle in [1e-9, 1e-5, 0.3, 2.5] {
      for size in [1.0, 1e-8] {
        let gap = GradientGap(
          exact: [try Matrix([[1, 0]])],
          other: [try Matrix([[size * cos(angle), size * sin(angle)]])])
        #expect(abs((gap.angle ?? 0) * .pi / 180 / angle - 1) < 1e-12)
        #expect(abs(gap.cosine ?? 2) <= 1)
      }
    }
  }

  @Test func comparesEachParameter() throws {
    let problem = try MetaGradientTests.problems(seed: 50)[1]
    let comparison = problem.comparison(.maml)
    #expect(comparison.parameterGaps.map(\.name) == problem.parameters.descriptions.map(\.name))
    let exact = comparison.exact.gradient.values
    let first = comparison.firstOrder.gradient.values
    for (position, parameter) in comparison.parameterGaps.enumerated() {
      #expect(
        parameter.gap == GradientGap(exact: [exact[position]], other: [first[position]]))
    }
    #expect(comparison.gap == GradientGap(exact: exact, other: first))
    #expect(comparison.exact.cost.multiplyAdds > comparison.firstOrder.cost.multiplyAdds)
  }
}
