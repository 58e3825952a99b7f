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

  /// What the FILE holds; nil if there is none.
  func problemInFile() throws -> ProblemInFile? {
    try operands.first.map { try ProblemInFile(path: $0) }
  }

  /// The tasks for a network, where the FILE holds those.
  func network(_ file: ProblemInFile?) -> NamedProblem? {
    guard case .network(let problem) = file else { return nil }
    return NamedProblem(name: nameOfProblem(operands[0]), problem: problem)
  }

  /// The policies, where the FILE holds those, refused in one line if they do not fit in memory or their meta-gradient is
  /// not finite.
  func policies(
    _ file: ProblemInFile?, memory: Int, seedsMore: Bool
  ) throws -> NamedBilevelProblem? {
    guard case .policies(let problem) = file else { return nil }
    if has("--family") {
      throw UserError("\(name): --family is for networks, but the FILE is of MDPs")
    }
    if !seedsMore { try refuseSeedWithFile() }
    try naming(operands[0]) {
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
      name: nameOfProblem(operands[0]), problem: problem, builtIn: nil, seed: 0)
  }
}
