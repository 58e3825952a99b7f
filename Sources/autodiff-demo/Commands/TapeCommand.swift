import Meta
import Nets
import Tape

/// `tape`: the lines by which a meta-gradient is computed, and those that first order leaves out.
let tapeCommand = Command(
  name: "tape",
  summary: "Lists the tape of a meta-gradient, with derivative levels and what first order cuts",
  operands: "[FILE]", operandCount: 0...1,
  options: [
    .init(
      name: "--method", value: "M",
      help: "list only this one: " + names(Method.self) + " (default: maml beside fo-maml)"),
    .init(name: "--dot", help: "print a graph in the DOT language (default method maml)"),
    .init(
      name: "--svg", value: "FILE", help: "also draw it, in blocks, with what first order cuts"),
  ] + Command.Option.tableWithSeed,
  details: """
    Level 0 is what was written forward, 1 a gradient of that, 2 a gradient of a gradient. Without
    FILE, the problem is a linear network on two inputs that takes one inner step. Of a FILE, the
    first task is listed. Scalar constants stand where they are used, so some line numbers
    are left out.
    """,
  example: "autodiff-demo tape --method maml --dot | dot -Tsvg > tape.svg"
) { arguments in
  let problem: MetaProblem
  if let named = try arguments.problemOfFile() {
    problem = named.problem
    for method in Method.allCases {
      try naming(named.place) { try problem.requireMemory(for: method, by: .unrolled) }
    }
  } else {
    problem = try .readable()
  }
  let method: Method? = try arguments.choice("--method")
  if let picture = try arguments.output("--svg") {
    if method == .joint {
      throw UserError("tape: --svg draws what first order cuts; joint training has nothing to cut")
    }
    try picture.write(TapePicture(problem, method ?? .maml).file)
  }
  if arguments.has("--dot") { return Answer(problem.program(method ?? .maml).dot) }
  if let method { return Answer(section(method, problem)) }
  return Answer(
    section(.maml, problem, beside: .firstOrderMAML) + "\n" + section(.firstOrderMAML, problem)
      + "\n"
      + summary(problem))
}

private func section(
  _ method: Method, _ problem: MetaProblem, beside other: Method? = nil
) -> String {
  let outputs =
    ["output 0 is the query loss"]
    + problem.adapting(method.adaptation).learned.enumerated().map {
      "\($0 + 1) the gradient of \($1)"
    }
  let program = problem.program(method)
  let listing =
    other.map { program.listing(markingWhatIsMissingIn: problem.program($0)) } ?? program.listing
  let mark = other.map { " ✂ marks what \($0.rawValue) leaves out." } ?? ""
  return """
    \(method.rawValue), order \(method.order)
    Level 0 is written forward, 1 a gradient of that, 2 a gradient of a gradient; \(outputs.list).\(mark)

    \(listing)
    """
}

private func summary(_ problem: MetaProblem) -> String {
  var table = TextTable(header: ["lines at level", "0", "1", "2"])
  for method in Method.maml.bothOrders {
    let counts = problem.program(method).instructionsByLevel
    table.rows.append(
      ["\(method.rawValue)"] + (0...2).map { $0 < counts.count ? "\(counts[$0])" : "0" })
  }
  let loop = Method.firstOrderMAML.innerLoop(steps: problem.steps)
  let cuts = loop.paths(on: problem.network.parameters)
  if cuts.isEmpty {
    return nothingToCut + "\n"
  }
  let list = cuts.map { "  \($0)\n" }.joined()
  return """
    \(table.text)
    First order cuts \(cuts.count) derivative paths, each a stopGradient line above:
    \(list)
    Nothing differentiates an inner gradient any more: every line of level 2 is gone, and with them
    the lines of level 1 that only they read.

    """
}
