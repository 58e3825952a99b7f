import Foundation
import Nets
import Tape
import TestSupport
import Testing

@Suite struct GradientTests {
  @Test func everyOrderOfAPolynomial() {
    let tape = GradientTape()
    let x = tape.input(Matrix(1.5))
    var derivative = x * x * x * x
    for expected in [5.0625, 13.5, 27, 36, 24, 0] {
      #expect(abs(derivative.scalar - expected) < 1e-12)
      derivative = gradient(of: derivative, wrt: x)
    }
  }

  @Test func independentResultsHaveGradientZeroOfTheRightShape() {
    let tape = GradientTape()
    let x = tape.input(Matrix(Shape(2, 3), repeating: 1))
    let y = tape.input(Matrix(Shape(4, 1), repeating: 2))
    let gradients = gradient(of: y.sum(), wrt: [x, y])
    #expect(gradients[0].value == Matrix(Shape(2, 3), repeating: 0))
    #expect(gradients[1].value == Matrix(Shape(4, 1), repeating: 1))
    // A variable recorded after the result, and a gradient of a zero gradient.
    let late = tape.input(Matrix(5))
    #expect(gradient(of: y.sum(), wrt: late).scalar == 0)
    #expect(gradient(of: gradients[0].sum(), wrt: x).value == Matrix(Shape(2, 3), repeating: 0))
  }

  @Test func gradientOfAVariableWithRespectToItselfIsOne() {
    let tape = GradientTape()
    let x = tape.input(Matrix(3))
    #expect(gradient(of: x, wrt: x).scalar == 1)
  }

  @Test func gradientWithRespectToAnIntermediateValue() {
    let tape = GradientTape()
    let x = tape.input(Matrix(2))
    let y = x * x
    let z = y * x
    // The path through y counts for x too; the one of z to y is x alone.
    #expect(gradient(of: z, wrt: [x, y]).map(\.scalar) == [12, 2])
  }

  @Test func operandsThatAreUsedTwiceAddUp() {
    let tape = GradientTape()
    let x = tape.input(Matrix(3))
    #expect(gradient(of: x * x + x, wrt: x).scalar == 7)
    #expect(gradient(of: x.select(x, elseWhereNotPositive: 2 * x), wrt: x).scalar == 1)
  }

  @Test func nestedDerivativesAreNotConfused() {
    // d/dx [x · d/dy (x + y) at y = x] = 1; mistaking the inner x for y would give 2.
    let outer = gradient(at: Matrix(1)) { x in
      x * gradient(at: x) { y in x + y }
    }
    #expect(outer.elements == [1])
    // d/dx [x · d/dy (x·y) at y = 2] = 2x.
    let product = gradient(at: Matrix(3)) { x in
      x * gradient(at: x.tape.constant(2)) { y in x * y }
    }
    #expect(product.elements == [6])
  }

  @Test func variablesOfEqualValueAreDifferentThingsToDifferentiate() {
    let tape = GradientTape()
    let x = tape.input(Matrix(3))
    for same in [x * 1, x.sum(), x.broadcast(to: .scalar)] {
      #expect(gradient(of: x * same, wrt: same).scalar == 3)
      #expect(gradient(of: x * same, wrt: x).scalar == 6)
    }
  }

  @Test func stopGradientKeepsTheValueAndCutsTheDerivative() {
    let tape = GradientTape()
    let x = tape.input(Matrix(3))
    let y = x * (x * x).stopGradient()
    #expect(y.scalar == 27)
    #expect(gradient(of: y, wrt: x).scalar == 9)
  }

