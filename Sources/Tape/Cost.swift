import KernelInterface

/// What running a program takes, counted from its lines without running it.
public struct Cost: Codable, Equatable, Sendable {
  /// The number of kernel calls.
  public var instructions: Int
  /// The multiply-adds of matrix products, *mkn* each, and of solutions of *n* equations for *k*
  /// columns, *n*³/3 + *n*²*k* each; elementwise work is not among them.
  public var multiplyAdds: Int
  /// The memory of one run, in bytes: inputs, constants, the values alive at once, and the scratch of
  /// the kernels.
  public var peakBytes: Int

  /// Creates a cost from its parts.
  public init(instructions: Int = 0, multiplyAdds: Int = 0, peakBytes: Int = 0) {
    self.instructions = instructions
    self.multiplyAdds = multiplyAdds
    self.peakBytes = peakBytes
  }
}

extension Program {
  /// What one run takes.
  public var cost: Cost {
    let inputCount = inputs.reduce(0) { $0 + recording.instructions[$1].shape.count }
    return Cost(
      instructions: steps.count,
      multiplyAdds: recording.instructions.indices.reduce(0) {
        $0 + recording.work($1).multiplyAdds
      },
      peakBytes: (plan.count + plan.scratchCount + inputCount) * MemoryLayout<Double>.stride)
  }

  /// The shapes of the outputs, in order.
  package var outputShapes: [Shape] { outputs.map { recording.instructions[$0].shape } }

  /// The number of computed lines at each derivative level, from level 0 on.
  public var instructionsByLevel: [Int] {
    let levels = recording.instructions.filter { !$0.isLeaf }.map(\.level)
    var counts = Array(repeating: 0, count: 1 + (levels.max() ?? 0))
    for level in levels { counts[level] += 1 }
    return counts
  }
}

extension Recording {
  /// Of the kernel of line `index`: its multiply-adds, and the numbers that it keeps while it runs.
  func work(_ index: Int) -> (multiplyAdds: Int, scratch: Int) {
    let line = instructions[index]
    switch Operation.rules[Int(line.operation.rawValue)].shape {
    case .product(let transposed):
      let first = instructions[line.operands[0]].shape
      let terms = transposed == .first ? first.rows : first.columns
      return (line.shape.count * terms, Loop.productScratch(terms: terms))
    case .solution:
      let n = line.shape.rows
      return (n * n * n / 3 + n * line.shape.count, Loop.solveScratch(n))
    default: return (0, 0)
    }
  }
}
