/// What running a program takes, counted from its lines without running it.
public struct Cost: Equatable, Sendable {
  /// The number of kernel calls.
  public var instructions: Int
  /// The multiply-adds of the matrix products, *mkn* each; elementwise work is not among them.
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
      multiplyAdds: recording.instructions.indices.reduce(0) { $0 + recording.multiplyAdds($1) },
      peakBytes: (plan.count + plan.scratchCount + inputCount) * MemoryLayout<Double>.stride)
  }

  /// The shapes of the outputs, in order.
  package var outputShapes: [Shape] { outputs.map { recording.instructions[$0].shape } }

  /// The number of computed lines at each derivative level, from level 0 on.
  public var instructionsByLevel: [Int] {
    var counts: [Int] = [0]
    for instruction in recording.instructions where !instruction.isLeaf {
      while counts.count <= instruction.level { counts.append(0) }
      counts[instruction.level] += 1
    }
    return counts
  }
}

extension Recording {
  /// The multiply-adds of the matrix product on line `index`, zero if it is something else.
  func multiplyAdds(_ index: Int) -> Int { instructions[index].shape.count * terms(index) }

  /// The numbers that the kernel of line `index` keeps while it runs.
  func scratchCount(_ index: Int) -> Int { Kernel.scratchCount(terms: terms(index)) }

  /// The terms of each entry of the matrix product on line `index`, zero if it is something else.
  private func terms(_ index: Int) -> Int {
    let line = instructions[index]
    guard case .product(let transposed) = Operation.rules[Int(line.operation.rawValue)].shape else {
      return 0
    }
    let first = instructions[line.operands[0]].shape
    return transposed == .first ? first.rows : first.columns
  }
}