  @Test func hessianVectorProductOfAQuadraticForm() {
    var generator = SeededGenerator(seed: 5)
    let a = randomMatrices([Shape(4, 4)], using: &generator)[0]
    let x = randomMatrices([Shape(4, 1)], using: &generator)[0]
    let v = randomMatrices([Shape(4, 1)], using: &generator)[0]
    let product = hessianVectorProduct(at: [x], along: [v]) { x in
      x[0].transposedMatmul(x[0].tape.constant(a).matmul(x[0]))
    }
    let expected = Matrix(Shape(4, 1)) { row, _ in
      (0..<4).reduce(0) { $0 + (a[row, $1] + a[$1, row]) * v[$1, 0] }
    }
    #expect(relativeDistance(product, [expected]) < 1e-14)
  }

  @Test func forwardOverReverseEqualsReverseOverReverse() {
    var generator = SeededGenerator(seed: 6)
    let shapes = [Shape(3, 5), Shape(1, 5), Shape(5, 2)]
    let tape = GradientTape()
    let data = tape.constant(randomMatrices([Shape(4, 3)], using: &generator)[0])
    let parameters = randomMatrices(shapes, using: &generator).map { tape.input($0) }
    let along = randomMatrices(shapes, using: &generator).map { tape.constant($0) }
    let hidden = (data.matmul(parameters[0]) + parameters[1]).tanh()
    let loss = hidden.matmul(parameters[2]).logSumExp().sum()
    let gradients = gradient(of: loss, wrt: parameters)
    let contracted = zip(gradients, along).map { ($0 * $1).sum() }.reduce(tape.constant(0), +)
    let reverse = gradient(of: contracted, wrt: parameters)
    let forward = hessianVectorProduct(of: loss, wrt: parameters, along: along)
    #expect(relativeDistance(forward.map(\.value), reverse.map(\.value)) < 1e-14)
  }

  @Test(arguments: [Tape.Operation.relu, .step, .sqrt, .tanh, .exp, .select, .multiply], 1...3)
  func kinksAndZerosAreFinite(_ operation: Tape.Operation, order: Int) {
    let tape = GradientTape()
    let x = tape.input(Matrix(Shape(2, 2), repeating: 0))
    let arity = Tape.Operation.rules[Int(operation.rawValue)].arity
    var value = tape.record(operation, Array(repeating: x, count: arity)).sum()
    for _ in 1...order { value = gradient(of: value, wrt: x).sum() }
    #expect(value.scalar.isFinite)
  }

  @Test func derivativesAtKinksAreThoseOfTheFlatSide() throws {
    let point = try Matrix([[-1, 0, 1]])
    #expect(gradient(at: point) { $0.relu().sum() }.elements == [0, 0, 1])
    #expect(gradient(at: point) { $0.step().sum() }.elements == [0, 0, 0])
    #expect(GradientTape().input(point).step().value.elements == [0, 0, 1])
    #expect(gradient(at: Matrix(0)) { $0.sqrt() }.elements == [0])
  }

  @Test(arguments: 1...3)
  func theNormAtZeroHasDerivativeZeroAtEveryOrder(_ order: Int) {
    let tape = GradientTape()
    let x = tape.input(Matrix(Shape(3, 1), repeating: 0))
    var value = (x * x).sum().sqrt()
    for _ in 1...order {
      let derivative = gradient(of: value, wrt: x)
      #expect(derivative.value.elements == [0, 0, 0])
      value = derivative.sum()
    }
  }

  @Test func functionsOfANormAtZeroHaveNoNaN() {
    let tape = GradientTape()
    let x = tape.input(Matrix(Shape(3, 1), repeating: 0))
    let norm = (x * x).sum().sqrt()
    for value in [norm * norm, norm.tanh(), norm.exp() * norm] {
      let first = gradient(of: value, wrt: x)
      let second = gradient(of: (first * first).sum() + first.sum(), wrt: x)
      #expect((first.value.elements + second.value.elements).allSatisfy { $0 == 0 })
    }
  }

