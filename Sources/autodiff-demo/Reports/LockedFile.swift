import Foundation

/// A file that one process keeps to itself, and replaces as a whole.
///
/// The lock goes with the process, however that ends. It lies on the file itself, so nothing stays beside it; what
/// replaces the file is locked before it takes its place.
///
/// Belongs to one thread at a time.
final class LockedFile {
  private let file: OutputFile
  private var descriptor: Int32

  /// Opens the file, empty if it was not there, and locks it.
  ///
  /// - Throws: ``UserError`` if another process has it, or if it cannot be written.
  init(path: String, option: String) throws {
    file = try OutputFile(path: path, option: option)
    while true {
      descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
      if descriptor < 0 {
        throw UserError("\(option) \(path): cannot be written (\(StreamError()))")
      }
      if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
        let reason =
          errno == EWOULDBLOCK ? "another run keeps it" : "cannot be locked (\(StreamError()))"
        close(descriptor)
        throw UserError("\(option) \(path): \(reason)")
      }
      var (own, named) = (stat(), stat())
      if fstat(descriptor, &own) == 0, stat(path, &named) == 0, own.st_ino == named.st_ino,
        own.st_dev == named.st_dev
      {
        return
      }
      // Whoever had it has replaced it in between.
      close(descriptor)
    }
  }

  deinit { close(descriptor) }

  /// What it held when it was opened; asked for once.
  func contents() throws -> Data {
    try naming("\(file.option) \(file.path)") { try autodiff_demo.contents(of: descriptor) }
  }

  /// Puts a text in the place of what it holds: whoever interrupts finds the old file or the new.
  func write(_ text: String) throws {
    let fresh = try file.replaced(with: text)
    close(descriptor)
    descriptor = fresh
  }
}
