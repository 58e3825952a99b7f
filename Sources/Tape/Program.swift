/// A tape made ready to run again on new data: pruned, merged, with its memory planned.
///
/// Only lines that an output needs are kept, equal lines are computed once, and values share memory
/// when one is dead before the other is born. Replaying at new inputs gives the bits that a fresh
/// recording there would give.
///
/// A program is immutable and `Sendable`: any number of threads may run it, each in a ``Workspace``
/// of its own.
public struct Program: Sendable {
  /// The lines that are left, in the order in which they run.
  package let recording: Recording

  /// The lines of the inputs, in the order in which they were named.
  package let inputs: [Int]
  /// The lines of the outputs, in the order in which they were named.
  package let outputs: [Int]

  let steps: [Step]
  let plan: MemoryPlan

  /// One call of a kernel, with its operands found.
  struct Step: Sendable {
    let kernel: Kernel
    let result: Slot
    let a: Slot
    let b: Slot
    let c: Slot
  }

  /// Compiles the part of a tape that computes `outputs` from `inputs`.
  ///
  /// Every other leaf keeps the value that it has on the tape. A choice made in Swift while
  /// recording (an `if`, the number of turns of a loop) is frozen as it was made.
  ///
  /// - Parameters:
  ///   - inputs: Variables made by ``GradientTape/input(_:named:)``, each at most once.
  ///   - outputs: What is asked for.
  ///   - reusingMemory: Whether dead values give their place to later ones; false keeps all apart.
  /// - Precondition: All are on one tape, and the inputs are inputs; anything else stops with a
  ///   message.
  /// - Complexity: O(lines of the tape).
  public init(inputs: [Variable], outputs: [Variable], reusingMemory: Bool = true) {
    guard let tape = outputs.first?.tape else { stop("Program: there is no output") }
    tape.check(inputs + outputs, for: "Program")
    for (position, input) in inputs.enumerated() {
      if input.instruction.operation != .input {
        stop("Program: input \(position) is computed by \(input.instruction.operation)")
      }
    }
    if Set(inputs.map(\.index)).count < inputs.count { stop("Program: an input is named twice") }

    let pruned = Pruning(
      of: tape.recording, inputs: inputs.map(\.index), outputs: outputs.map(\.index))
    let recording = pruned.recording
    let plan = MemoryPlan(recording, outputs: pruned.outputs, reusingMemory: reusingMemory)
    steps = recording.instructions.indices.compactMap { line in
      let instruction = recording.instructions[line]
      if instruction.isLeaf { return nil }
      let (a, b, c) = instruction.operands.padded
      return Step(
        kernel: tape.rules[Int(instruction.operation.rawValue)].kernel,
        result: plan.slots[line], a: plan.slots[a], b: plan.slots[b], c: plan.slots[c])
    }
    self.recording = recording
    self.inputs = pruned.inputs
    self.outputs = pruned.outputs
    self.plan = plan
  }

  /// Runs the program once, in memory of its own.
  ///
  /// - Parameter values: One matrix per input, of the shape that was recorded; anything else stops
  ///   with a message.
  /// - Returns: One matrix per output.
  public func run(_ values: [Matrix]) -> [Matrix] {
    let workspace = Workspace(for: self)
    if values.count != inputs.count {
      stop("Program: \(values.count) values for \(inputs.count) inputs")
    }
    for (position, value) in values.enumerated() { workspace.setInput(position, to: value) }
    workspace.run()
    return outputs.indices.map { workspace.output($0) }
  }
}

/// The memory of one run of a ``Program``.
///
/// It belongs to one thread at a time, and can be used again and again without further allocation.
public final class Workspace {
  /// The program that runs here.
  public let program: Program

  private let storage: Storage

  /// Reserves the memory that `program` needs, ``Cost/peakBytes`` of it.
  public init(for program: Program) {
    self.program = program
    storage = Storage(capacity: program.plan.count, scratch: program.plan.scratchCount)
    for (line, instruction) in program.recording.instructions.enumerated() where instruction.isLeaf
    {
      storage.write(program.recording.literal(line), at: program.plan.slots[line].offset)
    }
  }

  /// Sets the input at `position`, for this run and those to come.
  ///
  /// - Precondition: The shape is the one that was recorded; anything else stops with a message.
  public func setInput(_ position: Int, to value: Matrix) {
    let slot = program.plan.slots[program.inputs[position]]
    if value.shape != slot.shape {
      stop("Program: input \(position) is \(slot.shape), but its value is \(value.shape)")
    }
    storage.write(value.elements, at: slot.offset)
  }

  /// Computes the outputs at the present inputs.
  public func run() {
    for step in program.steps {
      storage.execute(step.kernel, result: step.result, step.a, step.b, step.c)
    }
  }

  /// The value of the output at `position`, as the last ``run()`` left it.
  public func output(_ position: Int) -> Matrix {
    let slot = program.plan.slots[program.outputs[position]]
    return Matrix(slot.shape, storage.read(slot.offset, slot.shape.count))
  }
}
