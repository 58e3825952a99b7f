import Foundation
internal import Meta

/// A value of JSON as a tree that can be damaged: what it says of numbers is text, and keys may repeat.
package indirect enum JSONNode: Decodable, Sendable {
  case object([(key: String, value: JSONNode)])
  case list([JSONNode])
  case literal(String)

  package init(from decoder: any Decoder) throws {
    if let container = try? decoder.container(keyedBy: Key.self) {
      self = .object(
        try container.allKeys.map { ($0.stringValue, try container.decode(Self.self, forKey: $0)) }
          .sorted { $0.key < $1.key })
    } else if var container = try? decoder.unkeyedContainer() {
      var items: [JSONNode] = []
      while !container.isAtEnd { items.append(try container.decode(Self.self)) }
      self = .list(items)
    } else {
      let container = try decoder.singleValueContainer()
      if container.decodeNil() {
        self = .literal("null")
      } else if let number = try? container.decode(Double.self) {
        self = .literal(Int(exactly: number).map { "\($0)" } ?? "\(number)")
      } else if let isTrue = try? container.decode(Bool.self) {
        self = .literal("\(isTrue)")
      } else {
        self = .literal("\"\(try container.decode(String.self))\"")
      }
    }
  }

  package var text: String {
    switch self {
    case .object(let fields):
      "{" + fields.map { "\"\($0.key)\":\($0.value.text)" }.joined(separator: ",") + "}"
    case .list(let items): "[" + items.map(\.text).joined(separator: ",") + "]"
    case .literal(let text): text
    }
  }

  /// The tree with a change by chance at a place by chance.
  ///
  /// Something is left out, repeated, renamed, moved from another place, or another value. Whole numbers stay small or become too large, so that nothing takes long.
  package func mutated(using generator: inout some RandomNumberGenerator) -> JSONNode {
    mutated(by: self, using: &generator)
  }

  private func mutated(
    by whole: JSONNode, using generator: inout some RandomNumberGenerator
  ) -> JSONNode {
    if Int.random(in: 0..<12, using: &generator) > 0 {
      switch self {
      case .object(var fields) where !fields.isEmpty:
        // Rather into what has parts than to what stands first.
        let inner = fields.indices.filter { !fields[$0].value.isLiteral }
        let isInner = !inner.isEmpty && Int.random(in: 0..<4, using: &generator) > 0
        let places = isInner ? inner : Array(fields.indices)
        let index = places[Int.random(in: places.indices, using: &generator)]
        fields[index].value = fields[index].value.mutated(by: whole, using: &generator)
        return .object(fields)
      case .list(var items) where !items.isEmpty:
        let index = Int.random(in: items.indices, using: &generator)
        items[index] = items[index].mutated(by: whole, using: &generator)
        return .list(items)
      default: break
      }
    }
    let other = whole.part(using: &generator)
    switch (self, Int.random(in: 0..<6, using: &generator)) {
    case (.object(var fields), 0...3) where !fields.isEmpty:
      let index = Int.random(in: fields.indices, using: &generator)
      let name = whole.keys.randomElement(using: &generator) ?? ""
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: fields.remove(at: index)
      case 1: fields.append((name, other))
      case 2: fields[index].key = name
      default: fields.append(fields[index])
      }
      return .object(fields)
    case (.list(var items), 0...3):
      let index = Int.random(in: 0...items.count, using: &generator)
      if index == items.count || Bool.random(using: &generator) {
        items.insert(items.randomElement(using: &generator) ?? other, at: index)
      } else {
        items.remove(at: index)
      }
      return .list(items)
    case (.literal(let text), 0...4):
      if text.hasPrefix("\"") {
        return .literal("\"\(Self.words.randomElement(using: &generator) ?? "")\"")
      }
      guard let number = Double(text) else { return other }
      let factors: [Double] = [-1, 0, 0.1, 1.5, 1e-300, 1e-160, 1e-100, 1e70, 1e200]
      return .literal("\((factors.randomElement(using: &generator) ?? 1) * number)")
    case (_, 2): return other
    case (_, 3):
      return [.list([self]), .object([("x", self)])].randomElement(using: &generator) ?? self
    default: return .literal(Self.literals.randomElement(using: &generator) ?? "")
    }
  }

  /// What problem files know by name.
  private static let words = [
    "linear", "relu", "mean-squared-error", "half-mean-squared-error", "softmax-cross-entropy",
    "step",
    "entry", "parameter", "parameters", "learningRate", "weightDecay", "proximal", "rule", "adam",
    "nesterov", "momentum", "rmsprop", "gradient-descent", "metagradient-problem-1",
    "metagradient-problem-2", "mdp-1", "W", "B", "W1", "maml", "anil", "firm", "\u{1B}[1m",
  ]

  private static let literals = [
    "0", "-0", "1", "-1", "2", "3", "0.5", "1e-320", "1e150", "1e308", "-1e308", "1e999", "NaN",
    "-Infinity", "9007199254740993", "9223372036854775807", "9223372036854775808", "1e12", "true",
    "null", "\"\"", "\"\\u0000\"", "\"\\ud800\"", "\"x\"", "[]", "{}", "[[]]", "",
  ]

  private var isLiteral: Bool { if case .literal = self { true } else { false } }

  /// Some part of the tree.
  private func part(using generator: inout some RandomNumberGenerator) -> JSONNode {
    let children: [JSONNode] =
      switch self {
      case .object(let fields): fields.map(\.value)
      case .list(let items): items
      case .literal: []
      }
    guard Int.random(in: 0..<4, using: &generator) > 0,
      let child = children.randomElement(using: &generator)
    else { return self }
    return child.part(using: &generator)
  }

  /// All keys in it.
  private var keys: [String] {
    switch self {
    case .object(let fields): fields.map(\.key) + fields.flatMap(\.value.keys)
    case .list(let items): items.prefix(3).flatMap(\.keys)
    case .literal: []
    }
  }
}
