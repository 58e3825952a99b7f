/// Stops the program because of a programmer's mistake: shapes that disagree, tapes that are mixed.
///
/// Unlike those of `precondition`, the message survives in release builds.
package func stop(_ message: String, file: StaticString = #fileID, line: UInt = #line) -> Never {
  fatalError(message, file: file, line: line)
}
