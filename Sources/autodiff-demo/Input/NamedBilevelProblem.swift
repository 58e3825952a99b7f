import Meta

/// A bilevel problem that a command is about, built in or from a file, and what to call it.
struct NamedBilevelProblem {
  let name: String
  let problem: any BilevelProblem
  /// Which of those that are built in; nil for one from a file.
  let builtIn: BuiltInProblem?
  /// What a built-in one is drawn from.
  let seed: UInt64

  /// What commands on any bilevel problem say of it in their help.
  static let help =
    "FILE is a problem as docs/problem-files.md or docs/reinforcement-learning.md describes it; - is standard input;\n"
    + "with --csv it is a table.\n"
    + "--problem is one of\n"
    + BuiltInProblem.allCases.map { "  \($0.rawValue.padded(to: 10))\($0.summary)\n" }.joined()
    + "Without either: ridge."
}

extension Command.Option {
  /// Which built-in problem is looked at.
  static let problem = Command.Option(
    name: "--problem", value: "NAME", help: names(BuiltInProblem.self) + " (default ridge)")
}

extension Arguments {
  /// The problem of the FILE, with what the family adapts, or the built-in one of the option; its meta-gradient is
  /// finite and fits in memory.
  ///
  /// - Parameter seedsMore: Whether the seed is also for something else than a problem made here.
  func bilevelProblem(seedsMore: Bool = false) throws -> NamedBilevelProblem {
    let builtIn: BuiltInProblem? = try choice("--problem")
    let family: Method? = try choice("--family", among: Method.families)
    let inFile = try problemInFile()
    if inFile != nil, builtIn != nil {
      throw UserError("\(name): --problem and FILE are two problems")
    }
    if let named = try policies(inFile, memory: 1, seedsMore: seedsMore) { return named }
    if let file = network(inFile) {
      if !seedsMore { try refuseSeedWithFile() }
      let method = family ?? .maml
      try naming(file.place) { _ = try file.problem.checkedMetaGradient(method, by: .adjoint) }
      return NamedBilevelProblem(
        name: "\(file.name), \(method.rawValue)",
        problem: file.problem.adapting(method.adaptation), builtIn: nil, seed: 0)
    }
    if family != nil { throw UserError("\(name): --family is for a FILE") }
    let choice = builtIn ?? .ridge
    let seed = try seed()
    return NamedBilevelProblem(
      name: choice.rawValue, problem: try choice.problem(seed: seed), builtIn: choice, seed: seed)
  }
}
