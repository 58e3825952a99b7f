import Foundation
import Nets
import Tape
import TestSupport
import Testing

/// Functions that are spelled in the operations.
@Suite struct FunctionTests {
  struct Function: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let domain: ClosedRange<Double>
    let record: @Sendable (Variable) -> Variable
    let expected: @Sendable (Double) -> Double
  }

  static let exponents: [Double] = [0, 1, 2, 3, 7, -1, -2, 0.5, 1.5, 1 / 3, 2.3, -0.5, -1.7]

  static let functions: [Function] =
    [
      Function(
        testDescription: "square", domain: -2...2, record: { $0.square() }, expected: { $0 * $0 }),
      Function(testDescription: "abs", domain: -2...2, record: { $0.abs() }, expected: { abs($0) }),
      Function(
        testDescription: "sigmoid", domain: -2...2, record: { $0.sigmoid() },
        expected: { 1 / (1 + exp(-$0)) }),
      Function(
        testDescription: "maximum", domain: -2...2, record: { $0.maximum(0) * $0 },
        expected: { max($0, 0) * $0 }),
      Function(
        testDescription: "minimum", domain: -2...2, record: { $0.minimum(0) * $0 },
        expected: { min($0, 0) * $0 }),
      Function(
        testDescription: "clamp", domain: -0.9...0.9, record: { (3 * $0).clamp(to: -3...3) * $0 },
        expected: { min(max(3 * $0, -3), 3) * $0 }),
      Function(
        testDescription: "sin", domain: -2...2, record: { $0.sin() * $0.cos() },
        expected: { sin(2 * $0) / 2 }),
    ]
    + exponents.map { exponent in
      Function(
        testDescription: "power \(exponent)", domain: 0.5...2, record: { $0.power(exponent) },
        expected: { pow($0, exponent) })
    }
    + [2, 3, -3].map { exponent in
      Function(
        testDescription: "power \(exponent) of negative numbers", domain: -2...(-0.5),
        record: { $0.power(exponent) }, expected: { pow($0, exponent) })
    }

  @Test(arguments: functions) func valuesAndDerivatives(_ function: Function) {
    var generator = SeededGenerator(seed: 3)
    let points = randomMatrices([Shape(3, 4)], in: function.domain, using: &generator)
    let value = function.record(GradientTape().input(points[0])).value
    #expect(relativeDistance([value], [points[0].map(function.expected)]) < 1e-15)
    let findings = checkDerivatives(
      of: { function.record($0[0]) }, at: points, using: &generator)
    #expect(findings.allSatisfy { $0.passes() }, "\(findings)")
  }

  /// The value and its first three derivatives at a number.
  static func derivatives(at point: Double, _ function: (Variable) -> Variable) -> [Double] {
    let tape = GradientTape()
    let x = tape.input(Matrix(point))
    var values = [function(x)]
    for _ in 1...3 { values.append(gradient(of: values[values.count - 1], wrt: x)) }
    return values.map(\.scalar)
  }

  @Test func conventionsAtKinks() {
    #expect(Self.derivatives(at: 0) { $0.abs() } == [0, 0, 0, 0])
    #expect(Self.derivatives(at: 1) { $0.maximum(1) } == [1, 0, 0, 0])
    #expect(Self.derivatives(at: 1) { $0.minimum(1) } == [1, 0, 0, 0])
    #expect(Self.derivatives(at: 1) { $0.clamp(to: -1...1) } == [1, 0, 0, 0])
    #expect(Self.derivatives(at: -1) { $0.clamp(to: -1...1) } == [-1, 0, 0, 0])
    let tape = GradientTape()
    let (x, y) = (tape.input(Matrix(2)), tape.input(Matrix(2)))
    for tied in [x.maximum(y), x.minimum(y)] {
      #expect(gradient(of: tied, wrt: [x, y]).map(\.scalar) == [0, 1])
    }
  }

  @Test func powersAtZero() {
    let expected: [(Double, [Double])] = [
      (0, [1, 0, 0, 0]), (1, [0, 1, 0, 0]), (2, [0, 0, 2, 0]), (3, [0, 0, 0, 6]),
      (4, [0, 0, 0, 0]), (1.5, [0, 0, 0, 0]), (2.5, [0, 0, 0, 0]), (3.3, [0, 0, 0, 0]),
      (1 / 3, [0, 0, 0, 0]),
    ]
    for (exponent, values) in expected {
      #expect(Self.derivatives(at: 0) { $0.power(exponent) } == values, "x^\(exponent)")
    }
    #expect(Self.derivatives(at: 0) { $0.power(-1) }[0] == .infinity)
    #expect(Self.derivatives(at: -8) { $0.power(1.5) }.allSatisfy { $0.isNaN })
    #expect(Self.derivatives(at: -8) { $0.power(1 / 3) }[0].isNaN)
  }

  /// A power is a line of its own, to differentiate with respect to, even where it is the number itself.
  @Test func theFirstPowerIsNotTheVariableItself() {
    let tape = GradientTape()
    let x = tape.input(Matrix(3))
    let same = x.power(1)
    #expect(gradient(of: x * same, wrt: same).scalar == 3)
  }

  @Test func notANumberIsNotHidden() {
    let tape = GradientTape()
    let (nan, one) = (tape.input(Matrix(.nan)), tape.input(Matrix(1)))
    let values =
      [
        nan.abs(), nan.square(), nan.sigmoid(), nan.clamp(to: 0...1), nan.maximum(0),
        nan.minimum(0),
      ]
      + [one.maximum(nan), one.minimum(nan), nan.maximum(one), nan.minimum(one)]
      + [1, 2, -2, 0.5, 1 / 3, -1.5].map { nan.power($0) }
    for value in values { #expect(value.scalar.isNaN) }
  }

  @Test func infinitiesAreNumbersToo() {
    let tape = GradientTape()
    let (up, down) = (tape.input(Matrix(.infinity)), tape.input(Matrix(-.infinity)))
    #expect(up.maximum(up).scalar == .infinity && up.minimum(down).scalar == -.infinity)
    #expect(down.maximum(up).scalar == .infinity && down.maximum(down).scalar == -.infinity)
    #expect(down.abs().scalar == .infinity && up.clamp(to: 0...2).scalar == 2)
    #expect(up.sigmoid().scalar == 1 && down.sigmoid().scalar == 0)
  }

  @Test func largerAndSmallerKeepEveryDigit() throws {
    let tape = GradientTape()
    let x = tape.input(try Matrix([[1e-20, 1e20, -3]]))
    let y = tape.input(try Matrix([[-1e20, 1e-20, 2]]))
    #expect(x.maximum(y).value.elements == [1e-20, 1e20, 2])
    #expect(x.minimum(y).value.elements == [-1e20, 1e-20, -3])
    // Operands broadcast, either of them.
    let column = tape.input(try Matrix([[0], [5]]))
    let full = tape.input(try Matrix([[1, -1], [6, 4]]))
    #expect(column.maximum(full).value == (try Matrix([[1, 0], [6, 5]])))
    #expect(full.minimum(column).value == (try Matrix([[0, -1], [5, 4]])))
  }

  @Test func theLogisticFunctionKeepsItsDigitsAtBothEnds() {
    for x in [-700, -40.0, -1, 0, 20, 40] {
      let values = Self.derivatives(at: x) { $0.sigmoid() }
      let (up, down) = (1 / (1 + exp(-x)), 1 / (1 + exp(x)))
      #expect(abs(values[0] / up - 1) < 2e-14 * max(1, abs(x) / 40))
      #expect(abs(values[1] / (up * down) - 1) < 2e-14 * max(1, abs(x) / 40))
    }
  }

  @Test func meansOverRowsAndColumns() throws {
    let x = GradientTape().input(try Matrix([[1, 2, 3], [5, 6, 10]]))
    #expect(x.mean(to: Shape(1, 3)).value == (try Matrix([[3, 4, 6.5]])))
    #expect(x.mean(to: Shape(2, 1)).value == (try Matrix([[2], [7]])))
    #expect(x.mean().scalar == 4.5)
  }

  @Test func aPowerThatIsNoNumberStops() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = GradientTape().input(Matrix(1)).power(.infinity)
    }
    #expect(standardError(result).contains("power: the exponent is inf"))
  }
}
