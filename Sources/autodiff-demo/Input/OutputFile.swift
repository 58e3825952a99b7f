import Foundation

/// A file that a command is asked to write: whole, or not at all.
struct OutputFile {
  let path: String

  /// Checks, before a long run, that the file can be written.
  init(path: String, option: String) throws {
    self.path = path
    let url = URL(fileURLWithPath: path)
    let directory = url.deletingLastPathComponent().path
    var isDirectory: ObjCBool = false
    let manager = FileManager.default
    guard manager.fileExists(atPath: directory, isDirectory: &isDirectory), isDirectory.boolValue
    else { throw UserError("\(option) \(path): there is no folder \(directory)") }
    if manager.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue {
      throw UserError("\(option) \(path): is a folder")
    }
    guard manager.isWritableFile(atPath: directory) else {
      throw UserError("\(option) \(path): the folder cannot be written to")
    }
  }

  /// Writes beside it, then moves into its place: whoever interrupts finds the old file or the new.
  func write(_ text: String) throws {
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw UserError("\(path): cannot be written")
    }
  }
}
