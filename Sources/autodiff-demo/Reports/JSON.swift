import Foundation

/// A value as one line of JSON; keys in alphabetical order, numbers with the digits that give the
/// same number back.
///
/// - Parameter namesInfinity: Whether numbers that are not finite, which JSON has not, stand as the texts
///   "inf", "-inf" and "nan"; otherwise they are an error.
func json(_ value: some Encodable, namesInfinity: Bool = false) throws -> String {
  let encoder = JSONEncoder()
  if namesInfinity {
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
  }
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
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
