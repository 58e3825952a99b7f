/// One line of a program: an operation, the lines it reads, and the shape it makes.
package struct Instruction: Sendable {
  /// What is computed.
  package let operation: Operation
  /// The derivative level: 0 for what was written forward, 1 for a gradient of that, and so on.
  package let level: Int
  /// The lines that are read, earlier than this one.
  package let operands: Operands
  /// The shape of the result.
  package let shape: Shape
  /// Where the line comes from, or, of a leaf, its name: a position in ``Recording/sources``.
  package let label: Int
  /// Where the value of a leaf starts in ``Recording/literals``; unused in other lines.
  package let literal: Int
  /// How often the tape had been cut back when the line was recorded.
  let era: Int32

  /// Whether the value is given rather than computed.
  package var isLeaf: Bool { operation == .input || operation == .constant }
}

/// Up to three line numbers, without a heap allocation.
package struct Operands: RandomAccessCollection, Hashable, Sendable {
  private var lines: SIMD4<Int32>  // the last lane is the count

  package init() { lines = SIMD4(-1, -1, -1, 0) }

  package init(_ indices: some Sequence<Int>) {
    self.init()
    for index in indices {
      precondition(lines[3] < 3, "an operation has at most three operands")
      lines[Int(lines[3])] = Int32(index)
      lines[3] += 1
    }
  }

  /// Three lines, the last one repeated where there are fewer: what a kernel takes.
  var padded: (Int, Int, Int) {
    (self[0], self[Swift.min(1, count - 1)], self[Swift.min(2, count - 1)])
  }

  package var startIndex: Int { 0 }
  package var endIndex: Int { Int(lines[3]) }
  package subscript(position: Int) -> Int {
    precondition(position >= 0 && position < endIndex, "operand out of range")
    return Int(lines[position])
  }
}

/// Where lines of a tape come from: any value that can be printed, a text for instance.
public protocol LineSource: CustomStringConvertible, Sendable {}

extension String: LineSource {}

/// A straight-line program (a Wengert list) with the values of its leaves.
///
/// A ``GradientTape`` grows one; a ``Program`` holds one that was pruned.
package struct Recording: Sendable {
  /// The lines, each reading only earlier ones.
  package var instructions: [Instruction] = []
  /// The values of the leaves, line after line.
  package var literals: [Double] = []
  /// Sources of lines and names of leaves; the first is empty.
  package var sources: [[any LineSource]] = [[]]

  /// The source of the line `index` as text.
  package func source(_ index: Int) -> String { text(sources[instructions[index].label]) }

  /// A source as text, its parts from the outermost on.
  func text(_ source: [any LineSource]) -> String {
    source.map(\.description).joined(separator: " / ")
  }

  /// The value of the scalar constant on line `index`, or nil if it is something else.
  package func scalarConstant(_ index: Int) -> Double? {
    let line = instructions[index]
    return line.operation == .constant && line.shape == .scalar ? literals[line.literal] : nil
  }

  /// The value of the leaf on line `index`.
  package func literal(_ index: Int) -> [Double] {
    let line = instructions[index]
    return Array(literals[line.literal..<line.literal + line.shape.count])
  }
}
