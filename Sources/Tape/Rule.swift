import KernelInterface

/// Everything the engine knows about one operation: one row of the table in `Operation+Rules.swift`.
package struct Rule: Sendable {
  /// The gradient that reaches one operand, recorded as ordinary instructions.
  ///
  /// It may have the shape of the result where the operand was broadcast: the sweep sums it.
  package typealias Pullback = @Sendable (Node) -> Variable

  /// How the shape of the result follows from those of the operands.
  package let shape: ShapeRule

  /// The range from which checks draw operands: where the operation is smooth and well conditioned.
  package let domain: ClosedRange<Double>

  /// What computes the result.
  let kernel: KernelSource

  /// One pullback per operand; nil where no derivative flows.
  package var pullbacks: [Pullback?]

  /// Whether derivatives stop here on purpose, so that differences would contradict them.
  package let cutsDerivatives: Bool

  /// The number of operands.
  package var arity: Int { pullbacks.count }

  init(
    _ shape: ShapeRule, domain: ClosedRange<Double> = -2...2, cutsDerivatives: Bool = false,
    kernel: KernelSource, pullback pullbacks: Pullback?...
  ) {
    self.shape = shape
    self.domain = domain
    self.cutsDerivatives = cutsDerivatives
    self.kernel = kernel
    self.pullbacks = pullbacks
  }
}

/// An instruction as its pullbacks see it.
package struct Node {
  /// The result of the instruction, and the gradient with respect to it, of the same shape.
  package let output, upstream: Variable

  /// The operand at `position`.
  package subscript(position: Int) -> Variable {
    Variable(tape: output.tape, index: output.instruction.operands[position])
  }
}

/// How the shape of a result follows from the shapes of the operands.
package enum ShapeRule: Sendable {
  /// A leaf of the tape, whose shape is given.
  case given
  /// The shape to which the operands broadcast: that of the largest.
  case elementwise
  /// A matrix product, with the first or the second operand transposed.
  case product(transposed: Transposition)
  /// Rows and columns exchanged.
  case transposed
  /// A target in which some dimensions have become one.
  case reduced
  /// A target in which some dimensions of one have grown.
  case expanded
  /// One column: a number for each row.
  case column
  /// That of the second operand, where the first is square and has as many rows.
  case solution
  /// That of the second operand, which holds positions in the first.
  case gathered
  /// A target in which the second operand, of the shape of the first, holds positions.
  case scattered

  package typealias Transposition = KernelInterface.Transposition

  /// The shape of the result, or nil where the operands do not fit each other or the target.
  func result(of operands: [Shape], target: Shape?) -> Shape? {
    switch self {
    case .given: return target
    case .elementwise: return Shape.broadcast(operands)
    case .product(let transposition):
      let a = transposition == .first ? operands[0].transposed : operands[0]
      let b = transposition == .second ? operands[1].transposed : operands[1]
      return a.columns == b.rows ? Shape(a.rows, b.columns) : nil
    case .transposed: return operands[0].transposed
    case .reduced: return target.flatMap { $0.broadcasts(to: operands[0]) ? $0 : nil }
    case .expanded: return target.flatMap { operands[0].broadcasts(to: $0) ? $0 : nil }
    case .column: return Shape(operands[0].rows, 1)
    case .solution:
      let (a, b) = (operands[0], operands[1])
      return a.rows == a.columns && a.rows == b.rows ? b : nil
    case .gathered: return operands[1]
    case .scattered: return operands[0] == operands[1] ? target : nil
    }
  }

  /// Why operands that look as if they might fit do not, as the end of a message.
  func hint(_ operands: [Shape]) -> String {
    guard case .elementwise = self, operands.contains(where: { $0.rows == 1 && $0.columns > 1 }),
      operands.contains(where: { $0.columns == 1 && $0.rows > 1 })
    else { return "" }
    return
      "; a row and a column do not broadcast against each other, since one operand must have the "
      + "shape of the result: repeat one by broadcast(to:)"
  }

  /// Operand shapes, and a target where one is needed, that exercise every way of fitting.
  package func examples(arity: Int) -> [(operands: [Shape], target: Shape?)] {
    let full = Shape(3, 4), row = Shape(1, 4), column = Shape(3, 1)
    switch self {
    case .given: return []
    case .elementwise:
      // All of one shape; then each operand in turn as the only one that is not broadcast.
      let same = [Array(repeating: full, count: arity)]
      let broadcast = (0..<(arity > 1 ? arity : 0)).flatMap { largest in
        [Shape.scalar, row, column].map { small in (0..<arity).map { $0 == largest ? full : small }
        }
      }
      return (same + broadcast).map { ($0, nil) }
    case .product(let transposition):
      return [(Shape(3, 4), Shape(4, 2)), (Shape(5, 3), Shape(3, 1)), (Shape(1, 6), Shape(6, 7))]
        .map { a, b in
          (
            [
              transposition == .first ? a.transposed : a,
              transposition == .second ? b.transposed : b,
            ], nil
          )
        }
    case .transposed, .column: return [full, row, column].map { ([$0], nil) }
    case .reduced: return [.scalar, row, column, full].map { ([full], $0) }
    case .expanded: return [.scalar, row, column, full].map { ([$0], full) }
    case .solution:
      return [(3, 2), (1, 4), (5, 1)].map { ([Shape($0, $0), Shape($0, $1)], nil) }
    case .gathered:
      return [Shape(2, 7), row, .scalar].map { ([full, $0], nil) } + [([column, full], nil)]
    case .scattered:
      return [full, Shape(2, 2), .scalar].map { ([Shape(2, 3), Shape(2, 3)], $0) }
    }
  }
}

extension Rule {
  /// Random operands that exercise every way of fitting, and a target where one is needed.
  package func examples(
    using generator: inout some RandomNumberGenerator
  ) -> [(operands: [Matrix], target: Shape?)] {
    shape.examples(arity: arity).map { shapes, target in
      var operands = shapes.map { randomMatrix($0, in: domain, &generator) }
      switch shape {
      case .solution:
        // Large entries from corner to corner: well conditioned, and rows change places.
        let n = shapes[0].rows
        for row in 0..<n { operands[0][row, n - 1 - row] += Double(n) }
      case .gathered, .scattered:
        let count = (target ?? shapes[0]).count
        operands[1] = Matrix(shapes[1]) { row, column in
          row + column == 1 ? -1 : Double(Int.random(in: 0..<count, using: &generator))
        }
      default: break
      }
      return (operands, target)
    }
  }

  /// How many operands, from the first on, may be moved a little: positions, which come last, may not.
  package var movableCount: Int {
    switch shape {
    case .gathered, .scattered: 1
    default: arity
    }
  }
}

extension Operation {
  /// The rules of all operations, by raw value.
  package static let rules = allCases.map(\.rule)
}
