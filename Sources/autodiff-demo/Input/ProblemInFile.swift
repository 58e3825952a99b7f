import Meta

/// What a FILE holds, by the format that it says it has.
enum ProblemInFile: JSONFile {
  /// Tasks for a network.
  case network(MetaProblem)
  /// Policies in tabular MDPs.
  case policies(TabularPolicyProblem)

  init(from decoder: any Decoder) throws {
    self =
      PolicyProblemFile.isFormat(of: decoder)
      ? .policies(try PolicyProblemFile(from: decoder).problem)
      : .network(try ProblemFile(from: decoder).problem)
  }
}

/// What a FILE or a table holds, and what to call it.
struct NamedFile {
  let name: String
  let path: String
  let holds: ProblemInFile
}

extension Arguments {
  /// The problem that an instrument looks at: that of a FILE of either kind, or sinusoid regression; its meta-gradients
  /// of both orders are finite and fit in memory.
  ///
  /// - Parameters:
  ///   - memory: How many times the memory of a meta-gradient is needed.
  ///   - seedsMore: Whether the seed is also for something else than a problem made here.
  func adaptingProblem(memory: Int, seedsMore: Bool = false) throws -> NamedBilevelProblem {
    let file = try problemInFile()
    if let named = try policies(file, memory: memory, seedsMore: seedsMore) { return named }
    let family = try family()
    let named = try checked(
      network(file), for: family.bothOrders, memory: memory, seedsMore: seedsMore)
    return NamedBilevelProblem(
      name: named.name, problem: named.problem.adapting(family.adaptation), builtIn: nil, seed: 0)
  }

  /// What the FILE or the table holds; nil if there is neither.
  func problemInFile() throws -> NamedFile? {
    if let table = try tableProblem() {
      return NamedFile(name: table.name, path: table.place, holds: .network(table.problem))
    }
    return try operands.first.map { path in
      NamedFile(name: nameOfProblem(path), path: path, holds: try ProblemInFile(path: path))
    }
  }

  /// The tasks for a network, where the FILE holds those.
  func network(_ file: NamedFile?) -> NamedProblem? {
    guard let file, case .network(let problem) = file.holds else { return nil }
    return NamedProblem(name: file.name, problem: problem, path: file.path)
  }

  /// The policies, where the FILE holds those, refused in one line if they do not fit in memory or their meta-gradient is
  /// not finite.
  func policies(
    _ file: NamedFile?, memory: Int, seedsMore: Bool
  ) throws -> NamedBilevelProblem? {
    guard let file, case .policies(let problem) = file.holds else { return nil }
    if has("--family") {
      throw UserError("\(name): --family is for networks, but the FILE is of MDPs")
    }
    if !seedsMore { try refuseSeedWithFile() }
    try naming(file.path) {
      try requireMemory(
        problem.predictedMemory(by: .unrolled).saturatingProduct(memory), "adaptation.steps",
        "\(problem.steps) steps, where the lines grow with the steps,")
      if !problem.metaGradient(by: .adjoint).isFinite {
        throw MetaProblemError(
          "adaptation.learningRate",
          "the meta-gradient is not finite after \("inner step".counted(problem.steps)) of rate "
            + problem.learningRate.upToSixDigits)
      }
    }
    return NamedBilevelProblem(
      name: file.name, problem: problem, builtIn: nil, seed: 0)
  }
}
