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
        // Constants merge by their bits, since −0 is not 0 and NaN is not itself; inputs never do.
        distinction: old.operation == .input
          ? [UInt64(line)] : old.isLeaf ? source.literal(line).map(\.bitPattern) : [])
      newLine[line] = known[key] ?? recording.instructions.count
      if newLine[line] < recording.instructions.count { continue }
      known[key] = newLine[line]
      let literal = recording.literals.count
      if old.isLeaf { recording.literals += source.literal(line) }
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
    let operation: Operation
    let operands: Operands
    let shape: Shape
    let distinction: [UInt64]
  }
}
