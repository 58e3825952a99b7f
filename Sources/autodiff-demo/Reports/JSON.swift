import Foundation

/// A value as one line of JSON; keys in alphabetical order, numbers with the digits that give the
/// same number back.
///
/// - Parameter namesInfinity: Whether numbers that are not finite, which JSON has not, stand as the texts
///   "inf", "-inf" and "nan", for ``decoderOfNamedInfinity``; otherwise null stands in their place.
func json(_ value: some Encodable, namesInfinity: Bool = false) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  if namesInfinity {
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  }
  do {
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  } catch EncodingError.invalidValue {
    // The encoder has no null for numbers, but a text that nothing else has.
    let missing = "\u{F8FF}not finite\u{F8FF}"
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: missing, negativeInfinity: missing, nan: missing)
    let text = String(decoding: try encoder.encode(value), as: UTF8.self)
    return text.replacing("\"\(missing)\"", with: "null") + "\n"
  }
}

/// Reads what ``json(_:namesInfinity:)`` has named.
var decoderOfNamedInfinity: JSONDecoder {
  let decoder = JSONDecoder()
  decoder.nonConformingFloatDecodingStrategy = .convertFromString(
    positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
  return decoder
}

/// A value that may be missing, and then stands in JSON as null rather than not at all.
@propertyWrapper
struct Present<Value: Encodable>: Encodable {
  var wrappedValue: Value?

  init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if let wrappedValue { try container.encode(wrappedValue) } else { try container.encodeNil() }
  }
}
