import Nets
import Tape
import TestSupport
import Testing

/// What holds of every operation, so that a new one is tested by being there.
@Suite struct OperationTests {
  /// An operation on random operands of fitting shapes, as a function of variables.
  struct Example {
    let points: [Matrix]
    let target: Shape?
    let operation: Operation

    func callAsFunction(_ operands: [Variable]) -> Variable {
      operands[0].tape.record(operation, operands, target: target)
    }
  }

  static func examples(of operation: Operation, seed: UInt64 = 7) -> [Example] {
    var generator = SeededGenerator(seed: seed)
    return Operation.rules[Int(operation.rawValue)].examples(using: &generator).map {
      Example(points: $0.operands, target: $0.target, operation: operation)
    }
  }

  @Test(arguments: Operation.allCases)
  func hasExamplesUnlessItIsALeaf(_ operation: Operation) {
    let isLeaf = Operation.rules[Int(operation.rawValue)].arity == 0
    #expect(isLeaf == Self.examples(of: operation).isEmpty)
  }

  @Test(arguments: Operation.allCases, 1...3)
  func derivativeAgreesWithDifferences(_ operation: Operation, order: Int) {
    var generator = SeededGenerator(seed: UInt64(order))
    for finding in operation.checkDerivatives(orders: order, using: &generator) {
      #expect(finding.passes(tolerance: 1e-9), "\(operation) at order \(finding.order): \(finding)")
    }
  }

  @Test(arguments: Operation.allCases)
  func gradientHasTheShapeOfTheOperand(_ operation: Operation) {
    for example in Self.examples(of: operation) {
      let tape = GradientTape()
      let operands = example.points.map { tape.input($0) }
      let gradients = gradient(of: example(operands).sum(), wrt: operands)
      #expect(gradients.map(\.shape) == operands.map(\.shape))
      #expect(gradients.map(\.value.shape) == operands.map(\.shape))
    }
  }

  @Test(arguments: Operation.allCases)
  func secondDerivativesAreSymmetric(_ operation: Operation) {
    var generator = SeededGenerator(seed: 11)
    for example in Self.examples(of: operation) {
      let shapes = example.points.map(\.shape)
      let u = randomMatrices(shapes, using: &generator)
      let v = randomMatrices(shapes, using: &generator)
      func curved(_ operands: [Variable]) -> Variable {
        let value = example(operands)
        return (value * value).sum()
      }
      let left = inner(hessianVectorProduct(at: example.points, along: u, of: curved), v)
      let right = inner(hessianVectorProduct(at: example.points, along: v, of: curved), u)
      #expect(abs(left - right) <= 1e-12 * max(1, abs(left)))
    }
  }

  @Test(arguments: Operation.allCases)
  func pullbackIsLinearInTheUpstream(_ operation: Operation) {
    var generator = SeededGenerator(seed: 13)
    for example in Self.examples(of: operation) {
      let (value, pull) = valueWithPullback(at: example.points, of: example.callAsFunction)
      let u = randomMatrices([value.shape], using: &generator)[0]
      let v = randomMatrices([value.shape], using: &generator)[0]
      let combined = pull(Matrix(value.shape) { 3 * u[$0, $1] - 0.5 * v[$0, $1] })
      let separate = zip(pull(u), pull(v)).map { u, v in
        Matrix(u.shape) { 3 * u[$0, $1] - 0.5 * v[$0, $1] }
      }
      #expect(relativeDistance(combined, separate) < 1e-13)
    }
  }

  @Test(arguments: Operation.allCases)
  func jacobianIsTheTransposeOfThePullback(_ operation: Operation) {
    var generator = SeededGenerator(seed: 17)
    for example in Self.examples(of: operation) {
      let directions = randomMatrices(example.points.map(\.shape), using: &generator)
      let pushed = jacobianVectorProduct(
        at: example.points, along: directions, of: example.callAsFunction)
      let upstream = randomMatrices([pushed.shape], using: &generator)[0]
      let pulled = valueWithPullback(at: example.points, of: example.callAsFunction)
        .pullback(upstream)
      let (left, right) = (inner([upstream], [pushed]), inner(pulled, directions))
      #expect(abs(left - right) <= 1e-12 * max(1, abs(left)))
    }
  }

  /// Value, gradient and Hessian-vector product as one program.
  static func program(
    _ example: Example, at points: [Matrix], reusingMemory: Bool = true
  ) -> (program: Program, recorded: [Matrix]) {
    let tape = GradientTape()
    let operands = points.map { tape.input($0) }
    let value = example(operands)
    let scalar = (value * value).sum()
    let along = points.map { tape.constant(Matrix($0.shape, repeating: 0.5)) }
    let outputs =
      [value] + gradient(of: scalar, wrt: operands)
      + hessianVectorProduct(of: scalar, wrt: operands, along: along)
    let program = Program(inputs: operands, outputs: outputs, reusingMemory: reusingMemory)
    return (program, outputs.map(\.value))
  }

  @Test(arguments: Operation.allCases)
  func replayAtNewInputsEqualsAFreshRecording(_ operation: Operation) {
    for (here, there) in zip(
      Self.examples(of: operation), Self.examples(of: operation, seed: 8))
    {
      let replayed = Self.program(here, at: here.points).program.run(there.points)
      #expect(bits(replayed) == bits(Self.program(there, at: there.points).recorded))
    }
  }

  @Test(arguments: Operation.allCases)
  func plannedMemoryEqualsSeparateMemory(_ operation: Operation) {
    for example in Self.examples(of: operation) {
      let planned = Self.program(example, at: example.points).program
      let separate = Self.program(example, at: example.points, reusingMemory: false).program
      #expect(bits(planned.run(example.points)) == bits(separate.run(example.points)))
      #expect(planned.cost.peakBytes <= separate.cost.peakBytes)
    }
  }

  @Test(arguments: Operation.allCases)
  func wrongShapesStopWithAMessage(_ operation: Operation) async {
    let rule = Operation.rules[Int(operation.rawValue)]
    // Only operations of two or more operands, or with a target, can be given shapes that do not fit;
    // any positions fit any matrix.
    let needsTarget = rule.shape.examples(arity: rule.arity).contains { $0.target != nil }
    guard rule.arity > 1 || needsTarget, operation != .gather else { return }
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { [raw = operation.rawValue as UInt8] in
      guard let operation = Operation(rawValue: raw) else { return }
      let tape = GradientTape()
      let arity = Operation.rules[Int(raw)].arity
      let operands = (0..<arity).map { tape.input(Matrix(Shape(2 + $0, 5 + $0), repeating: 1)) }
      _ = tape.record(operation, operands, target: Shape(7, 9))
    }
    let message = standardError(result)
    #expect(message.contains("\(operation): shapes do not fit: 2×5"))
    #expect(rule.arity == 1 ? message.contains("target 7×9") : message.contains("and 3×6"))
  }
}
