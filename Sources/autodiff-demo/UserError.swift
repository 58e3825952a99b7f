/// Something that the person at the command line can mend, in one line that names the place.
struct UserError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
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
