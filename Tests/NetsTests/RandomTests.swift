import Foundation
import Nets
import Tape
import TestSupport
import Testing

@Suite struct RandomTests {
  @Test func theGeneratorIsSplitMix64() {
    // The first numbers of seed 1234567, from the algorithm's published test vector.
    var generator = SeededGenerator(seed: 1_234_567)
    #expect(generator.next() == 6_457_827_717_110_365_317)
    #expect(generator.next() == 3_203_168_211_198_807_973)
  }

  @Test func equalSeedsGiveEqualMatrices() {
    var (a, b) = (SeededGenerator(seed: 9), SeededGenerator(seed: 9))
    #expect(
      Matrix.gaussian(Shape(5, 5), using: &a) == Matrix.gaussian(Shape(5, 5), using: &b))
    #expect(Matrix.he(Shape(5, 5), using: &a) == Matrix.he(Shape(5, 5), using: &b))
    var other = SeededGenerator(seed: 10)
    #expect(
      Matrix.gaussian(Shape(5, 5), using: &a) != Matrix.gaussian(Shape(5, 5), using: &other))
  }

  @Test func gaussiansHaveTheirMoments() {
    var generator = SeededGenerator(seed: 1)
    let sample = Matrix.gaussian(Shape(200, 200), deviation: 3, using: &generator).elements
    let count = Double(sample.count)
    let mean = sample.reduce(0, +) / count
    let variance = sample.reduce(0) { $0 + $1 * $1 } / count
    let fourth = sample.reduce(0) { $0 + $1 * $1 * $1 * $1 } / count
    #expect(abs(mean) < 5 * 3 / count.squareRoot())
    #expect(abs(variance / 9 - 1) < 5 * (2 / count).squareRoot())
    #expect(abs(fourth / (3 * 81) - 1) < 0.06)
  }

  @Test(arguments: [Shape(20, 3), Shape(3, 20), Shape(7, 7), Shape(60, 60), Shape(1, 1)])
  func orthonormalMatricesAreOrthonormal(_ shape: Shape) {
    var generator = SeededGenerator(seed: 2)
    let q = Matrix.orthonormal(shape, using: &generator)
    let small = min(shape.rows, shape.columns)
    let tape = GradientTape()
    let v = tape.constant(q)
    let product = shape.rows >= shape.columns ? v.transposedMatmul(v) : v.matmulTransposed(v)
    let identity = Matrix(Shape(small, small)) { $0 == $1 ? 1 : 0 }
    #expect(relativeDistance([product.value], [identity]) < 1e-14)
  }

  @Test func heKeepsTheSizeOfSignals() {
    var generator = SeededGenerator(seed: 3)
    let weights = Matrix.he(Shape(50, 400), using: &generator).elements
    let variance = weights.reduce(0) { $0 + $1 * $1 } / Double(weights.count)
    #expect(abs(variance * 25 - 1) < 0.05)
    let network = ReLUNetwork(sizes: [50, 400, 2])
    let parameters = network.initialParameters(using: &generator)
    #expect(parameters["b1"] == Matrix(Shape(1, 400), repeating: 0))
    let first = parameters[0].elements
    #expect(abs(first.reduce(0) { $0 + $1 * $1 } / Double(first.count) * 25 - 1) < 0.05)
  }
}
