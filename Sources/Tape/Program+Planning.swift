/// Where each value of a recording lies in one block of memory, values sharing places in turn.
struct MemoryPlan: Sendable {
  /// By line, where its value lies.
  private(set) var slots: [Slot] = []
  /// The size of the block, as a count of numbers.
  private(set) var count = 0
  /// What the kernels keep while they run, as a count of numbers.
  let scratchCount: Int

  init(
    _ recording: Recording, _ calls: [Call], inputs: [Int], outputs: [Int], reusingMemory: Bool
  ) {
    let lines = recording.instructions
    scratchCount = lines.indices.reduce(0) { max($0, recording.work($1).scratch) }
    placeLeaves(lines, inputs: inputs)
    placeResults(
      of: calls, lastReaders: reusingMemory ? Self.lastReaders(lines, calls, outputs) : [])
  }

  /// By line, the last call that reads it; −1 for leaves, which keep their value from run to run, and
  /// for outputs, which keep it until they are read.
  private static func lastReaders(_ lines: [Instruction], _ calls: [Call], _ outputs: [Int])
    -> [Int]
  {
    var readers = Array(repeating: -1, count: lines.count)
    for (index, call) in calls.enumerated() { for line in call.reads { readers[line] = index } }
    for line in lines.indices where lines[line].isLeaf { readers[line] = -1 }
    for line in outputs { readers[line] = -1 }
    return readers
  }

  /// Inputs lie outside, where the caller keeps them; constants are written before the first call runs, so
  /// none may share a place.
  private mutating func placeLeaves(_ lines: [Instruction], inputs: [Int]) {
    slots = lines.map { Slot(offset: 0, shape: $0.shape) }
    for (position, line) in inputs.enumerated() { slots[line].space = 1 + position }
    for line in lines.indices where lines[line].isLeaf && slots[line].space == 0 {
      slots[line].offset = extend(by: slots[line].shape.count)
    }
  }

  /// Gives each call a place for its result, and frees those of what is read for the last time: before,
  /// where the result may be written over it, or else after.
  ///
  /// Unrolled programs repeat few sizes, so a free place of exactly the size asked for is nearly always at
  /// hand, and planning stays linear in the lines.
  private mutating func placeResults(of calls: [Call], lastReaders: [Int]) {
    var free: [Int: [Int]] = [:]  // by size, the offsets
    for (index, call) in calls.enumerated() {
      let reads = call.reads
      var dying: [(slot: Slot, isOverwritten: Bool)] = []
      for (position, line) in reads.enumerated()
      where !lastReaders.isEmpty && lastReaders[line] == index && !reads[..<position].contains(line)
      {
        let isOverwritten =
          call.overwritable.contains(position) && slots[line].shape == slots[call.line].shape
        dying.append((slots[line], isOverwritten))
      }
      func release(_ isOverwritten: Bool) {
        for operand in dying where operand.isOverwritten == isOverwritten {
          free[operand.slot.shape.count, default: []].append(operand.slot.offset)
        }
      }
      release(true)
      let size = slots[call.line].shape.count
      slots[call.line].offset = free[size]?.popLast() ?? extend(by: size)
      release(false)
    }
  }

  private mutating func extend(by size: Int) -> Int {
    count += size
    return count - size
  }
}
