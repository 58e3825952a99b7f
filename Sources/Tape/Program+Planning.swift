/// Where each value of a recording lies in one block of memory, values sharing places in turn.
struct MemoryPlan: Sendable {
  /// By line, where its value lies.
  private(set) var slots: [Slot] = []
  /// The size of the block, as a count of numbers.
  private(set) var count = 0
  /// What the kernels keep while they run, as a count of numbers.
  let scratchCount: Int

  init(
    _ recording: Recording, _ calls: [Call], _ groups: [StripGroup], inputs: [Int], outputs: [Int],
    reusingMemory: Bool
  ) {
    let lines = recording.instructions
    scratchCount = lines.indices.reduce(0) { max($0, recording.work($1).scratch) }
    placeLeaves(lines, inputs: inputs)
    let readers = reusingMemory ? Self.lastReaders(lines, calls, outputs) : []
    for group in groups {
      for (call, part) in zip(calls[group.calls], group.parts) {
        slots[call.line].isLocal = !part.isSum && group.calls.contains(readers[call.line])
      }
    }
    placeResults(of: calls, groups, lastReaders: readers)
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
    for (position, line) in inputs.enumerated() { slots[line].space = Int32(1 + position) }
    for line in lines.indices where lines[line].isLeaf && slots[line].space == 0 {
      slots[line].offset = extend(by: slots[line].shape.count)
    }
  }

  /// Gives each call a place for its result, and frees those of what is read for the last time: before,
  /// where the result may be written over it, or else after.
  ///
  /// Within a group that runs in strips only local values may take the places of local ones: all else is read or
  /// written by the next strip again, and its place becomes free at the end of the group.
  ///
  /// Unrolled programs repeat few sizes, so a free place of exactly the size asked for is nearly always at
  /// hand, and planning stays linear in the lines.
  private mutating func placeResults(
    of calls: [Call], _ groups: [StripGroup], lastReaders: [Int]
  ) {
    // Free at once; for local values of this group; and when the group has ended.
    var free = FreePlaces(), local = FreePlaces(), afterGroup = FreePlaces()
    var nextGroup = groups[...]
    for (index, call) in calls.enumerated() {
      if nextGroup.first?.calls.upperBound == index {
        free.add(local)
        free.add(afterGroup)
        (local, afterGroup) = (FreePlaces(), FreePlaces())
        nextGroup.removeFirst()
      }
      let isInGroup = nextGroup.first?.calls.contains(index) ?? false
      let reads = call.reads
      var dying: [(line: Int, isOverwritten: Bool)] = []
      for (position, line) in reads.enumerated()
      where !lastReaders.isEmpty && lastReaders[line] == index && !reads[..<position].contains(line)
      {
        let isOverwritten =
          call.overwritable.contains(position) && slots[line].shape == slots[call.line].shape
        dying.append((line, isOverwritten))
      }
      func release(_ isOverwritten: Bool) {
        for operand in dying where operand.isOverwritten == isOverwritten {
          let (size, offset) = (placeSize(operand.line), slots[operand.line].offset)
          if !isInGroup {
            free.add(size, offset)
          } else if slots[operand.line].isLocal {
            local.add(size, offset)
          } else {
            afterGroup.add(size, offset)
          }
        }
      }
      release(true)
      let size = placeSize(call.line)
      slots[call.line].offset =
        (slots[call.line].isLocal ? local.take(size) : nil) ?? free.take(size) ?? extend(by: size)
      release(false)
    }
  }

  /// The numbers that the place of a line holds.
  private func placeSize(_ line: Int) -> Int {
    let shape = slots[line].shape
    return slots[line].isLocal ? StripGroup.length * shape.columns : shape.count
  }

  private mutating func extend(by size: Int) -> Int {
    count += size
    return count - size
  }
}

/// Places that nothing needs any more, by size.
private struct FreePlaces {
  private var offsets: [Int: [Int]] = [:]

  mutating func add(_ size: Int, _ offset: Int) { offsets[size, default: []].append(offset) }
  mutating func add(_ others: FreePlaces) {
    for (size, more) in others.offsets { offsets[size, default: []] += more }
  }
  mutating func take(_ size: Int) -> Int? { offsets[size]?.popLast() }
}
