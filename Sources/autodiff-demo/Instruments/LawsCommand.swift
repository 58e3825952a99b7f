import Meta
import Nets
import Tape

/// `laws`: whether the derivatives of a problem obey the identities that all of them have to.
let lawsCommand = Command(
  name: "laws",
  summary:
    "Tries the identities of bilevel derivatives on a problem: forward = reverse, and others",
  operands: "[FILE]", operandCount: 0...1,
  options: [
    .problem, .family, .seed("of the problem made here, and of random directions"), .json,
  ] + Command.Option.table,
  details: """
    Each law holds, does not apply, with the reason, or fails, with numbers. Two tasks of each size are looked
    at. Ends with status 1 if a law fails.
    \(NamedBilevelProblem.help)
    """,
  example: "autodiff-demo laws --problem imaml"
) { arguments in
  let named = try arguments.bilevelProblem(seedsMore: true)
  var generator = SeededGenerator(seed: try arguments.seed())
  let report = named.problem.laws(using: &generator)
  return Answer(
    arguments.has("--json") ? try json(report) : report.text(titled: named.name),
    status: report.failures.isEmpty ? 0 : 1)
}
