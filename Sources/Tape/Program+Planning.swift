/// The lines of a recording that some outputs need, equal ones merged, renumbered without gaps.
struct Pruning {
  private(set) var recording = Recording()
  private(set) var inputs: [Int] = []
  private(set) var outputs: [Int] = []

  init(of source: Recording, inputs sourceInputs: [Int], outputs sourceOutputs: [Int]) {
    var isLive = Array(repeating: false, count: source.instructions.count)
    for line in sourceInputs + sourceOutputs { isLive[line] = true }
    for line in isLive.indices.reversed() where isLive[line] {
      for operand in source.instructions[line].operands { isLive[operand] = true }
    }

    recording.labels = source.labels
    var newLine: [Int] = Array(repeating: -1, count: isLive.count)
    var known: [Key: Int] = [:]
    for line in isLive.indices where isLive[line] {
      let old = source.instructions[line]
      let operands = Operands(old.operands.map { newLine[$0] })
      let key = Key(
        operation: old.operation, operands: operands, shape: old.shape,
        // Constants merge by the bits of their value; inputs, and larger constants, never do.
        distinction: old.isLeaf
          ? source.scalarConstant(line).map { .bits($0.bitPattern) } ?? .line(line) : .none)
      if let earlier = known[key] {
        newLine[line] = earlier
        continue
      }
      let literal = recording.literals.count
      if old.isLeaf { recording.literals += source.literal(line) }
      newLine[line] = recording.instructions.count
      known[key] = newLine[line]
      recording.instructions.append(
        Instruction(
          operation: old.operation, level: old.level, operands: operands, shape: old.shape,
          label: old.label, literal: literal))
    }
    inputs = sourceInputs.map { newLine[$0] }
    outputs = sourceOutputs.map { newLine[$0] }
  }

  private struct Key: Hashable {
    enum Distinction: Hashable {
      case none, bits(UInt64), line(Int)
    }
    let operation: Operation
    let operands: Operands
    let shape: Shape
    let distinction: Distinction
  }
}

/// Where each value of a recording lies in one block of memory, values sharing places in turn.
struct MemoryPlan: Sendable {
  /// By line, where its value lies.
  private(set) var slots: [Slot] = []
  /// The size of the block, as a count of numbers.
  private(set) var count = 0

  init(_ recording: Recording, outputs: [Int], reusingMemory: Bool) {
    let instructions = recording.instructions
    var lastUse = Array(instructions.indices)
    for (line, instruction) in instructions.enumerated() {
      for operand in instruction.operands { lastUse[operand] = line }
    }
    // Leaves keep their value from run to run, outputs until they are read.
    for line in instructions.indices where instructions[line].isLeaf { lastUse[line] = .max }
    for line in outputs { lastUse[line] = .max }

    // Places that are free again, by size. Unrolled programs repeat few sizes, so a place of exactly
    // the size asked for is nearly always at hand, and planning stays linear in the lines.
    var free: [Int: [Int]] = [:]
    func release(_ line: Int) {
      free[slots[line].shape.count, default: []].append(slots[line].offset)
    }

    slots.reserveCapacity(instructions.count)
    for (line, instruction) in instructions.enumerated() {
      var dying = Set(instruction.operands.filter { reusingMemory && lastUse[$0] == line })
      // An elementwise kernel may write over an operand of the result's own shape.
      if instruction.operation.worksInPlace {
        for operand in dying where instructions[operand].shape == instruction.shape {
          release(operand)
          dying.remove(operand)
        }
      }
      let size = instruction.shape.count
      let offset = free[size]?.popLast() ?? count
      if offset == count { count += size }
      slots.append(Slot(offset: offset, shape: instruction.shape))
      for operand in dying.sorted() { release(operand) }
      if reusingMemory, lastUse[line] == line { release(line) }
    }
  }
}

extension Operation {
  /// Whether the kernel may write its result over an operand of the same shape.
  fileprivate var worksInPlace: Bool {
    if case .elementwise = Operation.rules[Int(rawValue)].shape { true } else { false }
  }
}
