import Foundation
import Meta
import Nets
import Tape

/// A problem file, with the meta-gradients that it says are right: see `docs/problem-files.md`.
struct ProblemFile {
  var problem: MetaProblem
  /// Known results by method; empty where the file has none.
  var references: [Method: ReferenceResult]

  /// Reads a file, or standard input if the path is `-`.
  ///
  /// - Throws: ``UserError`` with the file, the place in it and what is wrong there.
  init(path: String) throws {
    self = try naming(path) {
      let file = path == "-" ? FileHandle.standardInput : FileHandle(forReadingAtPath: path)
      guard let file, let data = try? file.readToEnd() ?? Data() else {
        throw UserError("cannot be read (\(Self.reason(path)))")
      }
      return try ProblemFile(data: data)
    }
  }

  private static func reason(_ path: String) -> String {
    var isDirectory: ObjCBool = false
    if path != "-" {
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
        return "there is no such file"
      }
    }
    return isDirectory.boolValue ? "it is a directory" : "no permission, or not a stream of text"
  }

  /// Reads a problem, bare or inside `{"problem": …}`.
  init(data: Data) throws {
    let contents: Contents
    do {
      contents = try JSONDecoder().decode(Contents.self, from: data)
    } catch DecodingError.dataCorrupted {
      throw Self.syntaxError(data)
    } catch let error as DecodingError {
      throw MetaProblemError(error)
    }
    problem = contents.problem
    references = contents.references
  }

  /// What keeps the data from being JSON.
  ///
  /// Python writes `NaN` and `Infinity` where a number is not finite, which JSON does not know: a
  /// lenient second reading finds the place.
  private static func syntaxError(_ data: Data) -> any Error {
    let lenient = JSONDecoder()
    lenient.allowsJSON5 = true
    do {
      _ = try lenient.decode(Contents.self, from: data)
    } catch let error as MetaProblemError where error.message.contains("not finite") {
      return error
    } catch {}
    do {
      _ = try JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
      return UserError("not valid JSON")
    } catch {
      let reason = (error as NSError).userInfo["NSDebugDescription"] as? String ?? "unreadable"
      return UserError("not valid JSON: \(reason)")
    }
  }
}

/// A meta-gradient computed elsewhere.
struct ReferenceResult {
  var loss: Double
  /// In the order of the network's parameters.
  var gradient: [Matrix]
}

// MARK: - The format

private struct Contents: Decodable {
  var problem: MetaProblem
  var references: [Method: ReferenceResult] = [:]

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let isWrapped = container.contains("problem")
    problem =
      try isWrapped
      ? container.decode(RawProblem.self, forKey: "problem").problem
      : RawProblem(from: decoder).problem
    guard isWrapped, container.contains("references") else { return }

    let table = try container.nestedContainer(keyedBy: Key.self, forKey: "references")
    for key in table.allKeys.sorted(by: { $0.stringValue < $1.stringValue }) {
      let path = place(table.codingPath + [key])
      guard let method = Method(rawValue: key.stringValue) else {
        throw MetaProblemError(path, "not one of \(names(Method.self))")
      }
      let result = try table.nestedContainer(keyedBy: Key.self, forKey: key)
      let gradient = try result.decode([NamedMatrix].self, forKey: "gradient")
      references[method] = ReferenceResult(
        loss: try result.number("loss"),
        gradient: try inOrder(
          gradient, of: problem.parameters.descriptions, place(result.path("gradient"))))
    }
  }
}

