import Meta

// One flat object, as checkpoints have had it from the first version on.
extension SinusoidStudy.Training: Codable {
  private enum CodingKeys: String, CodingKey {
    case seed, records
    case method = "methodName"
  }

  /// Reads a training.
  ///
  /// - Throws: `DecodingError` if a part is missing, or no method has the name.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    method = try container.decode(Method.self, forKey: .method)
    seed = try container.decode(UInt64.self, forKey: .seed)
    records = try container.decode([SinusoidStudy.Record].self, forKey: .records)
    state = try TrainingState(from: decoder)
  }

  /// Writes the training.
  public func encode(to encoder: any Encoder) throws {
    try state.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(method, forKey: .method)
    try container.encode(seed, forKey: .seed)
    try container.encode(records, forKey: .records)
  }
}
