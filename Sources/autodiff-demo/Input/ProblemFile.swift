import Foundation
import Meta

/// A file of JSON that a command takes.
protocol JSONFile: Decodable {}

extension ProblemFile: JSONFile {}
extension PolicyProblemFile: JSONFile {}

extension JSONFile {
  /// Reads a file, or standard input if the path is `-`.
  ///
  /// - Throws: ``UserError`` with the file, the place in it and what is wrong there.
  init(path: String) throws {
    self = try naming(path) {
      let data = try contents(of: path)
      do {
        return try Self(data: data)
      } catch {
        if path.lowercased().hasSuffix(".csv") {
          throw UserError("is no problem file; a table is given as --csv \(path) (import --help)")
        }
        throw error
      }
    }
  }

  /// Reads what JSON describes.
  init(data: Data) throws {
    do {
      self = try problemDecoder().decode(Self.self, from: data)
    } catch DecodingError.dataCorrupted {
      throw Self.syntaxError(data)
    } catch let error as DecodingError {
      throw MetaProblemError(error)
    }
  }

  /// What keeps the data from being JSON.
  ///
  /// Python writes `NaN` and `Infinity` where a number is not finite, which JSON does not know: a
  /// lenient second reading finds the place. It stops at bytes that are not UTF-8, so those are found before.
  private static func syntaxError(_ data: Data) -> any Error {
    guard let text = String(validating: data, as: UTF8.self) else {
      return UserError("not valid JSON: the text is not UTF-8")
    }
    if text.contains("NaN") || text.contains("Infinity") {
      let lenient = problemDecoder()
      lenient.allowsJSON5 = true
      do {
        _ = try lenient.decode(Self.self, from: data)
      } catch let error as MetaProblemError where error.message.contains("not finite") {
        return error
      } catch {}
    }
    do {
      _ = try JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
      return UserError("not valid JSON")
    } catch {
      let reason = (error as NSError).userInfo["NSDebugDescription"] as? String ?? "unreadable"
      return UserError("not valid JSON: \(reason)")
    }
  }
}

/// The bytes of a file, or of standard input if the path is `-`.
func contents(of path: String) throws -> Data {
  let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
  if descriptor < 0 { throw UserError("cannot be read (\(StreamError()))") }
  defer { if path != "-" { close(descriptor) } }
  return try contents(of: descriptor)
}

/// The bytes of an open file, which are refused where they would not fit in memory together with what is made of them.
func contents(of descriptor: Int32) throws -> Data {
  let limit = physicalMemory / 32
  let data: Data?
  do {
    data = try read(from: descriptor, limit: limit)
  } catch {
    throw UserError("cannot be read (\(error))")
  }
  guard let data else {
    throw UserError("is longer than \(limit.bytes), which is too much for this machine")
  }
  return data
}

private func problemDecoder() -> JSONDecoder {
  let decoder = JSONDecoder()
  decoder.userInfo[.memoryLimit] = physicalMemory
  return decoder
}

/// A problem as a file has it, with the layout of its table where it was made from one.
func problemFile(_ problem: MetaProblem, _ layout: TableLayout?) throws -> String {
  try layout.map { try json(TableProblem(problem: problem, table: $0)) } ?? json(problem)
}
