import Nets
import Tape

/// A matrix with a name, as problem files and results write it: `{"name", "rows", "columns", "values"}`.
struct NamedMatrix: Codable {
  var name: String
  var matrix: Matrix

  init(name: String, matrix: Matrix) { (self.name, self.matrix) = (name, matrix) }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    name = try container.decode(String.self, forKey: "name")
    matrix = try RawMatrix(from: decoder).matrix
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(name, forKey: "name")
    try matrix.encode(to: encoder)
  }
}

/// A matrix of a problem file, which is read with the place of what is wrong in it.
struct RawMatrix: Decodable {
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

/// The matrices in the order of what they are for, whatever their order in the file.
///
/// - Parameter owner: What they are for, in messages: `the network`.
func inOrder(
  _ matrices: [NamedMatrix], of parameters: [ParameterDescription], _ path: String,
  owner: String = "the network"
) throws(MetaProblemError) -> [Matrix] {
  let names = parameters.map(\.name)
  for (index, matrix) in matrices.enumerated() {
    let place = "\(path)[\(index)]"
    guard let parameter = parameters.first(where: { $0.name == matrix.name }) else {
      throw MetaProblemError(
        place, "'\(matrix.name)' is not a parameter of \(owner) (\(names.list))")
    }
    if matrices[..<index].contains(where: { $0.name == matrix.name }) {
      throw MetaProblemError(place, "'\(matrix.name)' is given twice")
    }
    if matrix.matrix.shape != parameter.shape {
      throw MetaProblemError(
        place, "\(matrix.name) is \(matrix.matrix.shape), but \(owner) needs \(parameter.shape)")
    }
  }
  var ordered: [Matrix] = []
  for parameter in parameters {
    guard let found = matrices.first(where: { $0.name == parameter.name }) else {
      throw MetaProblemError(path, "'\(parameter.name)' of \(owner) (\(names.list)) is missing")
    }
    ordered.append(found.matrix)
  }
  return ordered
}
