import Tape

/// A key of a JSON object.
package struct Key: CodingKey, ExpressibleByStringLiteral {
  package let stringValue: String
  package var intValue: Int? { nil }

  package init(stringValue: String) { self.stringValue = stringValue }
  package init(stringLiteral: String) { stringValue = stringLiteral }
  package init?(intValue: Int) { nil }
}

/// A place in a problem file, as `tasks[2].query.targets`, whether the problem is wrapped or bare.
func place(_ path: [any CodingKey]) -> String {
  let keys = path.first?.stringValue == "problem" ? path.dropFirst() : path[...]
  if keys.isEmpty { return "the file" }
  return keys.reduce("") { place, key in
    key.intValue.map { "\(place)[\($0)]" }
      ?? (place.isEmpty ? key.stringValue : "\(place).\(key.stringValue)")
  }
}

/// The names by which the values of a choice are called.
package func names<Choice: RawRepresentable<String> & CaseIterable>(_ choice: Choice.Type) -> String
{
  Choice.allCases.map(\.rawValue).list
}

extension KeyedDecodingContainer<Key> {
  /// The place of a value of this object.
  func place(_ key: Key) -> String { Meta.place(codingPath + [key]) }

  /// An object in this object.
  func object(_ key: Key) throws -> KeyedDecodingContainer<Key> {
    try nestedContainer(keyedBy: Key.self, forKey: key)
  }

  /// A number, which must be finite.
  func number(_ key: Key) throws -> Double {
    try finite(decode(Double.self, forKey: key), place(key))
  }

  /// A number without a fraction.
  func wholeNumber(_ key: Key) throws -> Int {
    try whole(number(key), place(key))
  }

  /// A list of numbers, each of which must be finite.
  func numbers(_ key: Key) throws -> [Double] {
    try decode([Double].self, forKey: key).enumerated().map { index, number in
      try finite(number, "\(place(key))[\(index)]")
    }
  }

  /// A name out of a list of names.
  func choice<Choice: RawRepresentable<String> & CaseIterable>(_ key: Key) throws -> Choice {
    let name = try decode(String.self, forKey: key)
    guard let choice = Choice(rawValue: name) else {
      throw MetaProblemError(place(key), "'\(name)' is not one of \(names(Choice.self))")
    }
    return choice
  }

  /// Refuses keys of this object that nothing would read.
  func refuseOthers(than known: [String], _ reason: String = "is not a key here") throws {
    for key in allKeys.map(\.stringValue).sorted() where !known.contains(key) {
      throw MetaProblemError(place(Key(stringValue: key)), "\(reason) (\(known.list))")
    }
  }
}

/// A number as an integer.
package func whole(_ number: Double, _ place: String) throws(MetaProblemError) -> Int {
  guard let integer = Int(exactly: number) else {
    throw MetaProblemError(place, "\(number) is not a whole number")
  }
  return integer
}

private func finite(_ number: Double, _ place: String) throws -> Double {
  if !number.isFinite { throw MetaProblemError(place, "\(number) is not finite") }
  return number
}

extension MetaProblemError {
  /// What a decoder found wrong, in plain words.
  public init(_ error: DecodingError) {
    switch error {
    case .keyNotFound(let key, let context):
      self.init(place(context.codingPath + [key]), "is missing")
    case .typeMismatch(let type, let context):
      self.init(place(context.codingPath), "is not \(Self.name(of: type))")
    case .valueNotFound(_, let context):
      self.init(place(context.codingPath), "is null")
    case .dataCorrupted(let context):
      self.init(place(context.codingPath), context.debugDescription)
    @unknown default:
      self.init("", "\(error)")
    }
  }

  private static func name(of type: Any.Type) -> String {
    switch type {
    case is Double.Type, is Int.Type: "a number"
    case is String.Type: "text in quotes"
    case is [String: Any].Type: "an object {…}"
    case is [Any].Type: "a list […]"
    default: "of the right kind"
    }
  }
}
