public import Nets
public import Tape

/// A problem as a file has it, bare or inside `{"problem": …}`, with the meta-gradients that it says are right, and the
/// layout of the table that it was made from: see `docs/problem-files.md`.
///
/// Which decoder reads the bytes is for the reader to say; nothing here opens a file.
public struct ProblemFile: Decodable, Sendable {
  /// A meta-gradient computed elsewhere.
  public struct Reference: Equatable, Sendable {
    /// The meta-loss.
    public var loss: Double
    /// In the order of what is learned.
    public var gradient: [Matrix]
  }

  /// The problem.
  public var problem: MetaProblem
  /// Known derivatives of the unrolled loop by method; empty where the file has none.
  public var references: [Method: Reference] = [:]
  /// Known derivatives by the implicit function theorem at where the loop ended, by method.
  public var implicitReferences: [Method: Reference] = [:]
  /// How the tasks were made from a table, under the key `table`; nil if the file does not say.
  public var table: TableLayout?

  /// Reads a problem and its references.
  ///
  /// - Throws: As ``MetaProblem/init(from:)``.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let isWrapped = container.contains("problem")
    problem =
      try isWrapped
      ? container.decode(MetaProblem.self, forKey: "problem") : MetaProblem(from: decoder)
    if container.contains("table") {
      let layout = try container.decode(TableLayout.self, forKey: "table")
      let widths = (layout.inputWidth, layout.targetWidth)
      if widths != (problem.network.inputWidth, problem.network.outputWidth) {
        throw MetaProblemError(
          "table",
          "it makes \(widths.0) inputs and \(widths.1) targets, but the network has "
            + "\(problem.network.inputWidth) and \(problem.network.outputWidth)")
      }
      table = layout
    }
    guard isWrapped else { return }
    references = try Self.table("references", in: container) {
      problem.adapting($0.adaptation).learnedDescriptions
    }
    implicitReferences = try Self.table(
      "implicitReferences", in: container, of: Method.allCases.filter { $0.order == .exact }
    ) {
      let known = Set(problem.parameters.names + ["weightDecay", "proximal"])
      // Rates and rule are known to the path alone.
      return problem.adapting($0.adaptation).learnedDescriptions.filter {
        known.contains($0.name)
      }
    }
  }

  /// The references under a key, where there are any.
  private static func table(
    _ key: Key, in container: KeyedDecodingContainer<Key>, of methods: [Method] = Method.allCases,
    _ listed: (Method) -> [ParameterDescription]
  ) throws -> [Method: Reference] {
    guard container.contains(key) else { return [:] }
    let table = try container.object(key)
    var references: [Method: Reference] = [:]
    for key in table.allKeys.sorted(by: { $0.stringValue < $1.stringValue }) {
      guard let method = methods.first(where: { $0.rawValue == key.stringValue }) else {
        throw MetaProblemError(
          table.place(key), "not one of \(methods.map(\.rawValue).list)")
      }
      let result = try table.object(key)
      references[method] = Reference(
        loss: try result.number("loss"),
        gradient: try inOrder(
          result.decode([NamedMatrix].self, forKey: "gradient"), of: listed(method),
          result.place("gradient"), owner: "what is learned"))
    }
    return references
  }
}

/// A problem with the layout of the table that it was made from, as a file has both.
public struct TableProblem: Encodable, Sendable {
  /// The problem.
  public var problem: MetaProblem
  /// How its tasks were made.
  public var table: TableLayout

  /// Puts the two together.
  public init(problem: MetaProblem, table: TableLayout) {
    (self.problem, self.table) = (problem, table)
  }

  /// Writes the problem in format 2, and the layout as one more key, `table`, which ``ProblemFile`` reads.
  public func encode(to encoder: any Encoder) throws {
    try problem.encode(to: encoder)
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(table, forKey: "table")
  }
}

/// As JSON: method, route, loss and the named matrices of the gradient; and, where there are any, the variables
/// that the order or the route does not see, and what is known of the answer by task.
///
/// Parts that are not seen stand as ``MetaGradient/listed`` says.
extension MetaGradient: Encodable {
  /// Writes the result.
  public func encode(to encoder: any Encoder) throws {
    var object: JSONObject = [
      "method": method, "route": route, "loss": loss, "gradient": NamedMatrix.list(self),
    ]
    if !notSeen.isEmpty { object["notSeen"] = notSeen }
    if !evidence.isEmpty { object["evidence"] = evidence }
    try object.encode(to: encoder)
  }
}

extension MetaGradient {
  /// The parts of the gradient that results list: all of them along the steps; of the other routes no part that is not
  /// seen, but for the implicit one's parameters, which reference files list as zeros.
  public var listed: Parameters<Matrix> {
    gradient.filter {
      route.followsSteps || !notSeen.contains($0.name) || (route.isImplicit && !$0.isOfThePath)
    }
  }
}

extension NamedMatrix {
  /// What is listed of a gradient.
  static func list(_ answer: MetaGradient) -> [NamedMatrix] {
    zip(answer.listed.names, answer.listed.values).map(NamedMatrix.init)
  }
}
