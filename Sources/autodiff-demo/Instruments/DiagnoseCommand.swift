import Meta
import Nets
import Tape

/// `diagnose`: whether first order is good enough for a problem.
let diagnoseCommand = Command(
  name: "diagnose",
  summary: "Says whether first order is good enough for a problem, and why",
  operands: "[FILE]", operandCount: 0...1,
  options: [
    .family, .seed("of the problem made here, and of the first directions for the curvature"),
    .json,
  ] + Command.Option.table,
  details: """
    Intervals are for the expectation over tasks of the same kind, at the parameters of the problem. Curvature
    is that of the support loss along the inner path. Trust asks for angles up to \(Diagnosis.trustedAngle)°, lengths \
    alike within a factor of \(Diagnosis.trustedRatio), and
    nine tenths of the decrease by an outer step; distrust for \(Diagnosis.distrustedAngle)° and more, or less than
    half of the decrease; both for \(Diagnosis.fewestTasks) tasks at least.
    \(NamedProblem.helpWithPolicies)
    """,
  example: "autodiff-demo diagnose Tests/Fixtures/digits-5way-1shot.json"
) { arguments in
  let named = try arguments.adaptingProblem(memory: 5, seedsMore: true)
  var generator = SeededGenerator(seed: try arguments.seed())
  let diagnosis = named.problem.diagnosis(using: &generator)
  return Answer(
    arguments.has("--json")
      ? try json(Named(named.name, diagnosis), namesInfinity: true)
      : diagnosis.text(titled: "\(named.name), \(diagnosis.method)"))
}
