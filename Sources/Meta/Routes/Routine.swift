import Tape

/// A program of the adjoint route, whose inputs and outputs are known by what they are and by where they lie
/// in the block that holds their kind.
struct Routine {
  /// The blocks that are read.
  enum Block: Int, CaseIterable {
    /// The outer variables.
    case outer
    /// The matrices of the task.
    case task
    /// The number of the step.
    case number
    /// The inner variables, then what the rule remembers of them.
    case point
    /// The outer loss, then the gradient by learned outer variables, inner variables and state.
    case carried
  }

  /// A place in a block, and the input or output of the program that lies there.
  private struct Place {
    let position: Int
    let offset: Int
  }

  let program: Program
  /// By block, the inputs that the program reads.
  private let inputs: [[Place]]
  private let outputs: [Place]

  /// Compiles a program.
  ///
  /// - Parameters:
  ///   - blocks: The variables of each block, one behind the other; those that no output needs are left out.
  ///   - outputs: What is computed, each with the offset at which it is left.
  ///   - block: The block over which the outputs are written; what only passes through is then copied first, so
  ///     that values may change places.
  init(
    _ blocks: [Block: [Variable]], _ outputs: [(offset: Int, variable: Variable)],
    over block: Block? = nil
  ) {
    let moving = Set(block.flatMap { blocks[$0] }?.map(\.index) ?? [])
    let outputs = outputs.map { offset, variable in
      // Of an output a program keeps even this copy.
      (offset, variable: moving.contains(variable.index) ? variable.stopGradient() : variable)
    }
    let needed = leavesNeeded(by: outputs.map(\.variable))
    var variables: [Variable] = []
    inputs = Block.allCases.map { block in
      var offset = 0
      return (blocks[block] ?? []).compactMap { variable in
        defer { offset += variable.shape.count }
        guard needed.contains(variable.index) else { return nil }
        variables.append(variable)
        return Place(position: variables.count - 1, offset: offset)
      }
    }
    self.outputs = outputs.enumerated().map { Place(position: $0, offset: $1.0) }
    program = Program(inputs: variables, outputs: outputs.map(\.variable))
  }

  /// Whether a block is read at all.
  func reads(_ block: Block) -> Bool { !inputs[block.rawValue].isEmpty }

  /// Lets the inputs of a block be read where they lie in `storage`, from `offset` on.
  func bind(_ workspace: Workspace, _ block: Block, to storage: Storage, at offset: Int = 0) {
    for place in inputs[block.rawValue] {
      workspace.bind(
        place.position..<place.position + 1, to: storage, at: offset + place.offset)
    }
  }

  /// Copies the outputs to their places in `storage`, from `offset` on.
  func copyOutputs(_ workspace: Workspace, to storage: Storage, at offset: Int = 0) {
    for place in outputs {
      workspace.copyOutputs(
        place.position..<place.position + 1, to: storage, at: offset + place.offset)
    }
  }
}

/// The lines of the inputs and constants that some variables of a tape are computed from.
private func leavesNeeded(by variables: [Variable]) -> Set<Int> {
  guard let tape = variables.first?.tape else { return [] }
  let lines = tape.recording.instructions
  var isNeeded = Array(repeating: false, count: lines.count)
  for variable in variables { isNeeded[variable.index] = true }
  var leaves: Set<Int> = []
  for line in lines.indices.reversed() where isNeeded[line] {
    if lines[line].isLeaf { leaves.insert(line) }
    for operand in lines[line].operands { isNeeded[operand] = true }
  }
  return leaves
}
