import Foundation

/// A file that a command is asked to write: whole, or not at all.
struct OutputFile: Sendable {
  let path: String
  let option: String
  /// Where it lies, past any link.
  private let target: URL

  /// Checks, before a long run, that the file can be written.
  init(path: String, option: String) throws {
    (self.path, self.option) = (path, option)
    target = Self.target(path)
    if path.isEmpty { throw UserError("\(option): the name of the file is empty") }
    let directory = target.deletingLastPathComponent().path
    var isDirectory: ObjCBool = false
    let manager = FileManager.default
    guard manager.fileExists(atPath: directory, isDirectory: &isDirectory), isDirectory.boolValue
    else { throw UserError("\(option) \(path): there is no folder \(directory)") }
    if let type = try? manager.attributesOfItem(atPath: target.path)[.type] as? FileAttributeType {
      switch type {
      case .typeDirectory: throw UserError("\(option) \(path): is a folder")
      case .typeSymbolicLink: throw UserError("\(option) \(path): is a link to what is not there")
      case .typeRegular: break
      default: throw UserError("\(option) \(path): is not a regular file")
      }
      if !manager.isWritableFile(atPath: target.path) {
        throw UserError("\(option) \(path): cannot be written to")
      }
    }
    guard manager.isWritableFile(atPath: directory) else {
      throw UserError("\(option) \(path): the folder cannot be written to")
    }
  }

  /// Where a path leads, past any link; a `~` is a letter like others, as it is where files are read.
  private static func target(_ path: String) -> URL {
    URL(fileURLWithPath: path.hasPrefix("/") ? path : "./\(path)").resolvingSymlinksInPath()
  }

  /// Whether two paths lead to one file, by whatever names; `-` is standard input.
  static func isSame(_ path: String, _ other: String) -> Bool {
    func status(_ path: String) -> stat? {
      var status = stat()
      let isThere = (path == "-" ? fstat(STDIN_FILENO, &status) : stat(path, &status)) == 0
      return isThere ? status : nil
    }
    guard let own = status(path), let its = status(other) else {
      return target(path) == target(other)
    }
    return own.st_dev == its.st_dev && own.st_ino == its.st_ino
  }

  /// Puts a text in the place of what the file holds: whoever interrupts finds the old file or the new.
  func write(_ text: String) throws { close(try replaced(with: text)) }

  /// Writes beside the file, then moves into its place.
  ///
  /// - Returns: The new file, open and locked where locks are to be had.
  func replaced(with text: String) throws -> Int32 {
    func refusal() -> UserError {
      UserError("\(option) \(path): cannot be written (\(StreamError()))")
    }
    let folder = target.deletingLastPathComponent().path
    var (number, partial, descriptor) = (0, "", -1 as Int32)
    repeat {
      partial = "\(folder)/.autodiff-demo-\(getpid())-\(number)"
      descriptor = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      number += 1
    } while descriptor < 0 && errno == EEXIST
    if descriptor < 0 { throw refusal() }
    do {
      var old = stat()
      if stat(target.path, &old) == 0 { fchmod(descriptor, old.st_mode & 0o777) }
      _ = flock(descriptor, LOCK_EX | LOCK_NB)
      do { try autodiff_demo.write(text, to: descriptor) } catch { throw refusal() }
      if fsync(descriptor) != 0 || rename(partial, target.path) != 0 { throw refusal() }
    } catch {
      unlink(partial)
      close(descriptor)
      throw error
    }
    return descriptor
  }
}
