/// The lines of a recording that some outputs need, in their shortest form, renumbered without gaps.
///
/// Nothing is differentiated after this, so a line may be dropped for another of the same value. On
/// the tape it could not: the two are different things to take a derivative with respect to.
struct Pruning {
  private(set) var recording = Recording()
  private(set) var inputs: [Int] = []
  private(set) var outputs: [Int] = []

  init(of source: Recording, inputs sourceInputs: [Int], outputs sourceOutputs: [Int]) {
    let (operands, alias) = Self.simplified(source)
    var isLive = Array(repeating: false, count: source.instructions.count)
    for line in sourceInputs { isLive[line] = true }
    for line in sourceOutputs { isLive[alias[line]] = true }
    for line in isLive.indices.reversed() where isLive[line] {
      for operand in operands[line] { isLive[operand] = true }
    }

    recording.sources = source.sources
    var newLine: [Int] = Array(repeating: -1, count: isLive.count)
    var known: [Key: Int] = [:]
    for line in isLive.indices where isLive[line] {
      let old = source.instructions[line]
      let key = Key(
        operation: old.operation, operands: Operands(operands[line].map { newLine[$0] }),
        shape: old.shape,
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
          operation: old.operation, level: old.level, operands: key.operands, shape: old.shape,
          label: old.label, literal: literal, era: 0))
    }
    inputs = sourceInputs.map { newLine[$0] }
    outputs = sourceOutputs.map { newLine[alias[$0]] }
  }

  /// What each line reads, and the line that stands for it, where a factor of one, a repetition to
  /// the same shape, or a repetition that the reading operation does anyway are left out.
  ///
  /// Values stay the same to the bit. These lines come from sweeps, which start with a one and
  /// repeat the gradient of a sum.
  private static func simplified(_ source: Recording) -> (operands: [Operands], alias: [Int]) {
    var operands: [Operands] = []
    var alias: [Int] = []
    for (line, instruction) in source.instructions.enumerated() {
      var reads = instruction.operands.map { alias[$0] }
      var standsFor = line
      func shape(_ position: Int) -> Shape { source.instructions[reads[position]].shape }

      switch instruction.operation {
      case .broadcast, .sum:
        if shape(0) == instruction.shape { standsFor = reads[0] }
      case .add, .subtract, .multiply:
        for (one, other) in [(0, 1), (1, 0)] where shape(other) == instruction.shape {
          if instruction.operation == .multiply, source.scalarConstant(reads[one]) == 1 {
            standsFor = reads[other]
          } else if source.instructions[reads[one]].operation == .broadcast {
            reads[one] = operands[reads[one]][0]
          }
        }
      default: break
      }
      operands.append(Operands(reads))
      alias.append(standsFor)
    }
    return (operands, alias)
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
  /// What the kernels keep while they run, as a count of numbers.
  private(set) var scratchCount = 0

  init(
    _ recording: Recording, _ calls: [Call], inputs: [Int], outputs: [Int], reusingMemory: Bool
  ) {
    let instructions = recording.instructions
    scratchCount = instructions.indices.reduce(0) { max($0, recording.scratchCount($1)) }
    var lastUse = Array(repeating: -1, count: instructions.count)
    for (index, call) in calls.enumerated() {
      for operand in call.operands { lastUse[operand] = index }
      if let scale = call.scale { lastUse[scale] = index }
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

    // Leaves are written before the first line runs, so none may share a place.
    var isInput = Array(repeating: false, count: instructions.count)
    for line in inputs { isInput[line] = true }
    slots = instructions.enumerated().map { line, instruction in
      let slot = Slot(offset: count, shape: instruction.shape)
      if instruction.isLeaf, !isInput[line] { count += instruction.shape.count }
      return slot
    }
    // Inputs lie outside, where the caller keeps them.
    for (position, line) in inputs.enumerated() {
      slots[line] = Slot(space: 1 + position, offset: 0, shape: instructions[line].shape)
    }
    for (index, call) in calls.enumerated() {
      let shape = instructions[call.line].shape
      var dying: [(line: Int, isOverwritten: Bool)] = []
      for (position, operand) in (Array(call.operands) + [call.scale].compactMap(\.self))
        .enumerated()
      where reusingMemory && lastUse[operand] == index {
        if dying.contains(where: { $0.line == operand }) { continue }
        let isOverwritten =
          call.overwritable.contains(position) && instructions[operand].shape == shape
        dying.append((operand, isOverwritten))
      }
      for operand in dying where operand.isOverwritten { release(operand.line) }
      let offset = free[shape.count]?.popLast() ?? count
      if offset == count { count += shape.count }
      slots[call.line] = Slot(offset: offset, shape: shape)
      for operand in dying where !operand.isOverwritten { release(operand.line) }
    }
  }
}
