public import Tape

/// Policies in tabular MDPs as a file has them, in format `mdp-1`, bare or inside `{"problem": …}`, with the
/// meta-gradients that it says are right: see `docs/reinforcement-learning.md`.
///
/// Which decoder reads the bytes is for the reader to say; nothing here opens a file.
public struct PolicyProblemFile: Decodable, Sendable {
  /// What was computed elsewhere.
  public struct References: Equatable, Sendable {
    /// The mean value before adaptation, and after it.
    public var value, adaptedValue: Double
    /// Derivatives by the logits, *S*×*A*, under the names of a ``SurrogateComparison``.
    public var gradients: [String: Matrix]
  }

  /// The problem, with the exact surrogate.
  public var problem: TabularPolicyProblem
  /// Known values and derivatives; nil where the file has none.
  public var references: References?

  /// Reads a problem and its references.
  ///
  /// - Throws: ``MetaProblemError`` with the place and what is wrong there, or a `DecodingError`, of which
  ///   ``MetaProblemError/init(_:)`` makes one.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let isWrapped = container.contains("problem")
    problem = try Self.problem(isWrapped ? container.object("problem") : container)
    guard isWrapped, container.contains("references") else { return }
    let table = try container.object("references")
    var gradients: [String: Matrix] = [:]
    for name in SurrogateComparison.gradientNames {
      let key = Key(stringValue: name)
      guard table.contains(key) else { continue }
      gradients[name] = try Self.matrix(table, key, problem.logits.rows, problem.logits.columns)
    }
    references = References(
      value: try table.number("value"), adaptedValue: try table.number("adaptedValue"),
      gradients: gradients)
  }

  private static let format = "mdp-1"

  /// Whether this is the format that a file says it has.
  package static func isFormat(of decoder: any Decoder) -> Bool {
    guard let container = try? decoder.container(keyedBy: Key.self) else { return false }
    let problem = container.contains("problem") ? try? container.object("problem") : container
    return (try? problem?.decode(String.self, forKey: "format")) == format
  }

  private static func problem(
    _ container: KeyedDecodingContainer<Key>
  ) throws -> TabularPolicyProblem {
    let format = try container.decode(String.self, forKey: "format")
    if format != Self.format {
      throw MetaProblemError(container.place("format"), "'\(format)' is not \(Self.format)")
    }
    let known = [
      "format", "states", "actions", "discount", "horizon", "adaptation", "logits", "tasks",
    ]
    // What stands in the wrong place would be taken for nothing.
    let elsewhere = ["steps", "learningRate", "transitions", "rewards", "start"]
    for key in container.allKeys where elsewhere.contains(key.stringValue) {
      throw MetaProblemError(
        container.place(key), "is not known here; there are \(known.list)")
    }
    func size(_ key: Key) throws -> Int {
      let size = try container.wholeNumber(key)
      if size < 1 { throw MetaProblemError(container.place(key), "\(size) is not at least 1") }
      return size
    }
    let (states, actions) = (try size("states"), try size("actions"))
    let logits = try matrix(container, "logits", states, actions)
    let discount = try container.number("discount")
    let horizon = container.contains("horizon") ? try container.wholeNumber("horizon") : nil
    let adaptation = try container.object("adaptation")
    try adaptation.refuseOthers(than: ["steps", "learningRate"])

    var tasks = try container.nestedUnkeyedContainer(forKey: "tasks")
    var mdps: [TabularMDP] = []
    while !tasks.isAtEnd {
      let task = try tasks.nestedContainer(keyedBy: Key.self)
      try task.refuseOthers(than: ["transitions", "rewards", "start"])
      let transitions = try transitions(task, states, actions)
      let rewards = try matrix(task, "rewards", states, actions)
      let start = try task.numbers("start")
      try checkCount(start.count, task.place("start"), states, "state")
      do {
        mdps.append(
          try TabularMDP(
            transitions: transitions, rewards: rewards,
            start: Matrix(Shape(1, states)) { start[$1] }, discount: discount, horizon: horizon))
      } catch {
        // Discount and horizon stand once for all tasks.
        let isOfAll = ["discount", "horizon"].contains(error.path)
        throw MetaProblemError(
          isOfAll ? error.path : task.place(Key(stringValue: error.path)), error.message)
      }
    }
    return try TabularPolicyProblem(
      mdps, logits: logits, steps: try adaptation.wholeNumber("steps"),
      learningRate: try adaptation.number("learningRate"))
  }

  /// By action, the table of a task that has it by state and then by action.
  private static func transitions(
    _ task: KeyedDecodingContainer<Key>, _ states: Int, _ actions: Int
  ) throws -> [Matrix] {
    let table = try task.decode([[[Double]]].self, forKey: "transitions")
    let place = task.place("transitions")
    try checkCount(table.count, place, states, "state")
    for (state, rows) in table.enumerated() {
      try checkCount(rows.count, "\(place)[\(state)]", actions, "action")
      for (action, row) in rows.enumerated() {
        try checkCount(row.count, "\(place)[\(state)][\(action)]", states, "state")
      }
    }
    return (0..<actions).map { action in
      Matrix(Shape(states, states)) { table[$0][action][$1] }
    }
  }

  /// A list of lists, one for each state, with a number for each action.
  private static func matrix(
    _ container: KeyedDecodingContainer<Key>, _ key: Key, _ states: Int, _ actions: Int
  ) throws -> Matrix {
    let rows = try container.decode([[Double]].self, forKey: key)
    let place = container.place(key)
    try checkCount(rows.count, place, states, "state")
    for (state, row) in rows.enumerated() {
      try checkCount(row.count, "\(place)[\(state)]", actions, "action")
      if let action = row.firstIndex(where: { !$0.isFinite }) {
        throw MetaProblemError("\(place)[\(state)][\(action)]", "\(row[action]) is not finite")
      }
    }
    return Matrix(Shape(states, actions)) { rows[$0][$1] }
  }

  private static func checkCount(
    _ count: Int, _ place: String, _ expected: Int, _ what: String
  ) throws(MetaProblemError) {
    if count != expected {
      throw MetaProblemError(place, "has length \(count), but there are \(what.counted(expected))")
    }
  }
}
