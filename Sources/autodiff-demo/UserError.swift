/// Something that the person at the command line can mend, in one line that names the place.
struct UserError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}

extension String {
  /// The text as a line for a terminal: what would not show is �, and of a long one the middle is left out.
  ///
  /// Names of files, and what stands in them, may hold anything.
  var inOneLine: String {
    let most = 600
    let (start, end) = (unicodeScalars.prefix(most + 1), unicodeScalars.suffix(most / 3))
    if start.count <= most { return printable }
    return String(start.prefix(most - most / 3)).printable + " … " + String(end).printable
  }
}

/// Puts the name of a file before what is wrong in it.
func naming<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch {
    let name = path == "-" ? "standard input" : path.isEmpty ? "''" : path
    throw UserError("\(name): \(error)")
  }
}
