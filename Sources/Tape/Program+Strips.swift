/// Calls that run in strips: some rows go through all of them, and then the next rows.
///
/// Where matrices have many rows, what one call writes is so still in the cache when the next one reads it, and
/// what nobody else reads takes the memory of one strip.
struct StripGroup: Sendable {
  /// The rows of a strip, a multiple of those of a tile of products.
  static let length = 200

  /// The group's calls, by position.
  let calls: Range<Int>
  /// The rows that all of them go through.
  let rows: Int
  /// By call of the group, what it takes of each strip.
  let parts: [StripPart]
}

/// What a call takes of a strip.
struct StripPart: Sendable {
  let rows: Int
  /// Whether each operand is cut into strips; another is read whole.
  let isCut: (a: Bool, b: Bool, c: Bool)
  /// Whether the result is a sum over rows, which goes on from strip to strip.
  var isSum = false
}

extension Call {
  /// How the call can run in strips; nil if it cannot.
  fileprivate func part(_ lines: [Instruction]) -> StripPart? {
    let (result, operands) = (lines[line].shape, operands.padded)
    let (a, b, c) = (
      lines[operands.0].shape.rows, lines[operands.1].shape.rows, lines[operands.2].shape.rows
    )
    let rows = result.rows
    switch shapeRule {
    case .elementwise, .expanded, .column:
      return StripPart(rows: rows, isCut: (a == rows, b == rows, c == rows))
    case .reduced:
      return StripPart(rows: a, isCut: (true, true, true), isSum: rows < a)
    case .product(.first):
      // The product of two columns adds its terms in another order.
      if result == .scalar { return nil }
      return StripPart(rows: a, isCut: (true, true, self.operands.count < 3), isSum: true)
    case .product:
      return StripPart(rows: rows, isCut: (true, false, self.operands.count == 3 && c == rows))
    default: return nil
    }
  }
}

/// Puts calls into groups that run in strips, and into an order that allows it.
struct StripGrouping {
  private(set) var groups: [StripGroup] = []

  private let lines: [Instruction]
  private var calls: [Call] = []
  /// What a line is in the group that grows.
  private enum Role { case none, cut, sum, deferred }
  private var roles: [Role] = []
  private var members: [Call] = []
  private var parts: [StripPart] = []
  /// Calls that read what the group computes, and so come after it.
  private var deferred: [Call] = []

  /// Fewer rows, or fewer numbers in all results of a group, lie in the cache anyway.
  private static let (leastRows, leastCount) = (512, 65_536)

  /// Finds the groups, and brings `ordered` into the order in which they stand together.
  init(_ lines: [Instruction], _ ordered: inout [Call]) {
    self.lines = lines
    if !lines.contains(where: { $0.shape.rows >= Self.leastRows }) { return }
    roles = Array(repeating: .none, count: lines.count)
    for call in ordered { add(call) }
    close()
    ordered = calls
  }

  private mutating func add(_ call: Call) {
    guard let part = call.part(lines), part.rows >= Self.leastRows else {
      if call.reads.allSatisfy({ roles[$0] == .none }) {
        calls.append(call)
      } else {
        deferred.append(call)
        roles[call.line] = .deferred
      }
      return
    }
    if !fits(call, part) { close() }
    members.append(call)
    parts.append(part)
    roles[call.line] = part.isSum ? .sum : .cut
  }

  private func fits(_ call: Call, _ part: StripPart) -> Bool {
    if let rows = parts.first?.rows, rows != part.rows { return false }
    if let scale = call.scale, roles[scale] != .none { return false }
    let (a, b, c) = call.operands.padded
    func isReady(_ line: Int, _ isCut: Bool) -> Bool {
      roles[line] == .none || (isCut && roles[line] == .cut)
    }
    // What a sum is added to is read with the last strip, when sums before it in the group are complete.
    let isAddendReady = part.isSum && call.operands.count == 3 && roles[c] == .sum
    return isReady(a, part.isCut.a) && isReady(b, part.isCut.b)
      && (isAddendReady || isReady(c, part.isCut.c))
  }

  private mutating func close() {
    let size = members.reduce(0) { $0 + lines[$1.line].shape.count }
    if members.count > 1, size >= Self.leastCount {
      let range = calls.count..<calls.count + members.count
      groups.append(StripGroup(calls: range, rows: parts[0].rows, parts: parts))
    }
    for call in members + deferred {
      calls.append(call)
      roles[call.line] = .none
    }
    (members, parts, deferred) = ([], [], [])
  }
}
