import Foundation
import Meta
import Nets
import Studies
import Tape
import TestSupport
import Testing

/// Intervals for the angle and the norm ratio of expected gradients.
@Suite struct GapIntervalTests {
  /// Gradients of many tasks, of which draws are made: their means are known.
  struct Population: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let exact: [[Double]]
    let first: [[Double]]
    let gap: GradientGap

    /// Tasks of a linear network with two layers, with a Gaussian head each, by the closed form.
    ///
    /// The seed draws everything: MAML or ANIL, one to ten inputs, up to three features, rate, mean of the heads'
    /// entries, whose deviation is one, and deviation of the network's.
    init(seed: UInt64) {
      var generator = SeededGenerator(seed: seed)
      let family = Bool.random(using: &generator) ? Method.maml : .anil
      let dimension = Int.random(in: 1...10, using: &generator)
      let width = Int.random(in: 1...min(3, dimension), using: &generator)
      let rate = Double.random(in: 0.05..<0.5, using: &generator)
      let headMean = Double.random(in: 0..<2, using: &generator)
      let deviation = Double.random(in: 0.7..<2, using: &generator)
      let tasks = LinearRepresentation(
        dimension: dimension, rank: width, headMean: headMean, using: &generator)
      let body = Matrix.gaussian(
        Shape(dimension, width), deviation: deviation / Double(dimension).squareRoot(),
        using: &generator)
      let head = Matrix.gaussian(Shape(width, 1), deviation: deviation, using: &generator)
      var (exact, first): ([[Double]], [[Double]]) = ([], [])
      for _ in 0..<2000 {
        let truth = tasks.weights(using: &generator)
        func gradient(_ method: Method) -> [Double] {
          let (body, head) = LinearRepresentationGradients.gradient(
            method, body: body, head: head, truth: truth, rate: rate)
          return body.elements + head.elements
        }
        exact.append(gradient(family.exact))
        first.append(gradient(family.firstOrder))
      }
      (self.exact, self.first) = (exact, first)
      gap = GradientGap(exact: [Self.mean(exact)], other: [Self.mean(first)])
      testDescription = "seed \(seed): \(family.rawValue), \(dimension)×\(width), \(gap)"
    }

    static func mean(_ vectors: [[Double]]) -> Matrix {
      Matrix(Shape(1, vectors[0].count)) { _, entry in
        vectors.reduce(0) { $0 + $1[entry] } / Double(vectors.count)
      }
    }

