import Nets
import Tape
import TestSupport
import Testing

/// The checker is only worth something if it fails: rules that are off by a tenth of a percent.
@Suite struct GradientCheckTests {
  static let differentiable = Operation.allCases.filter { operation in
    Operation.rules[Int(operation.rawValue)].pullbacks.contains { $0 != nil }
  }

  /// The rules, with each gradient of one operation multiplied by `factor`.
  static func rules(
    spoiling operation: Operation, by factor: @escaping @Sendable (Node) -> Variable
  ) -> [Rule] {
    var rules = Operation.rules
    rules[Int(operation.rawValue)].pullbacks = rules[Int(operation.rawValue)].pullbacks.map {
      pullback in
      guard let pullback else { return nil }
      return { pullback($0) * factor($0) }
    }
    return rules
  }

  @Test(arguments: differentiable)
  func findsARuleThatIsOffAtOrder1(_ operation: Operation) {
    let rules = Self.rules(spoiling: operation) { $0.output.tape.constant(1.001) }
    var generator = SeededGenerator(seed: 1)
    let findings = operation.checkDerivatives(orders: 3, rules: rules, &generator)
    #expect(!findings[0].passes(), "\(operation) passes at order 1: \(findings[0])")
  }

  @Test(arguments: differentiable)
  func findsARuleThatIsOffAtOrder2(_ operation: Operation) {
    // One in value, but with a derivative of a tenth of a percent.
    let rules = Self.rules(spoiling: operation) { node in
      1 + 0.001 * (node.output - node.output.stopGradient()).sum()
    }
    var generator = SeededGenerator(seed: 1)
    let findings = operation.checkDerivatives(orders: 3, rules: rules, &generator)
    #expect(findings[0].passes(), "\(operation) fails at order 1 already: \(findings[0])")
    #expect(!findings[1].passes(), "\(operation) passes at order 2: \(findings[1])")
  }

  @Test func findsAPullbackThatIsNotLinearInItsUpstream() {
    let rules = Self.rules(spoiling: .tanh) { node in
      1 + 0.001 * (node.upstream * node.upstream).sum()
    }
    var generator = SeededGenerator(seed: 1)
    let findings = Operation.tanh.checkDerivatives(orders: 2, rules: rules, &generator)
    #expect(!findings[0].passes() || !findings[1].passes())
  }

  @Test func findsACutPath() throws {
    let point = try Matrix([[0.3, -0.8]])
    var generator = SeededGenerator(seed: 2)
    func whole(_ x: [Variable]) -> Variable { (x[0] * x[0].tanh()).sum() }
    func cut(_ x: [Variable]) -> Variable { (x[0] * x[0].tanh().stopGradient()).sum() }
    let right = checkDerivatives(of: whole, at: [point], orders: 4, using: &generator)
    let wrong = checkDerivatives(of: cut, at: [point], orders: 1, using: &generator)
    #expect(right.map(\.order) == [1, 2, 3, 4])
    #expect(right.allSatisfy { $0.passes() }, "\(right)")
    #expect(!wrong[0].passes())
  }

  @Test func checksAGradientFromAnywhere() throws {
    let point = try Matrix([[0.3, -0.8], [1.1, 0.2]])
    func cubes(_ points: [Matrix]) -> Double {
      points[0].elements.reduce(0) { $0 + $1 * $1 * $1 }
    }
    var generator = SeededGenerator(seed: 3)
    let right = checkGradient(
      [point.map { 3 * $0 * $0 }], of: cubes, at: [point], using: &generator)
    let wrong = checkGradient(
      [point.map { 3.003 * $0 * $0 }], of: cubes, at: [point], using: &generator)
    #expect(right.passes())
    #expect(!wrong.passes())
  }

  @Test func doesNotPassWhatIsNotFinite() throws {
    let point = try Matrix([[0.3]])
    var generator = SeededGenerator(seed: 4)
    let finding = checkGradient(
      [Matrix(.nan)], of: { $0[0].elements[0] }, at: [point], using: &generator)
    #expect(!finding.passes())
    let infinite = checkGradient(
      [Matrix(1)], of: { _ in .infinity }, at: [point], using: &generator)
    #expect(!infinite.passes())
  }

