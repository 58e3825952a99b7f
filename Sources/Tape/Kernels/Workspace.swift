import KernelInterface

/// The memory of one run of a ``Program``.
///
/// It belongs to one thread at a time, and can be used again and again without further allocation.
public final class Workspace {
  /// The program that runs here.
  public let program: Program

  private let storage: Storage
  /// The workspace's own blocks for the inputs, and the ones of others that are read instead.
  private let inputs: [Storage]
  private var bound: [Storage]
  /// Where each space of the program's slots begins.
  private var bases: [UnsafeMutablePointer<Double>]

  /// Reserves the memory that `program` needs, ``Cost/peakBytes`` of it.
  public init(for program: Program) {
    self.program = program
    let (recording, slots) = (program.recording, program.plan.slots)
    storage = Storage(capacity: program.plan.count, scratch: program.plan.scratchCount)
    inputs = program.inputs.map { Storage(capacity: slots[$0].shape.count) }
    bound = inputs
    bases = [storage.base] + inputs.map(\.base)
    for (line, instruction) in recording.instructions.enumerated() where instruction.isLeaf {
      let space = slots[line].space
      (space == 0 ? storage : inputs[Int(space) - 1])
        .write(recording.literal(line), at: slots[line].offset)
    }
  }

  /// Sets the input at `position`, for this run and those to come.
  ///
  /// - Precondition: The shape is the one that was recorded; anything else stops with a message.
  public func setInput(_ position: Int, to value: Matrix) {
    let shape = program.plan.slots[program.inputs[position]].shape
    if value.shape != shape {
      stop("Program: input \(position) is \(shape), but its value is \(value.shape)")
    }
    inputs[position].write(value.elements, at: 0)
    bound[position] = inputs[position]
    bases[1 + position] = inputs[position].base
  }

  /// Lets the inputs in `positions` be read where they lie in `block`, one after the other from
  /// `offset` on, without a copy.
  ///
  /// Until another is bound, whoever writes to the block sees to it that no run is under way.
  package func bind(_ positions: Range<Int>, to block: Storage, at offset: Int) {
    var offset = offset
    for position in positions {
      let count = program.plan.slots[program.inputs[position]].shape.count
      block.check(offset, count)
      bound[position] = block
      bases[1 + position] = block.base + offset
      offset += count
    }
  }

  /// The memory that was reserved, in bytes, apart from blocks of others that are bound.
  package var reservedBytes: Int {
    (storage.reservedCount + inputs.reduce(0) { $0 + $1.reservedCount })
      * MemoryLayout<Double>.stride
  }

  /// Computes the outputs at the present inputs, without a heap allocation.
  ///
  /// Every slot of the plan lies within its block: those of the workspace's own by the way they were
  /// counted, those of inputs because their blocks were checked when they were bound.
  public func run() {
    program.steps.withUnsafeBufferPointer { steps in
      guard let first = steps.baseAddress else { return }
      if program.strips.isEmpty { return run(first, count: steps.count) }
      var done = 0
      for group in program.strips {
        run(first + done, count: group.calls.lowerBound - done)
        run(group, first + group.calls.lowerBound)
        done = group.calls.upperBound
      }
      run(first + done, count: steps.count - done)
    }
  }

  @inline(__always)
  private func run(_ first: UnsafePointer<Program.Step>, count: Int) {
    let scratch = storage.scratch
    bases.withUnsafeBufferPointer { bases in
      @inline(__always)
      func operand(_ slot: Slot) -> Operand {
        Operand(base: bases[Int(slot.space)] + slot.offset, shape: slot.shape.extent)
      }
      var step = first
      for _ in 0..<count {
        // Field by field, since a copy of the step would count references.
        step.pointee.kernel.run(
          KernelCall(
            result: bases[0] + step.pointee.result.offset, shape: step.pointee.result.shape.extent,
            a: operand(step.pointee.a), b: operand(step.pointee.b), c: operand(step.pointee.c),
            scale: step.pointee.scale.map { bases[Int($0.space)][$0.offset] } ?? 1, scratch: scratch
          ))
        step += 1
      }
    }
  }

  /// Runs the steps of a group on the first rows, then on the next.
  private func run(_ group: StripGroup, _ steps: UnsafePointer<Program.Step>) {
    for row in stride(from: 0, to: group.rows, by: StripGroup.length) {
      let rows = min(StripGroup.length, group.rows - row)
      func operand(_ slot: Slot, isCut: Bool) -> Operand {
        let start = bases[Int(slot.space)] + slot.offset
        let columns = slot.shape.columns
        return isCut
          ? Operand(
            base: slot.isLocal ? start : start + row * columns, shape: Extent(rows, columns))
          : Operand(base: start, shape: slot.shape.extent)
      }
      for (index, part) in group.parts.enumerated() {
        let step = steps + index
        let result = operand(step.pointee.result, isCut: !part.isSum)
        step.pointee.kernel.run(
          KernelCall(
            result: UnsafeMutablePointer(mutating: result.base), shape: result.shape,
            a: operand(step.pointee.a, isCut: part.isCut.a),
            b: operand(step.pointee.b, isCut: part.isCut.b),
            c: operand(step.pointee.c, isCut: part.isCut.c),
            scale: step.pointee.scale.map { bases[Int($0.space)][$0.offset] } ?? 1,
            scratch: storage.scratch, continues: part.isSum && row > 0,
            isLast: !part.isSum || row + rows == group.rows))
      }
    }
  }

  /// The value of the output at `position`, as the last ``run()`` left it.
  public func output(_ position: Int) -> Matrix {
    let slot = program.plan.slots[program.outputs[position]]
    let start = bases[Int(slot.space)] + slot.offset
    return Matrix(slot.shape, Array(UnsafeBufferPointer(start: start, count: slot.shape.count)))
  }

  /// Copies the outputs in `positions` into `block`, one after the other from `offset` on.
  package func copyOutputs(_ positions: Range<Int>, to block: Storage, at offset: Int) {
    forEachOutput(positions, in: block, at: offset) { $0.update(from: $1, count: $2) }
  }

  /// Adds all outputs to the numbers in `block`, one after the other from its start on.
  package func addOutputs(to block: Storage) {
    forEachOutput(program.outputs.indices, in: block, at: 0) { target, source, count in
      for i in 0..<count { target[i] += source[i] }
    }
  }

  private func forEachOutput(
    _ positions: Range<Int>, in block: Storage, at start: Int,
    _ body: (UnsafeMutablePointer<Double>, UnsafePointer<Double>, Int) -> Void
  ) {
    var offset = start
    for position in positions {
      let slot = program.plan.slots[program.outputs[position]]
      block.check(offset, slot.shape.count)
      body(block.base + offset, bases[Int(slot.space)] + slot.offset, slot.shape.count)
      offset += slot.shape.count
    }
  }
}