    func intervals(_ tasks: Int, using generator: inout SeededGenerator) -> GapIntervals {
      let drawn = (0..<tasks).map { _ in Int.random(in: exact.indices, using: &generator) }
      return GapIntervals(exact: drawn.map { exact[$0] }, other: drawn.map { first[$0] })
    }
  }

  /// Six seeds in a row, not six that are covered.
  static let populations = (1...6).map { Population(seed: $0) }

  @Test(arguments: populations) func intervalsCover(_ population: Population) throws {
    var generator = SeededGenerator(seed: 1)
    let angle = try #require(population.gap.angle)
    let ratio = try #require(population.gap.normRatio)
    for (tasks, least) in [(5, 170), (10, 180), (20, 184)] {
      let draws = (0..<200).map { _ in population.intervals(tasks, using: &generator) }
      let angles = draws.compactMap(\.angle)
      let ratios = draws.compactMap(\.normRatio)
      let covered = (
        angles.count { $0.contains(angle) }, ratios.count { $0.contains(ratio) }
      )
      #expect(covered.0 >= least && covered.1 >= least, "\(tasks) tasks: \(covered) of 200")
      // It is no art to cover with all there is.
      let widths = angles.map { $0.upperBound - $0.lowerBound }.sorted()
      let factors = ratios.map { $0.upperBound / $0.lowerBound }.sorted()
      if tasks == 20 { #expect(widths[100] < 40 && factors[100] < 1.6) }
    }
  }

  /// The same intervals from gradients that are all kept, one formula after another as the comments have them.
  static func kept(_ exact: [[Double]], _ other: [[Double]]) -> [ClosedRange<Double>] {
    let count = Double(exact.count)
    func mean(_ vectors: [[Double]]) -> [Double] { Population.mean(vectors).elements }
    func figures(_ exact: [[Double]], _ other: [[Double]]) -> [Double] {
      let gap = GradientGap(
        exact: [Population.mean(exact)], other: [Population.mean(other)])
      return [gap.angle ?? .nan, log(gap.normRatio ?? .nan)]
    }
    func without(_ task: Int, _ vectors: [[Double]]) -> [[Double]] {
      Array(vectors[..<task] + vectors[(task + 1)...])
    }
    let all = figures(exact, other)
    let left = exact.indices.map { figures(without($0, exact), without($0, other)) }
    let lengths = (Tape.norm(mean(exact)), Tape.norm(mean(other)))
    let directions: [([Double], [Double])] = zip(exact, other).map { exact, other in
      (exact.map { $0 / lengths.0 }, other.map { $0 / lengths.1 })
    }
    func withoutNoise(_ vectors: [[Double]], least: Double) -> Double {
      let mean = mean(vectors)
      var (squares, square) = (0.0, 0.0)
      for vector in vectors {
        for (entry, middle) in zip(vector, mean) { squares += (entry - middle) * (entry - middle) }
      }
      for middle in mean { square += middle * middle }
      let rest = square - squares / (count * (count - 1))
      return max(least * square.squareRoot(), max(0, rest).squareRoot())
    }
    let isNear = all[0] < 90
    var (sums, differences): ([[Double]], [[Double]]) = ([], [])
    for (exact, other) in directions {
      sums.append(zip(exact, other).map { (a: Double, b: Double) -> Double in a + b })
      differences.append(zip(exact, other).map { (a: Double, b: Double) -> Double in a - b })
    }
    let sum = withoutNoise(sums, least: isNear ? 0.5 : 0)
    let difference = withoutNoise(differences, least: isNear ? 0 : 0.5)
    let angle: Double = atan2(difference, sum) * 360 / Double.pi
    let lengthOfOther = withoutNoise(directions.map { $0.1 }, least: 0.5)
    let lengthOfExact = withoutNoise(directions.map { $0.0 }, least: 0.5)
    let paired: [Double] = [angle, all[1] + log(lengthOfOther) - log(lengthOfExact)]
    let quantile = studentQuantile(exact.count - 1)
    func ends(_ figure: Int) -> (low: Double, high: Double) {
      var squares = 0.0
      for one in left { squares += (one[figure] - all[figure]) * (one[figure] - all[figure]) }
      let margin: Double = quantile * (squares * (count - 1) / count).squareRoot()
      let (low, high) = (min(all[figure], paired[figure]), max(all[figure], paired[figure]))
      return (low - margin, high + margin)
    }
    let (angles, ratios) = (ends(0), ends(1))
    return [max(0, angles.low)...min(180, angles.high), exp(ratios.low)...exp(ratios.high)]
  }

  /// Figures of each task against the means are as good as all gradients.
  @Test(arguments: populations) func noGradientNeedsToBeKept(_ population: Population) throws {
    for tasks in [5, 200] {
      let (exact, first) = (population.exact.prefix(tasks), population.first.prefix(tasks))
      let intervals = GapIntervals(exact: Array(exact), other: Array(first))
      let kept = Self.kept(Array(exact), Array(first))
      for (interval, reference) in zip([intervals.angle, intervals.normRatio], kept) {
        let interval = try #require(interval)
        #expect(abs(interval.lowerBound - reference.lowerBound) < 1e-10 * reference.upperBound)
        #expect(abs(interval.upperBound - reference.upperBound) < 1e-10 * reference.upperBound)
      }
    }
  }

  /// Noise of its own in many dimensions opens the angle between sample means from 1° to some 30°.
  @Test func theNoiseOfFewTasksIsNoAngle() throws {
    var generator = SeededGenerator(seed: 2)
    var covered = 0
    for _ in 0..<100 {
      func gradients(_ mean: [Double]) -> [[Double]] {
        (0..<10).map { _ in
          (0..<20).map { (mean.indices.contains($0) ? mean[$0] : 0) + generator.nextGaussian() }
        }
      }
      let intervals = GapIntervals(
        exact: gradients([3, 0]), other: gradients([3 * cos(.pi / 180), 3 * sin(.pi / 180)]))
      if try #require(intervals.angle).contains(1) { covered += 1 }
    }
    #expect(covered >= 90, "\(covered) of 100")
  }

  /// Tasks that turn and stretch every gradient alike leave no doubt, at any angle and any scale.
  @Test(arguments: [1e-9, 1e-3, 1, 90, 179.9], [1e-150, 1, 1e150])
  func anglesOfAnySizeAreFound(_ degrees: Double, scale: Double) throws {
    let angle = degrees * .pi / 180
    let (sine, cosine) = (sin(angle), cos(angle))
    let exact = [1.0, 2, 4, 3].map { [scale * $0, 0, 0] }
    let other = exact.map { [$0[0] * 0.5 * cosine, $0[0] * 0.5 * sine, 0] }
    let gap = GradientGap(
      exact: [Population.mean(exact)], other: [Population.mean(other)])
    let intervals = GapIntervals(exact: exact, other: other)
    for (value, interval) in [
      (gap.angle, intervals.angle), (gap.normRatio, intervals.normRatio),
    ] {
      let (value, interval) = (try #require(value), try #require(interval))
      #expect(abs(interval.lowerBound / value - 1) < 1e-6)
      #expect(abs(interval.upperBound / value - 1) < 1e-6)
    }
  }

  @Test func whatCannotBeSaidIsNotSaid() throws {
    let exact = [[1.0, 0], [2, 0], [3, 0]]
    // Two tasks have no jackknife of pairs, and a gradient of zero has no angle.
    for other in [
      [[1.0, 0], [1, 0]], [[1, 0], [-2, 0], [1, 0]], [[1, 0], [.nan, 0], [1, 0]],
    ] {
      let intervals = GapIntervals(exact: Array(exact.prefix(other.count)), other: other)
      #expect(intervals.angle == nil && intervals.normRatio == nil)
    }
    // Where the exact mean may be zero, the ratio may be large, and the angle is anything.
    let intervals = GapIntervals(
      exact: [[1, 0], [-1, 0], [1, 0.1], [-0.9, 0]],
      other: [[1, 1], [1, 0.9], [1, 1.1], [1, 1]])
    #expect(try #require(intervals.normRatio).upperBound > 100)
    #expect(try #require(intervals.angle).contains(10...170))
    // Where all tasks have both alike, that it may be zero does not matter.
    let alike = exact.indices.map { [$0 == 1 ? 1 : -0.3, 1e-6 * Double($0)] }
    let close = GapIntervals(exact: alike, other: alike.map { [$0[0], 1.01 * $0[1]] })
    #expect(try #require(close.normRatio).upperBound < 1.001)
    #expect(try #require(close.angle).upperBound < 0.1)
  }
}
