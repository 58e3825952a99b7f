import KernelInterface

/// The list on which a computation is written, line by line, so that it can be read backwards.
///
/// Arithmetic on a ``Variable`` appends a line. `gradient(of:wrt:)` reads the lines backwards and
/// appends more of the same kind, so a gradient can be printed, differentiated again, or turned into
/// a ``Program`` that is replayed on new data.
///
/// Recording only writes. A line is computed when a value at or after it is first read, and then
/// kept; so a program that is only to be compiled, printed or priced costs no arithmetic.
///
/// A tape is not thread-safe and not `Sendable`; a ``Program`` is.
public final class GradientTape {
  /// The program as recorded so far.
  package private(set) var recording = Recording()

  /// The rules by which lines are computed and differentiated; tests put wrong ones in their place.
  package let rules: [Rule]

  /// What its lines, and the programs made of them, are computed by.
  package let kernels: KernelSet

  /// Whether the program stops where a value that is not finite first comes about.
  ///
  /// The message names the line, its level and its operands; see ``nonFiniteOrigin(through:)``, which
  /// says the same without stopping. Lines are looked at when they are computed, not when recorded.
  public var stopsWhereNotFinite = false

  /// The level below which nothing is recorded during a reverse sweep, nil outside of one.
  var sweepLevel: Int?

  /// The position in `recording.sources` that new lines bear.
  var label = 0

  /// How often the tape was cut back: tells a line from the one that stood there before.
  private var era: Int32 = 0

  private var evaluation = Evaluation()

  /// Creates an empty tape.
  public convenience init() { self.init(rules: Operation.rules) }

  package init(rules: [Rule] = Operation.rules, kernels: KernelSet = .chosen) {
    (self.rules, self.kernels) = (rules, kernels)
  }

  /// The number of lines recorded so far.
  public var count: Int { recording.instructions.count }
}

// MARK: - Leaves

extension GradientTape {
  /// Records a value from outside, of which derivatives are taken, and which the replay of a ``Program``
  /// may replace by another of the same shape; listings call it `name`.
  public func input(_ value: Matrix, named name: String = "") -> Variable {
    leaf(.input, value, label: name.isEmpty ? 0 : intern([name]))
  }

  /// Records a fixed value.
  public func constant(_ value: Matrix) -> Variable { leaf(.constant, value, label: 0) }

  /// Records a fixed number, as a 1×1 matrix.
  public func constant(_ value: Double) -> Variable { constant(Matrix(value)) }

  private func leaf(_ operation: Operation, _ value: Matrix, label: Int) -> Variable {
    let start = recording.literals.count
    recording.literals.append(contentsOf: value.elements)
    return append(
      Instruction(
        operation: operation, level: 0, operands: Operands(), shape: value.shape, label: label,
        literal: start, era: era))
  }

  private func intern(_ source: [any LineSource]) -> Int {
    recording.sources.append(source)
    return recording.sources.count - 1
  }

  private func append(_ instruction: Instruction) -> Variable {
    recording.instructions.append(instruction)
    return Variable(tape: self, index: count - 1)
  }
}

// MARK: - Operations

extension GradientTape {
  /// Records `operation` on operands of this tape: the one way by which a computed line comes about.
  ///
  /// - Parameter target: The shape of the result, where the operation asks for one.
  /// - Precondition: The operands are on this tape and their shapes fit; anything else stops with a
  ///   message that names the operation and the shapes.
  package func record(
    _ operation: Operation, _ operands: [Variable], target: Shape? = nil
  ) -> Variable {
    check(operands, for: "\(operation)")
    let rule = rules[Int(operation.rawValue)]
    let shapes = operands.map(\.shape)
    guard operands.count == rule.arity,
      let shape = rule.shape.result(of: shapes, target: target)
    else {
      let sizes = shapes.map(\.description).joined(separator: " and ")
      stop(
        "\(operation): shapes do not fit: \(sizes)" + (target.map { ", target \($0)" } ?? "")
          + place + rule.shape.hint(shapes))
    }
    // What only a second gradient feeds belongs to it, even where it differentiates a forward line:
    // so the level is at least that of each operand. Written forward, a line is forward.
    let level = sweepLevel.map { max($0, operands.map(\.instruction.level).max() ?? 0) } ?? 0
    return append(
      Instruction(
        operation: operation, level: level, operands: Operands(operands.map(\.index)),
        shape: shape, label: label, literal: 0, era: era))
  }

