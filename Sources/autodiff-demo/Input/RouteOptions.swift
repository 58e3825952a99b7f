import Meta

/// The routes as the command line names them.
private enum RouteName: String, CaseIterable {
  case unrolled, adjoint, checkpointed, forward, implicit
  case oneStep = "one-step"
  case differences, reptile, evolution
}

private enum SolverName: String, CaseIterable {
  case direct, cg, neumann, minres
}

extension Command.Option {
  /// A route and its settings.
  static let route = settings(iterations: "--iterations") + [.seed("evolution: of the directions")]

  /// The same where `--iterations` are outer steps, and the seed is for more.
  static let trainingRoute = settings(iterations: solverIterations)
  fileprivate static let solverIterations = "--solver-iterations"

  private static func settings(iterations: String) -> [Command.Option] {
    [
      .init(name: "--route", value: "R", help: names(RouteName.self) + " (default unrolled)"),
      .init(name: "--solver", value: "S", help: "implicit: \(names(SolverName.self)) (default cg)"),
      .init(
        name: iterations, value: "N", help: "cg, minres: the most (default 200); neumann: terms"),
      .init(
        name: "--tolerance", value: "X", help: "cg, minres: residual to stop at (default 1e-12)"),
      .init(
        name: "--damping", value: "X", help: "implicit, one-step: added to the Hessian (default 0)"),
      .init(name: "--points", value: "N", help: "checkpointed: points that are kept"),
      .init(name: "--memory", value: "MB", help: "checkpointed: as many as fit (default 64)"),
      .init(name: "--at-once", value: "N", help: "forward: tangents carried at once (default 8)"),
      .init(
        name: "--length", value: "X",
        help: "differences, evolution: how far to each side (default 0.01, 0.001)"),
      .init(name: "--pairs", value: "N", help: "evolution: directions (default 64)"),
      .init(
        name: "--noise", value: "D", help: "evolution: gaussian, rademacher (default gaussian)"),
    ]
  }
}

extension Arguments {
  /// The route that the options describe; an option of another route is refused.
  ///
  /// - Parameter isOfTraining: Whether the options are ``Command/Option/trainingRoute``.
  func route(isOfTraining: Bool = false) throws -> Route {
    let iterations =
      isOfTraining ? Command.Option.solverIterations : "--iterations"
    let name: RouteName = try choice("--route") ?? .unrolled
    let own: [RouteName: [String]] = [
      .checkpointed: ["--points", "--memory"], .forward: ["--at-once"],
      .implicit: ["--solver", iterations, "--tolerance", "--damping"],
      .oneStep: ["--damping"], .differences: ["--length"],
      .evolution: ["--length", "--pairs", "--noise"]
        + (isOfTraining || has("--csv") ? [] : ["--seed"]),
    ]
    for option in Set(own.values.joined()).sorted()
    where has(option) && !own[name, default: []].contains(option) {
      let routes = RouteName.allCases.filter { own[$0, default: []].contains(option) }
      throw UserError(
        "\(self.name): \(option) is for --route \(routes.map(\.rawValue).joined(separator: " or "))"
      )
    }
    let length = try number("--length", in: 1e-12...1e6)
    switch name {
    case .unrolled: return .unrolled
    case .adjoint: return .adjoint
    case .checkpointed:
      let memory = try number("--memory", in: 0.001...1e9)
      let points = try wholeNumber("--points", in: 1...MetaProblem.maximumSteps)
      if memory != nil, points != nil {
        throw UserError("\(self.name): --points and --memory are two ways to say one thing")
      }
      return .checkpointed(
        points.map(Checkpoints.points) ?? .memory(bytes: Int((memory ?? 64) * 1e6)))
    case .forward: return .forward(atOnce: try wholeNumber("--at-once", in: 1...1024) ?? 8)
    case .implicit: return .implicit(try solver(iterations), damping: try damping())
    case .oneStep: return .implicit(.neumann(terms: 1), damping: try damping())
    case .differences: return .differences(step: length ?? 0.01)
    case .reptile: return .reptile
    case .evolution:
      return .evolution(
        Evolution(
          pairs: try wholeNumber("--pairs", in: 2...1_000_000) ?? 64, radius: length ?? 0.001,
          noise: try choice("--noise") ?? .gaussian, seed: try seed()))
    }
  }

  private func damping() throws -> Double { try number("--damping", in: 0...1e12) ?? 0 }

  private func solver(_ option: String) throws -> LinearSolver {
    let name: SolverName = try choice("--solver") ?? .cg
    let iterations = try wholeNumber(option, in: 1...1_000_000)
    let tolerance = try number("--tolerance", in: 0...1)
    func refuse(_ option: String) throws {
      if has(option) {
        throw UserError("\(self.name): \(option) is not for --solver \(name.rawValue)")
      }
    }
    switch name {
    case .direct:
      try refuse(option)
      try refuse("--tolerance")
      return .direct
    case .cg:
      return .conjugateGradients(iterations: iterations ?? 200, tolerance: tolerance ?? 1e-12)
    case .minres: return .minres(iterations: iterations ?? 200, tolerance: tolerance ?? 1e-12)
    case .neumann:
      try refuse("--tolerance")
      guard let iterations else {
        throw UserError("\(self.name): --solver neumann needs \(option) N, its terms")
      }
      return .neumann(terms: iterations)
    }
  }
}
