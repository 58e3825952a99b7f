import Meta

/// An object of JSON, its keys beside its values; what is nil stands as null.
struct JSONObject: Encodable, ExpressibleByDictionaryLiteral {
  private var fields: [String: any Encodable]

  init(dictionaryLiteral elements: (String, any Encodable)...) {
    fields = Dictionary(uniqueKeysWithValues: elements)
  }

  /// The value of a key; nil is no key at all.
  subscript(key: String) -> (any Encodable)? {
    get { fields[key] }
    set { fields[key] = newValue }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Meta.Key.self)
    for (name, value) in fields {
      try container.encode(value, forKey: Meta.Key(stringValue: name))
    }
  }
}