  /// Stops with a message unless the variables are lines of this tape, and not of a part cut off it.
  func check(_ variables: [Variable], for operation: @autoclosure () -> String) {
    for variable in variables {
      if variable.tape !== self { stop("\(operation()): variables are on different tapes") }
      _ = variable.instruction
    }
  }
}

// MARK: - Sources, marks

extension GradientTape {
  /// Where lines are recorded just now, as the end of a message; empty outside of every source.
  package var place: String { label == 0 ? "" : ", in \(recording.text(recording.sources[label]))" }

  /// Runs `body`, and marks the lines that it records as coming from `source`.
  ///
  /// A source is any value that can be printed. Nested ones are kept apart, and joined only where they are
  /// printed: `inner step 1 / support loss`. The lines that a gradient appends
  /// bear the source of the line that they differentiate.
  public func from<Result>(
    _ source: some LineSource, _ body: () throws -> Result
  ) rethrows -> Result {
    let outer = label
    label = intern(recording.sources[outer] + [source])
    defer { label = outer }
    return try body()
  }

  /// A place to which a tape can be cut back.
  public struct Mark {
    fileprivate let tape: GradientTape
    fileprivate let lines, literals, labels: Int
    fileprivate let lastEra: Int32?
  }

  /// The present end of the tape.
  public var mark: Mark {
    Mark(
      tape: self, lines: count, literals: recording.literals.count,
      labels: recording.sources.count, lastEra: recording.instructions.last?.era)
  }

  /// Forgets every line after `mark`, so that a long-lived tape can be used again and again.
  ///
  /// Using a variable recorded after the mark stops with a message, and so does a mark of another tape or
  /// one beyond which this was cut back since.
  public func truncate(to mark: Mark) {
    let isHere =
      mark.tape === self && mark.lines <= count
      && (mark.lines == 0 || recording.instructions[mark.lines - 1].era == mark.lastEra)
    if !isHere { stop("truncate: the mark is not, or no longer, a place on this tape") }
    recording.instructions.removeSubrange(mark.lines...)
    recording.literals.removeSubrange(mark.literals...)
    recording.sources.removeSubrange(max(mark.labels, label + 1)...)  // a source may be open
    evaluation.truncate(to: mark.lines)
    era += 1
  }
}

// MARK: - Values

extension GradientTape {
  /// The number of lines that are computed.
  package var computedCount: Int { evaluation.count }

  /// The value of the line `index`, computed now if it was not yet.
  func value(_ index: Int) -> Matrix {
    let first = evaluation.count
    let value = computedValue(index)
    if stopsWhereNotFinite, first <= index, let origin = nonFiniteOrigin(in: first...index) {
      stop(origin.description)
    }
    return value
  }

  /// The value of the line `index`, finite or not.
  func computedValue(_ index: Int) -> Matrix {
    evaluation.advance(through: index, of: recording) { [rules, kernels] in
      rules[Int($0.rawValue)].kernel.kernel(kernels)
    }
    return evaluation.value(index, recording.instructions[index].shape)
  }
}

/// The values of the lines of a recording, as far as they have been asked for.
private struct Evaluation {
  private var offsets: [Int] = []
  private var end = 0
  private let storage = Storage(capacity: 0)

  var count: Int { offsets.count }

  mutating func truncate(to count: Int) {
    guard count < offsets.count else { return }
    end = offsets[count]
    offsets.removeSubrange(count...)
  }

  mutating func advance(through index: Int, of recording: Recording, kernel: (Operation) -> Kernel)
  {
    for line in offsets.count..<max(offsets.count, index + 1) {
      let instruction = recording.instructions[line]
      func slot(_ line: Int) -> Slot {
        Slot(offset: offsets[line], shape: recording.instructions[line].shape)
      }
      storage.reserve(end + instruction.shape.count, scratch: recording.work(line).scratch)
      offsets.append(end)
      end += instruction.shape.count
      if instruction.isLeaf {
        storage.write(recording.literal(line), at: offsets[line])
      } else {
        let (a, b, c) = instruction.operands.padded
        storage.execute(
          kernel(instruction.operation), result: slot(line), slot(a), slot(b), slot(c))
      }
    }
  }

  func value(_ line: Int, _ shape: Shape) -> Matrix {
    Matrix(shape, storage.read(offsets[line], shape.count))
  }
}
