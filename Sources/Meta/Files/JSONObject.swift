/// An object of JSON, its keys beside its values; what is nil stands as null.
package struct JSONObject: Encodable, ExpressibleByDictionaryLiteral {
  private var fields: [String: any Encodable]

  package init(dictionaryLiteral elements: (String, any Encodable)...) {
    fields = Dictionary(uniqueKeysWithValues: elements)
  }

  /// The value of a key; nil is no key at all.
  package subscript(key: String) -> (any Encodable)? {
    get { fields[key] }
    set { fields[key] = newValue }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Meta.Key.self)
    for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
      try container.encode(value, forKey: Meta.Key(stringValue: name))
    }
  }
}