private struct RawProblem: Decodable {
  static let format = "metagradient-problem-1"
  var problem: MetaProblem

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let format = try container.decode(String.self, forKey: "format")
    if format != Self.format {
      throw MetaProblemError("format", "'\(format)' is not '\(Self.format)'")
    }
    let network = try Self.network(
      container.nestedContainer(keyedBy: Key.self, forKey: "network"))
    let loss: Loss = try container.choice("loss")
    let parameters = try container.decode([NamedMatrix].self, forKey: "parameters")
    let adaptation = try container.nestedContainer(keyedBy: Key.self, forKey: "adaptation")
    problem = try MetaProblem(
      network: network, loss: loss,
      parameters: try inOrder(parameters, of: network.parameters, "parameters"),
      steps: try adaptation.wholeNumber("steps"),
      learningRate: try adaptation.number("learningRate"),
      tasks: try container.decode([RawTask].self, forKey: "tasks").map(\.task))
  }

  private static func network(_ container: KeyedDecodingContainer<Key>) throws -> any Network {
    enum Kind: String, CaseIterable { case linear, relu }
    switch try container.choice("kind") as Kind {
    case .linear:
      let sizes = try (["inputs", "width", "outputs"] as [Key]).map { key in
        try positive(try container.wholeNumber(key), place(container.path(key)))
      }
      try checkMemory(of: sizes, "network")
      return LinearTwoLayer(inputs: sizes[0], width: sizes[1], outputs: sizes[2])
    case .relu:
      let sizes = try container.decode([Double].self, forKey: "sizes").enumerated().map {
        try positive(whole($1, "network.sizes[\($0)]"), "network.sizes[\($0)]")
      }
      if sizes.count < 2 {
        throw MetaProblemError("network.sizes", "\(sizes.count) sizes, but at least 2 are needed")
      }
      try checkMemory(of: sizes, "network.sizes")
      return ReLUNetwork(sizes: sizes)
    }
  }

  private static func positive(_ size: Int, _ path: String) throws -> Int {
    if size < 1 { throw MetaProblemError(path, "\(size) is not at least 1") }
    return size
  }

  private static func checkMemory(of sizes: [Int], _ path: String) throws {
    let weights = zip(sizes, sizes.dropFirst()).map { $0.saturatingProduct($1) }
    let bytes = (weights.max() ?? 0).saturatingProduct(MemoryLayout<Double>.stride)
    try requireMemory(bytes, path, "a weight matrix of these sizes")
  }
}

private struct RawTask: Decodable {
  var task: LearningTask

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    func points(_ key: Key) throws -> LabelledPoints<Matrix> {
      let points = try container.nestedContainer(keyedBy: Key.self, forKey: key)
      return LabelledPoints(
        inputs: try points.decode(RawMatrix.self, forKey: "inputs").matrix,
        targets: try points.decode(RawMatrix.self, forKey: "targets").matrix)
    }
    task = LearningTask(support: try points("support"), query: try points("query"))
  }
}

private struct NamedMatrix: Decodable {
  var name: String
  var matrix: Matrix

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    name = try container.decode(String.self, forKey: "name")
    matrix = try RawMatrix(from: decoder).matrix
  }
}

private struct RawMatrix: Decodable {
  var matrix: Matrix

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let (rows, columns) = (try container.wholeNumber("rows"), try container.wholeNumber("columns"))
    let values = try container.numbers("values")
    do {
      matrix = try Matrix(rows: rows, columns: columns, elements: values)
    } catch {
      throw MetaProblemError(place(container.codingPath), "\(error)")
    }
  }
}

/// The matrices in the order of the network's parameters, whatever their order in the file.
private func inOrder(
  _ matrices: [NamedMatrix], of parameters: [ParameterDescription], _ path: String
) throws -> [Matrix] {
  let names = parameters.map(\.name)
  for (index, matrix) in matrices.enumerated() {
    let place = "\(path)[\(index)]"
    guard let parameter = parameters.first(where: { $0.name == matrix.name }) else {
      throw MetaProblemError(
        place, "'\(matrix.name)' is not a parameter of the network (\(names.list))")
    }
    if matrices[..<index].contains(where: { $0.name == matrix.name }) {
      throw MetaProblemError(place, "'\(matrix.name)' is given twice")
    }
    if matrix.matrix.shape != parameter.shape {
      throw MetaProblemError(
        place,
        "\(matrix.name) is \(matrix.matrix.shape), but the network needs \(parameter.shape)")
    }
  }
  return try parameters.map { parameter in
    guard let found = matrices.first(where: { $0.name == parameter.name }) else {
      throw MetaProblemError(path, "'\(parameter.name)' of the network (\(names.list)) is missing")
    }
    return found.matrix
  }
}
