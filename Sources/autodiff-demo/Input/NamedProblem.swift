import Foundation
import Meta

/// The problem that a command is about, and what to call it.
struct NamedProblem {
  let name: String
  let problem: MetaProblem
  /// The file that it is from, if it is.
  var path: String?
  /// How its tasks were made from a table, if they were.
  var layout: TableLayout?

  /// What messages call it.
  var place: String { path ?? name }

  /// What commands on one problem say of it in their help.
  static let help = """
    Without FILE: sinusoid regression with five inner steps, at random parameters. FILE is a problem as
    docs/problem-files.md describes it, or with --csv a table; - is standard input.
    """

  /// What commands say that also take policies.
  static let helpWithPolicies = """
    \(help) A FILE of MDPs, as
    docs/reinforcement-learning.md describes it, is MAML on their values.
    """
}

/// What the problem of a file is called: the name of the file, in one line.
func nameOfProblem(_ path: String) -> String {
  path == "-"
    ? "standard input"
    : URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent.printable
}

extension Arguments {
  /// The problem of the FILE or of the table; nil if there is neither.
  func problemOfFile() throws -> NamedProblem? {
    if let table = try tableProblem() { return table }
    return try operands.first.map { path in
      let file = try ProblemFile(path: path)
      return NamedProblem(
        name: nameOfProblem(path), problem: file.problem, path: path, layout: file.table)
    }
  }

  /// The problem of the FILE or the table, or sinusoid regression, where the meta-gradients of some methods are finite
  /// and fit in memory.
  ///
  /// - Parameters:
  ///   - methods: The methods.
  ///   - memory: How many times the memory of a meta-gradient is needed: instruments record more than it.
  ///   - seedsMore: Whether the seed is also for something else than a problem made here.
  func problem(
    for methods: [Method], memory: Int = 1, seedsMore: Bool = false
  ) throws -> NamedProblem {
    try checked(problemOfFile(), for: methods, memory: memory, seedsMore: seedsMore)
  }

  /// The given problem, or sinusoid regression, with the same conditions.
  func checked(
    _ given: NamedProblem?, for methods: [Method], memory: Int, seedsMore: Bool
  ) throws -> NamedProblem {
    let seed = try seed()
    if !seedsMore { try refuseSeedWithFile() }
    let named = try given ?? defaultProblem(seed: seed)
    try naming(named.place) {
      for method in methods {
        _ = try named.problem.checkedMetaGradient(method, by: .unrolled, times: memory)
      }
    }
    return named
  }

  /// Refuses a seed where a FILE leaves nothing to draw.
  func refuseSeedWithFile() throws {
    if has("--seed"), !operands.isEmpty {
      throw UserError("\(name): --seed is for the problem made here, but a FILE is given")
    }
  }

  /// The file that an option names, if it is given: neither the problem itself, nor what another option writes, nor a
  /// folder or a device.
  func output(_ option: String) throws -> OutputFile? {
    guard let path = value(option) else { return nil }
    let file = try OutputFile(path: path, option: option)
    if (operands + values(ofKind: .input).map(\.value)).contains(where: {
      OutputFile.isSame($0, path)
    }) {
      throw UserError("\(option) \(path): is the problem itself")
    }
    if let other = values(ofKind: .output).first(where: {
      $0.name != option && OutputFile.isSame($0.value, path)
    }) {
      throw UserError("\(name): \(other.name) and \(option) are one file, \(path)")
    }
    return file
  }

  /// The family that is asked for: by default MAML.
  func family() throws -> Method { try choice("--family", among: Method.families) ?? .maml }
}

extension Command.Option {
  /// Which inner loop is looked at.
  static let family = Command.Option(
    name: "--family", value: "F", help: Method.families.map(\.rawValue).list + " (default maml)")
}

/// An answer as JSON, with the name of the problem that it is about beside it.
struct Named<Answer: Encodable>: Encodable {
  private enum Keys: String, CodingKey { case problem }
  private let problem: String
  private let answer: Answer

  init(_ problem: String, _ answer: Answer) { (self.problem, self.answer) = (problem, answer) }

  func encode(to encoder: any Encoder) throws {
    try answer.encode(to: encoder)
    var container = encoder.container(keyedBy: Keys.self)
    try container.encode(problem, forKey: .problem)
  }
}
