import Foundation
import Meta

/// The problem that a command is about, and what to call it.
struct NamedProblem {
  let name: String
  let problem: MetaProblem

  /// What commands on one problem say of it in their help.
  static let help = """
    Without FILE: sinusoid regression with five inner steps, at random parameters. FILE is a problem as
    docs/problem-files.md describes it; - is standard input.
    """
}

extension Arguments {
  /// The problem of the FILE; nil if there is none.
  func problemOfFile() throws -> NamedProblem? {
    guard let path = operands.first else { return nil }
    let name =
      path == "-"
      ? "standard input" : URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
    return NamedProblem(name: name, problem: try ProblemFile(path: path).problem)
  }

  /// The problem of the FILE, or sinusoid regression, where the meta-gradients of some methods are finite
  /// and fit in memory.
  ///
  /// - Parameter seedsMore: Whether the seed is also for something else than a problem made here.
  func problem(for methods: [Method], seedsMore: Bool = false) throws -> NamedProblem {
    let seed = try seed()
    if !seedsMore { try refuseSeedWithFile() }
    let named = try problemOfFile() ?? defaultProblem(seed: seed)
    try naming(operands.first ?? named.name) {
      for method in methods { _ = try named.problem.checkedMetaGradient(method, by: .unrolled) }
    }
    return named
  }

  /// Refuses a seed where a FILE leaves nothing to draw.
  func refuseSeedWithFile() throws {
    if has("--seed"), !operands.isEmpty {
      throw UserError("\(name): --seed is for the problem made here, but a FILE is given")
    }
  }

  /// The families that are asked for: by default MAML.
  func family() throws -> Family { try choice("--family") ?? .maml }
}

extension Command.Option {
  /// Which inner loop is looked at.
  static let family = Command.Option(
    name: "--family", value: "F", help: names(Family.self) + " (default maml)")
}
