extension Program {
  /// The lines, by number, whose values `other` does not compute.
  ///
  /// Lines correspond where they apply the same operation to corresponding lines; inputs correspond by
  /// their position, constants by their value, and `stopGradient` to what it reads. So, of an exact
  /// meta-gradient and a first-order one, these are the lines that first order leaves out.
  ///
  /// - Complexity: O(lines of both).
  public func lines(missingIn other: Program) -> [Int] {
    var known: [Correspondence: Int] = [:]
    let theirs = Set(other.correspondences(&known))
    return correspondences(&known).enumerated().filter { !theirs.contains($1) }.map(\.offset)
  }

  /// The lines as text, with ✂ before those that `other` does not compute; see ``lines(missingIn:)``.
  public func listing(markingWhatIsMissingIn other: Program) -> String {
    recording.listing(outputs: outputs, marked: Set(lines(missingIn: other)))
  }

  /// What each line is, where it comes from, and which lines it reads: for whoever draws a program.
  package var lineDescriptions:
    [(operands: [Int], level: Int, source: [any LineSource], input: Int?)]
  {
    let positions = inputPositions
    return recording.instructions.enumerated().map { line, instruction in
      let source = recording.sources[instruction.label]
      return (Array(instruction.operands), instruction.level, source, positions[line])
    }
  }

  /// By line, which of the inputs it is.
  private var inputPositions: [Int: Int] {
    Dictionary(uniqueKeysWithValues: inputs.enumerated().map { ($1, $0) })
  }

  /// A number for each line, equal for lines of equal meaning in all programs that share `known`.
  private func correspondences(_ known: inout [Correspondence: Int]) -> [Int] {
    let positions = inputPositions
    var numbers: [Int] = []
    for (line, instruction) in recording.instructions.enumerated() {
      let operands = instruction.operands.map { numbers[$0] }
      if instruction.operation == .stopGradient {
        numbers.append(operands[0])
        continue
      }
      let key = Correspondence(
        operation: instruction.operation, operands: operands, shape: instruction.shape,
        input: positions[line],
        literal: instruction.isLeaf && positions[line] == nil
          ? recording.literal(line).map(\.bitPattern) : [])
      let number = known[key] ?? known.count
      known[key] = number
      numbers.append(number)
    }
    return numbers
  }

  private struct Correspondence: Hashable {
    let operation: Operation
    let operands: [Int]
    let shape: Shape
    let input: Int?
    let literal: [UInt64]
  }
}
