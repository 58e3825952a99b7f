import Foundation

/// The folder in which the shards of a run are kept.
struct ShardFolder {
  private let path: String

  /// Makes the folder if it is not there: any shard may be the first.
  init(_ path: String) throws {
    self.path = path
    let manager = FileManager.default
    var isDirectory: ObjCBool = false
    if !manager.fileExists(atPath: path, isDirectory: &isDirectory) {
      // Another shard may have done so in between.
      try? manager.createDirectory(atPath: path, withIntermediateDirectories: false)
    }
    guard manager.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue else {
      throw UserError("--out \(path): is not a folder, and cannot be made one")
    }
  }

  /// Whether a shard is there and whole.
  ///
  /// - Throws: ``UserError`` if it is of another setting.
  func has(_ shard: Shard, of setting: ShardSetting) throws -> Bool {
    let file = try OutputFile(path: "\(path)/\(shard.fileName)", option: "--out")
    guard let data = FileManager.default.contents(atPath: file.path),
      let header = ShardHeader(data, named: shard)
    else { return false }
    if header.setting != setting {
      throw UserError(
        "--out \(path): \(shard.fileName) is of another setting (\(header.setting.difference(from: setting)))"
      )
    }
    return true
  }

  /// Writes a shard, whole or not at all.
  func write(_ contents: ShardContents<some Codable>, of shard: Shard) throws {
    let object = try json(contents, namesInfinity: true)
    try OutputFile(path: "\(path)/\(shard.fileName)", option: "--out").write(
      Seal.sealed(object, as: ShardHeader.format))
  }
}
