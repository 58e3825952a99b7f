import Nets
import Tape
import TestSupport
import Testing

/// What the tests of every operation do not say of `solve`: its numbers, and what it refuses.
@Suite struct SolveTests {
  static func value(_ a: Matrix, _ b: Matrix) -> Matrix {
    let tape = GradientTape()
    return tape.constant(a).solve(tape.constant(b)).value
  }

  @Test(arguments: [1, 2, 3, 7, 20, 64])
  func multiplyingBackGivesTheRightHandSide(_ n: Int) {
    var generator = SeededGenerator(seed: UInt64(n))
    for columns in [1, 3, n] {
      let a = randomMatrices([Shape(n, n)], using: &generator)[0]
      let x = randomMatrices([Shape(n, columns)], using: &generator)[0]
      let solved = Self.value(a, KernelTests.product(a, x))
      #expect(relativeDistance([solved], [x]) < 1e-11)
    }
  }

  @Test func rowsChangePlaces() throws {
    // Without exchanges the first pivot would be 0, or so small that all digits of the rest are lost.
    let expected = try Matrix([[1], [2], [-3]])
    for corner in [0, 1e-20] {
      let a = try Matrix([[corner, 2, 1], [4, 1, 1], [1, 1, 1]])
      let b = try Matrix([[1], [3], [0]])
      #expect(relativeDistance([Self.value(a, b)], [expected]) < 1e-15)
    }
  }

  @Test func differentiatesARidgeRegression() throws {
    // θ(λ) = (XᵀX + λ)⁻¹ Xᵀy for one weight: θ = s / (q + λ), θ′ = −s / (q + λ)², θ″ = 2 s / (q + λ)³.
    let tape = GradientTape()
    let inputs = tape.constant(try Matrix([[1], [2], [3]]))
    let targets = tape.constant(try Matrix([[1], [0], [2]]))
    let strength = tape.input(Matrix(0.5))
    var value = (inputs.transposedMatmul(inputs) + strength)
      .solve(inputs.transposedMatmul(targets))
    for expected in [7 / 14.5, -7 / (14.5 * 14.5), 14 / (14.5 * 14.5 * 14.5)] {
      #expect(abs(value.scalar - expected) < 1e-15)
      value = gradient(of: value, wrt: strength)
    }
  }

  @Test func countsItsMultiplyAdds() {
    let tape = GradientTape()
    let a = tape.input(Matrix(Shape(6, 6), repeating: 1))
    let b = tape.input(Matrix(Shape(6, 2), repeating: 1))
    let cost = Program(inputs: [a, b], outputs: [a.solve(b)]).cost
    #expect(cost.multiplyAdds == 6 * 6 * 6 / 3 + 6 * 6 * 2)
    #expect(cost.peakBytes == 8 * (36 + 12 + 12 + 6 * 8))
  }

  @Test func notANumberIsNotHidden() {
    for wrong in [Double.nan, .infinity] {
      let a = Matrix(Shape(2, 2)) { $0 == $1 ? 1 : $0 == 0 ? wrong : 0 }
      let solved = Self.value(a, Matrix(Shape(2, 3), repeating: 1))
      #expect(solved.elements.allSatisfy { $0.isNaN })
    }
  }

  /// [1, 1; 1, 1 + δ] has the reciprocal condition δ / (2 + δ)².
  @Test func nearlySingularMatricesAreSolvedUpToTheBound() throws {
    let delta = 0x1p-46
    let a = try Matrix([[1, 1], [1, 1 + delta]])
    #expect(Self.value(a, try Matrix([[2], [2 + delta]])) == Matrix(Shape(2, 1), repeating: 1))
    // A matrix of small numbers is not a singular one.
    #expect(Self.value(Matrix(1e-300), Matrix(3e-300)).elements == [3])
  }

  @Test func singularMatricesStopWithTheirReciprocalCondition() async {
    let nearly = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let a = try Matrix([[1, 1], [1, 1 + 0x1p-50]])
      _ = SolveTests.value(a, Matrix(Shape(2, 1), repeating: 1))
    }
    #expect(
      standardError(nearly).contains(
        "solve: the 2×2 matrix is singular or nearly so: its reciprocal condition is 2.2"))

    let singular = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let a = try Matrix([[1, 2, 3], [4, 5, 6], [5, 7, 9]])
      _ = SolveTests.value(a, Matrix(Shape(3, 1), repeating: 1))
    }
    #expect(standardError(singular).contains("solve: the 3×3 matrix is singular or nearly so"))

    let zero = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = SolveTests.value(Matrix(Shape(4, 4), repeating: 0), Matrix(Shape(4, 1), repeating: 1))
    }
    #expect(standardError(zero).contains("its reciprocal condition is 0.0"))

    let replayed = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let tape = GradientTape()
      let a = tape.input(Matrix(3))
      let program = Program(inputs: [a], outputs: [a.solve(tape.constant(1))])
      _ = program.run([Matrix(0)])
    }
    #expect(standardError(replayed).contains("solve: the 1×1 matrix is singular"))
  }
}
