import Foundation

/// A file that one process keeps to itself, and replaces as a whole.
///
/// The lock goes with the process, however that ends. It lies on the file itself, so nothing stays beside it; what
/// replaces the file is locked before it takes its place.
///
/// Belongs to one thread at a time.
final class LockedFile {
  private let path: String
  private let option: String
  private var descriptor: Int32

  /// Opens the file, empty if it was not there, and locks it.
  ///
  /// - Throws: ``UserError`` if another process has it, or if it cannot be written.
  init(path: String, option: String) throws {
    self.path = try OutputFile(path: path, option: option).target.path
    self.option = option
    while true {
      descriptor = try Self.open(self.path, 0, option)
      if Self.isSame(descriptor, self.path) { return }
      // Whoever had it has replaced it in between.
      close(descriptor)
    }
  }

  deinit { close(descriptor) }

  /// What it holds.
  var contents: Data { FileManager.default.contents(atPath: path) ?? Data() }

  /// Puts a text in the place of what it holds: whoever interrupts finds the old file or the new.
  func write(_ text: String) throws {
    let partial = path + ".partial"
    let fresh = try Self.open(partial, O_TRUNC, option)
    do {
      try FileHandle(fileDescriptor: fresh).write(contentsOf: Data(text.utf8))
    } catch {
      close(fresh)
      throw UserError("\(option) \(path): cannot be written")
    }
    if fsync(fresh) != 0 || rename(partial, path) != 0 {
      close(fresh)
      throw UserError("\(option) \(path): cannot be written")
    }
    close(descriptor)
    descriptor = fresh
  }

  private static func open(_ path: String, _ flags: Int32, _ option: String) throws -> Int32 {
    let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0o644)
    if descriptor < 0 { throw UserError("\(option) \(path): cannot be written") }
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      close(descriptor)
      throw UserError("\(option) \(path): another run keeps it")
    }
    return descriptor
  }

  private static func isSame(_ descriptor: Int32, _ path: String) -> Bool {
    var (open, named) = (stat(), stat())
    return fstat(descriptor, &open) == 0 && stat(path, &named) == 0 && open.st_ino == named.st_ino
      && open.st_dev == named.st_dev
  }
}