  @Test func softplusKeepsItsDigitsAtBothEnds() {
    for x in [-40.0, -1, 0, 20, 40] {
      let tape = GradientTape()
      let variable = tape.input(Matrix(x))
      let slope = gradient(of: variable.softplus(), wrt: variable)
      let curvature = gradient(of: slope, wrt: variable)
      let (up, down) = (1 / (1 + exp(-x)), 1 / (1 + exp(x)))
      #expect(abs(slope.scalar / up - 1) < 1e-14)
      #expect(abs(curvature.scalar / (up * down) - 1) < 1e-14)
    }
  }

  @Test func notANumberIsNotHidden() throws {
    #expect(gradient(at: Matrix(-1)) { $0.sqrt() }.elements[0].isNaN)
    let tape = GradientTape()
    let nan = tape.input(Matrix(.nan))
    #expect(nan.relu().scalar.isNaN)
    #expect(nan.select(nan, elseWhereNotPositive: 0).scalar.isNaN)
    let mask = tape.input(try Matrix([[.nan, 1, -1]]))
    let chosen = mask.select(tape.input(try Matrix([[5, 6, 7]])), elseWhereNotPositive: 0)
    #expect(chosen.value == (try Matrix([[5, 6, 0]])))
  }

  @Test func softmaxDoesNotOverflow() throws {
    let logits = try Matrix([[0, 1000, -1000], [-3000, -3000, -3000]])
    let softmax = gradient(at: logits) { $0.logSumExp().sum() }
    #expect(
      relativeDistance([softmax], [try Matrix([[0, 1, 0], [1, 1, 1].map { $0 / 3 }])]) < 1e-13)
  }

  @Test func programmersMistakesStopWithAMessage() async {
    let foreign = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = GradientTape().input(Matrix(1)) + GradientTape().input(Matrix(2))
    }
    #expect(standardError(foreign).contains("add: variables are on different tapes"))

    let foreignPullback = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let x = GradientTape().input(Matrix(1))
      _ = gradient(of: x * x, wrt: GradientTape().input(Matrix(1)))
    }
    #expect(
      standardError(foreignPullback).contains(
        "pullback(of:at:wrt:): variables are on different tapes"))

    let counts = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let x = GradientTape().input(Matrix(1))
      _ = pullback(of: [x], at: [], wrt: [x])
    }
    #expect(standardError(counts).contains("1 results, but 0 upstreams"))

    let directions = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let x = GradientTape().input(Matrix(Shape(2, 1), repeating: 1))
      _ = jacobianVectorProduct(of: [x], wrt: [x], along: [x.transposed()])
    }
    #expect(standardError(directions).contains("variables are [2×1], but directions are [1×2]"))

    let notScalar = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let x = GradientTape().input(Matrix(Shape(2, 3), repeating: 1))
      _ = gradient(of: x * x, wrt: x)
    }
    #expect(standardError(notScalar).contains("gradient(of:wrt:): the result is 2×3, not 1×1"))

    let upstream = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let tape = GradientTape()
      let x = tape.input(Matrix(Shape(2, 3), repeating: 1))
      _ = pullback(of: [x], at: [tape.constant(1)], wrt: [x])
    }
    #expect(standardError(upstream).contains("result is 2×3, but upstream is 1×1"))

    let outer = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let tape = GradientTape()
      _ =
        tape.input(Matrix(Shape(3, 1), repeating: 1))
        - tape.input(Matrix(Shape(1, 3), repeating: 1))
    }
    #expect(standardError(outer).contains("subtract: shapes do not fit: 3×1 and 1×3"))

    let spoiled = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var rules = Tape.Operation.rules
      rules[Int(Tape.Operation.tanh.rawValue)].pullbacks = [{ $0.upstream.sum() }]
      let x = GradientTape(rules: rules).input(Matrix(Shape(2, 3), repeating: 1))
      _ = gradient(of: x.tanh().sum(), wrt: x)
    }
    #expect(standardError(spoiled).contains("tanh: its pullback to operand 0 of 2×3 gave 1×1"))
  }
}
