import Foundation

/// A file that a command is asked to write: whole, or not at all.
struct OutputFile {
  let path: String
  /// Where it lies, past any link.
  let target: URL

  /// Checks, before a long run, that the file can be written.
  init(path: String, option: String) throws {
    self.path = path
    target = Self.target(path)
    if path.isEmpty { throw UserError("\(option): the name of the file is empty") }
    let url = target
    let directory = url.deletingLastPathComponent().path
    var isDirectory: ObjCBool = false
    let manager = FileManager.default
    guard manager.fileExists(atPath: directory, isDirectory: &isDirectory), isDirectory.boolValue
    else { throw UserError("\(option) \(path): there is no folder \(directory)") }
    if manager.fileExists(atPath: url.path, isDirectory: &isDirectory) {
      if isDirectory.boolValue { throw UserError("\(option) \(path): is a folder") }
      let type = try? manager.attributesOfItem(atPath: url.path)[.type] as? FileAttributeType
      if type != .typeRegular { throw UserError("\(option) \(path): is not a regular file") }
      if !manager.isWritableFile(atPath: url.path) {
        throw UserError("\(option) \(path): cannot be written to")
      }
    }
    guard manager.isWritableFile(atPath: directory) else {
      throw UserError("\(option) \(path): the folder cannot be written to")
    }
  }

  /// Where a path leads, past any link.
  static func target(_ path: String) -> URL {
    URL(fileURLWithPath: path).resolvingSymlinksInPath()
  }

  /// Writes beside it, then moves into its place: whoever interrupts finds the old file or the new.
  func write(_ text: String) throws {
    do {
      try Data(text.utf8).write(to: target, options: .atomic)
    } catch {
      throw UserError("\(path): cannot be written")
    }
  }
}
