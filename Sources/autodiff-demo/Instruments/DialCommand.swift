import Meta
import Tape

/// `dial`: meta-gradients between first order and exact.
let dialCommand = Command(
  name: "dial",
  summary: "Turns the second-order path up from first order to exact, by weight and by length",
  operands: "[FILE]", operandCount: 0...1,
  options: [
    .family,
    .init(name: "--weights", value: "L,…", help: "values of λ (default 0,0.1,…,1)"),
    .init(
      name: "--step-length", value: "S",
      help: "of the outer step that each is judged by (default: about the best for exact)"),
    .seed("of the problem made here"), .json,
    .init(name: "--svg", value: "FILE", help: "also draw it"),
  ] + Command.Option.table,
  details: """
    λ scales the second-order path of every inner step: 0 is first order, 1 is exact. Last k steps means
    that only those are differentiated. Decrease is that of the meta-loss by one outer step, as long for
    each setting: directions are compared.
    \(NamedProblem.helpWithPolicies)
    """,
  example: "autodiff-demo dial --svg dial.svg"
) { arguments in
  let weights = try arguments.numbers("--weights", in: -10...10)
  let length = try arguments.number("--step-length", in: 0...1e6)
  let svg = try arguments.output("--svg")
  let named = try arguments.adaptingProblem(memory: 2)
  let dial = named.problem.dial(weights: weights ?? Dial.weights, stepLength: length)
  let answer =
    arguments.has("--json")
    ? try json(Named(named.name, dial))
    : dial.text(titled: "\(named.name), \(dial.method)")
  try svg?.write(dial.figure(of: named.name).svg)
  return Answer(answer)
}

extension Dial {
  /// Angle, length and decrease, over λ and over the number of last steps.
  func figure(of name: String) -> Figure {
    func panel(
      _ title: String, _ y: String, _ x: Axis, _ settings: [(Double, Dial.Setting)], _ style: Int,
      _ value: (Dial.Setting) -> Double?
    ) -> Figure.Panel {
      var panel = Figure.Panel(title: title, x: x, y: Axis(label: y))
      panel.lines = [
        .init(
          style: .init(style),
          points: settings.compactMap { x, setting in value(setting).map { (x, $0) } },
          hasMarkers: true)
      ]
      return panel
    }
    let axes: [(String, Axis, [(Double, Dial.Setting)])] = [
      (
        "by weight", Axis(label: "λ, the weight of the second-order path"),
        byWeight.map { ($0.order.weight(step: 1, of: 1), $0) }
      ),
      (
        "by last steps",
        Axis(label: "inner steps that are differentiated, from the last", isWhole: true),
        byLastSteps.map { (Double($0.order.lastSteps ?? 0), $0) }
      ),
    ]
    let measures: [(String, String, (Dial.Setting) -> Double?)] = [
      ("Angle to exact", "degrees", { $0.gap.angle }),
      ("Norm ratio", "‖gradient‖ / ‖exact‖", { $0.gap.normRatio }),
      ("Decrease of the meta-loss", "by one outer step", { $0.decrease }),
    ]
    return Figure(
      title: "From first order to exact, \(method), \(name)",
      panels: measures.flatMap { measure in
        axes.enumerated().map { index, axis in
          panel("\(measure.0), \(axis.0)", measure.1, axis.1, axis.2, index, measure.2)
        }
      },
      legend: [
        .init(style: .init(0), name: "second-order path of weight λ"),
        .init(style: .init(1), name: "last steps differentiated"),
      ])
  }
}
