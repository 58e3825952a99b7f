public import Tape

/// The part of a network to which a parameter belongs.
public enum ParameterRole: String, Codable, Sendable {
  /// The representation: every layer but the last.
  case body
  /// The last layer, which ANIL adapts.
  case head
  /// No part of a network: a rate, a regulariser, data.
  case other
}

/// What a parameter does in its layer, which decides how it starts.
public enum ParameterKind: String, Codable, Sendable {
  /// It multiplies, and starts at random.
  case weights
  /// It is added, and starts at zero.
  case bias
}

/// What a network says of one of its parameters.
public struct ParameterDescription: Codable, Equatable, Sendable {
  /// Its name, unique in the network.
  public let name: String
  /// Its rows and columns.
  public let shape: Shape
  /// Whether it belongs to the body, to the head or to neither.
  public let role: ParameterRole
  /// Whether it multiplies or is added.
  public let kind: ParameterKind

  /// Describes a parameter.
  public init(
    name: String, shape: Shape, role: ParameterRole = .other, kind: ParameterKind = .weights
  ) {
    self.name = name
    self.shape = shape
    self.role = role
    self.kind = kind
  }
}

extension [ParameterDescription] {
  /// A layer's weights, and its bias: a row as wide as they are.
  ///
  /// - Parameters:
  ///   - weights: Their name.
  ///   - bias: Its name.
  ///   - shape: The rows and columns of the weights.
  ///   - role: The part of the network to which both belong.
  public static func layer(
    _ weights: String, bias: String, _ shape: Shape, _ role: ParameterRole
  ) -> [ParameterDescription] {
    [
      ParameterDescription(name: weights, shape: shape, role: role),
      ParameterDescription(name: bias, shape: Shape(1, shape.columns), role: role, kind: .bias),
    ]
  }
}

/// Named values in their order: the parameters of a network, their gradients, what is learned of a
/// bilevel problem, or the data of a task; as matrices or as variables.
public struct Parameters<Value> {
  /// What each one is, in order.
  public let descriptions: [ParameterDescription]

  /// One value per description, in order.
  public private(set) var values: [Value]

  /// Pairs descriptions with values.
  ///
  /// - Precondition: There are as many values as descriptions; anything else stops with a message.
  public init(_ descriptions: [ParameterDescription], _ values: [Value]) {
    if descriptions.count != values.count {
      stop("Parameters: \(descriptions.count) descriptions, but \(values.count) values")
    }
    self.descriptions = descriptions
    self.values = values
  }

  /// The number of parameters.
  public var count: Int { values.count }

  /// The positions of the parameters that belong to the given part.
  public func positions(of role: ParameterRole) -> [Int] {
    descriptions.indices.filter { descriptions[$0].role == role }
  }

  /// The value at a position.
  public subscript(position: Int) -> Value {
    get { values[position] }
    set { values[position] = newValue }
  }

  /// The value called `name`.
  ///
  /// - Precondition: There is one; anything else stops with the names that there are.
  public subscript(name: String) -> Value {
    get { values[position(of: name)] }
    set { values[position(of: name)] = newValue }
  }

  /// The names, in order.
  public var names: [String] { descriptions.map(\.name) }

  /// Whether there is a value of this name.
  public func contains(_ name: String) -> Bool { descriptions.contains { $0.name == name } }

  private func position(of name: String) -> Int {
    guard let position = descriptions.firstIndex(where: { $0.name == name }) else {
      stop("Parameters: nothing is called '\(name)'; there are \(names.joined(separator: ", "))")
    }
    return position
  }

  /// Those for which `isIncluded` answers true, in order.
  public func filter(_ isIncluded: (ParameterDescription) -> Bool) -> Parameters {
    let positions = descriptions.indices.filter { isIncluded(descriptions[$0]) }
    return Parameters(positions.map { descriptions[$0] }, positions.map { values[$0] })
  }

  /// The same parameters with each value transformed.
  public func map<NewValue>(_ transform: (Value) throws -> NewValue) rethrows
    -> Parameters<NewValue>
  {
    Parameters<NewValue>(descriptions, try values.map(transform))
  }

  /// The same parameters, each value combined with the one at its position in `other`.
  ///
  /// - Precondition: Names and shapes agree; anything else stops with the first that does not.
  public func combined<OtherValue, NewValue>(
    with other: Parameters<OtherValue>, _ combine: (Value, OtherValue) throws -> NewValue
  ) rethrows -> Parameters<NewValue> {
    func text(_ list: [ParameterDescription]) -> [String] { list.map { "\($0.name) \($0.shape)" } }
    if text(descriptions) != text(other.descriptions) {
      stop("Parameters: \(text(descriptions)) and \(text(other.descriptions)) do not go together")
    }
    return Parameters<NewValue>(descriptions, try zip(values, other.values).map(combine))
  }
}

extension Network {
  /// The parameters as matrices, from their entries one behind the other.
  package func matrices(_ numbers: [Double]) -> [Matrix] {
    Parameters(parameters, flattened: numbers).values
  }
}

extension Parameters: Sendable where Value: Sendable {}
extension Parameters: Equatable where Value: Equatable {}

extension Parameters: Codable where Value: Codable {
  private enum CodingKeys: String, CodingKey { case descriptions, values }

  /// Reads `descriptions` and `values`.
  ///
  /// - Throws: `DecodingError` if there are not as many of one as of the other.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    descriptions = try container.decode([ParameterDescription].self, forKey: .descriptions)
    values = try container.decode([Value].self, forKey: .values)
    if descriptions.count != values.count {
      throw DecodingError.dataCorruptedError(
        forKey: .values, in: container,
        debugDescription: "\(values.count) values for \(descriptions.count) parameters")
    }
  }

  /// Writes `descriptions` and `values`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(descriptions, forKey: .descriptions)
    try container.encode(values, forKey: .values)
  }
}

extension Parameters: CustomStringConvertible {
  /// Name and value of each, a line apiece.
  public var description: String {
    zip(descriptions, values).map { "\($0.name): \($1)" }.joined(separator: "\n")
  }
}

extension Parameters: ExpressibleByDictionaryLiteral where Value: Shaped {
  /// Creates named values in the order in which they are written.
  public init(dictionaryLiteral elements: (String, Value)...) {
    self.init(
      elements.map { ParameterDescription(name: $0, shape: $1.shape) }, elements.map(\.1))
  }
}

/// What has rows and columns: a matrix, or a variable.
public protocol Shaped {
  /// The rows and columns.
  var shape: Shape { get }
}

extension Matrix: Shaped {}
extension Variable: Shaped {}

extension Parameters<Matrix> {
  /// Records each as an input of `tape`, under its name.
  public func recorded(on tape: GradientTape) -> Parameters<Variable> {
    Parameters<Variable>(
      descriptions, zip(descriptions, values).map { tape.input($1, named: $0.name) })
  }
}

extension Parameters where Value: Shaped {
  /// The shapes, in order.
  public var shapes: [Shape] { values.map(\.shape) }
}
