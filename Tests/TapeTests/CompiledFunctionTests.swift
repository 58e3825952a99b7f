import Nets
import Tape
import TestSupport
import Testing

@Suite struct CompiledFunctionTests {
  /// A loss of a network of two layers.
  static let shapes = [Shape(20, 8), Shape(8, 12), Shape(12, 3)]
  static func loss(_ x: [Variable]) -> Variable {
    let error = x[0].matmul(x[1]).tanh().matmul(x[2])
    return (error * error).sum()
  }

  @Test func agreesWithARecordingAtEveryPoint() throws {
    let function = CompiledFunction(of: Self.shapes, withHessian: true, Self.loss)
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<3 {
      let points = randomMatrices(Self.shapes, using: &generator)
      let directions = randomMatrices(Self.shapes, using: &generator)
      let (value, slope) = valueWithGradient(at: points, of: Self.loss)
      #expect(function.value(at: points) == value)
      let compiled = function.valueWithGradient(at: points)
      #expect(compiled.value == value && bits(compiled.gradient) == bits(slope))
      #expect(
        bits(function.hessianVectorProduct(at: points, along: directions))
          == bits(hessianVectorProduct(at: points, along: directions, of: Self.loss)))
    }
  }

  @Test func runsOnManyThreads() async {
    let function = CompiledFunction(of: Self.shapes, Self.loss)
    var generator = SeededGenerator(seed: 2)
    let points = (0..<8).map { _ in randomMatrices(Self.shapes, using: &generator) }
    let alone = points.map { function.valueWithGradient(at: $0).value }
    let together = await withTaskGroup(of: (Int, Double).self) { group in
      for (index, point) in points.enumerated() {
        group.addTask { (index, function.valueWithGradient(at: point).value) }
      }
      return await group.reduce(into: Array(repeating: 0.0, count: 8)) { $0[$1.0] = $1.1 }
    }
    #expect(together == alone)
  }

  /// About 2.75 gradients, and nothing of what only serves as a path for the second sweep.
  @Test func aHessianVectorProductCostsWhatItsDocumentationSays() throws {
    let function = CompiledFunction(of: Self.shapes, withHessian: true, Self.loss)
    let program = try #require(function.hessianVectorProduct)
    let ratio =
      Double(program.cost.multiplyAdds) / Double(function.valueWithGradient.cost.multiplyAdds)
    #expect(ratio <= 2.75)

    // The form on matrices runs that program: on the tape itself nothing is computed.
    var generator = SeededGenerator(seed: 3)
    let points = randomMatrices(Self.shapes, using: &generator)
    var tape: GradientTape?
    func recorded(_ x: [Variable]) -> Variable {
      tape = x[0].tape
      return Self.loss(x)
    }
    _ = hessianVectorProduct(at: points, along: points, of: recorded)
    #expect(tape?.computedCount == 0)
    _ = jacobianVectorProduct(at: points, along: points, of: recorded)
    #expect(tape?.computedCount == 0)
  }

  @Test func aPullbackLeavesNothingOnTheTape() {
    var generator = SeededGenerator(seed: 4)
    let points = randomMatrices(Self.shapes, using: &generator)
    var tape: GradientTape?
    let (_, pullback) = valueWithPullback(at: points) {
      tape = $0[0].tape
      return Self.loss($0)
    }
    let lines = tape?.count
    let first = pullback(Matrix(1))
    #expect(tape?.count == lines)
    #expect(bits(pullback(Matrix(1))) == bits(first))
    #expect(bits(first) == bits(gradient(at: points, of: Self.loss)))
    #expect(relativeDistance(pullback(Matrix(-2)), first.map { -2 * $0 }) < 1e-15)
    #expect(tape?.count == lines)
  }

  @Test func mistakesStopWithAMessage() async {
    let hessian = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let function = CompiledFunction(of: [.scalar]) { $0[0] }
      _ = function.hessianVectorProduct(at: [Matrix(1)], along: [Matrix(1)])
    }
    #expect(standardError(hessian).contains("compiled without its Hessian"))
    let row = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let tape = GradientTape()
      let (x, y) = (
        tape.input(Matrix(Shape(3, 1), repeating: 0)), tape.input(Matrix(Shape(1, 4), repeating: 0))
      )
      _ = tape.from("inner step 1") { tape.from("support loss") { x - y } }
    }
    #expect(
      standardError(row).contains(
        "subtract: shapes do not fit: 3×1 and 1×4, in inner step 1 / support loss; a row and a column "
          + "do not broadcast"))
  }
}
