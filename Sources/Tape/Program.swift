import KernelInterface

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

  /// The lines of the inputs and of the outputs, in the order in which they were named.
  package let inputs, outputs: [Int]

  let steps: [Step]
  let plan: MemoryPlan
  /// The steps that run in strips of rows, in order.
  let strips: [StripGroup]

  /// One call of a kernel, with its operands found.
  struct Step: Sendable {
    let kernel: Kernel
    let result, a, b, c: Slot
    let scale: Slot?
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
    for (position, input) in inputs.enumerated() where input.instruction.operation != .input {
      stop("Program: input \(position) is computed by \(input.instruction.operation)")
    }
    if Set(inputs.map(\.index)).count < inputs.count { stop("Program: an input is named twice") }

    let pruned = Pruning(
      of: tape.recording, inputs: inputs.map(\.index), outputs: outputs.map(\.index))
    (recording, self.inputs, self.outputs) = (pruned.recording, pruned.inputs, pruned.outputs)
    var calls = Fusion(recording, outputs: pruned.outputs, tape.kernels).calls(tape.rules)
    strips = reusingMemory ? StripGrouping(recording.instructions, &calls).groups : []
    plan = MemoryPlan(
      recording, calls, strips, inputs: pruned.inputs, outputs: pruned.outputs,
      reusingMemory: reusingMemory)
    steps = calls.map { [plan] call in
      let (a, b, c) = call.operands.padded
      return Step(
        kernel: call.kernel, result: plan.slots[call.line], a: plan.slots[a], b: plan.slots[b],
        c: plan.slots[c], scale: call.scale.map { plan.slots[$0] })
    }
  }

  /// Runs the program once, in memory of its own, and returns a matrix per output.
  ///
  /// - Parameter values: One matrix per input, of the shape that was recorded; anything else stops
  ///   with a message.
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
