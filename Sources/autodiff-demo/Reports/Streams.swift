import Foundation

/// Makes the streams and limits that a program is started with safe to write under.
///
/// A stream that is closed leads to nothing from now on: otherwise the next file that is opened would be taken for it.
/// A limit on the size of files is an error of the write rather than the end of the program.
func prepareStreams() {
  for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(stream, F_GETFD) < 0 {
    // Opened the wrong way round, so that its use still fails.
    _ = open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY)
  }
  signal(SIGXFSZ, SIG_IGN)
}

/// What the system says to a file that it does not read or write.
struct StreamError: Error, CustomStringConvertible {
  private let code = errno

  var description: String { String(cString: strerror(code)).lowercased() }
}

/// Writes all of a text to an open file; where that takes no more for the moment, it waits.
func write(_ text: String, to descriptor: Int32) throws(StreamError) {
  let bytes = Array(text.utf8)
  var start = 0
  while start < bytes.count {
    let part = Array(bytes[start..<min(start + 1 << 16, bytes.count)])
    let count = Foundation.write(descriptor, part, part.count)
    if count >= 0 { start += count } else { try waitOrThrow(descriptor, POLLOUT) }
  }
}

/// Reads an open file to its end.
///
/// - Returns: Its bytes; nil if there are more than `limit`.
func read(from descriptor: Int32, limit: Int) throws(StreamError) -> Data? {
  var data = Data()
  var part = Array(repeating: UInt8(0), count: 1 << 16)
  while true {
    let count = Foundation.read(descriptor, &part, part.count)
    if count == 0 { return data }
    if count > 0 {
      data += part[..<count]
      if data.count > limit { return nil }
    } else {
      try waitOrThrow(descriptor, POLLIN)
    }
  }
}

/// Waits until an open file is ready, if that is all that is wrong with it.
private func waitOrThrow(_ descriptor: Int32, _ event: some BinaryInteger) throws(StreamError) {
  let error = StreamError()
  if errno == EINTR { return }
  guard errno == EAGAIN else { throw error }
  var file = pollfd(fd: descriptor, events: Int16(event), revents: 0)
  _ = poll(&file, 1, -1)
}