  /// Of an operation the worst finding counts, not the last or the best.
  @Test func findsARuleThatIsOffForOneShapeOnly() {
    for wrong in [1.001, .nan] {
      let rules = Self.rules(spoiling: .sum) { node in
        node.output.tape.constant(node.output.shape == Shape(1, 4) ? wrong : 1)
      }
      var generator = SeededGenerator(seed: 1)
      #expect(
        !Operation.sum.checkDerivatives(orders: 1, rules: rules, &generator)[0].passes())
    }
  }

  @Test func mistakesStopWithAMessage() async {
    let shapes = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var generator = SeededGenerator(seed: 1)
      _ = checkGradient([Matrix(1)], of: { _ in 0 }, at: [], using: &generator)
    }
    #expect(standardError(shapes).contains("checkGradient: gradients are [1×1], points []"))
    let orders = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var generator = SeededGenerator(seed: 1)
      _ = checkDerivatives(of: { $0[0] }, at: [Matrix(1)], orders: 0, using: &generator)
    }
    #expect(standardError(orders).contains("orders is at least 1, but is 0"))
  }

  @Test func countsTheRightRulesAsRight() {
    var generator = SeededGenerator(seed: 1)
    for operation in Self.differentiable {
      let findings = operation.checkDerivatives(
        orders: 3, rules: Operation.rules, &generator)
      #expect(findings.allSatisfy { $0.passes() })
    }
  }
}

/// A check has a third answer, where a kink lies within every width.
@Suite struct GradientCheckVerdictTests {
  /// Σ |xᵢ − kink|.
  static func check(_ slope: Double, at x: Double, kink: Double) -> DerivativeCheck {
    var generator = SeededGenerator(seed: 5)
    return checkGradient(
      [Matrix(slope)], of: { abs($0[0].elements[0] - kink) }, at: [Matrix(x)], using: &generator)
  }

  @Test(arguments: [0, 1e-13, -1e-13, 1e-10, -1e-10])
  func aKinkWithinEveryWidthCannotBeToldFrom(_ offset: Double) {
    for claimed in [-1.0, 0, 1] {
      let found = Self.check(claimed, at: 1, kink: 1 + offset)
      #expect(found.verdict() == .cannotTell, "\(offset), \(claimed): \(found)")
      #expect(!found.passes())
    }
    // No slope on either side is that steep.
    #expect(Self.check(3, at: 1, kink: 1 + offset).verdict() == .fails)
  }

  /// Between what rounding hides and what the differences see, a right slope is at least not called wrong.
  @Test func aRightSlopeNeverFails() {
    for exponent in stride(from: -40.0, through: -4, by: 0.5) {
      let offset = scalarExp(exponent)
      let found = Self.check(-1, at: 1, kink: 1 + offset)
      #expect(found.verdict() != .fails, "\(offset): \(found)")
    }
  }

  @Test(arguments: [1e-6, 1e-5, 1e-4, 1e-3])
  func aKinkWithinSomeWidthsIsPassedBy(_ offset: Double) {
    #expect(Self.check(-1, at: 1, kink: 1 + offset).verdict() == .passes)
    #expect(Self.check(1, at: 1, kink: 1 - offset).verdict() == .passes)
    #expect(Self.check(-1.001, at: 1, kink: 1 + offset).verdict() == .fails)
    #expect(Self.check(1, at: 1, kink: 1 + offset).verdict() == .fails)
  }

  @Test func theVerdictIsSaidInALine() {
    let right = Self.check(1, at: 1, kink: 0)
    #expect(right.description.hasPrefix("order 1 passes: "))
    #expect(Self.check(2, at: 1, kink: 0).description.hasPrefix("order 1 fails: "))
    let unclear = Self.check(1, at: 1, kink: 1).description
    #expect(unclear.hasPrefix("order 1 cannot tell, a kink is near: "), "\(unclear)")
    #expect(Self.check(.nan, at: 1, kink: 0).verdict() == .fails)
  }

  /// The error is relative to the derivative, not understated because the direction is short.
  @Test func theErrorDoesNotDependOnTheLengthOfTheDirection() {
    for seed: UInt64 in 0..<20 {
      var generator = SeededGenerator(seed: seed)
      let found = checkGradient(
        [Matrix(1.1)], of: { $0[0].elements[0] }, at: [Matrix(1)], using: &generator)
      #expect(abs(found.error - 0.1 / 1.1) < 1e-6, "\(found)")
    }
  }
}
