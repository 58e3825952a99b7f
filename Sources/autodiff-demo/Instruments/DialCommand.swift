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
  ],
  details: """
    λ scales the second-order path of every inner step: 0 is first order, 1 is exact. Last k steps means
    that only those are differentiated. Decrease is that of the meta-loss by one outer step, as long for
    each setting: directions are compared.
    \(NamedProblem.help)
    """,
  example: "autodiff-demo dial --svg dial.svg"
) { arguments in
  let family = try arguments.family()
  let weights = try arguments.numbers("--weights", in: -10...10)
  let length = try arguments.number("--step-length", in: 0...1e6)
  let svg = try arguments.output("--svg")
  let named = try arguments.problem(for: family.bothOrders, memory: 2)
  let report = DialReport(named, family, weights: weights, stepLength: length)
  let answer =
    arguments.has("--json") ? try json(report.document, namesInfinity: true) : report.text
  try svg?.write(report.figure.svg)
  return Answer(answer)
}

/// A dial as text, figure and JSON.
struct DialReport {
  let named: NamedProblem
  let dial: Dial

  init(_ named: NamedProblem, _ family: Method, weights: [Double]? = nil, stepLength: Double? = nil)
  {
    self.named = named
    dial = named.problem.dial(
      family, weights: weights ?? Dial.weights, stepLength: stepLength)
  }

  var text: String {
    func table(_ header: String, _ settings: [Dial.Setting], _ name: (Order) -> String) -> String {
      var table = TextTable(
        header: [
          header, "cosine", "angle", "norm ratio", "relative error", "‖gradient‖", "decrease",
        ])
      table.leftAligned = []
      for setting in settings {
        table.rows.append(
          [name(setting.order)] + setting.gap.cells
            + [setting.gradientNorm.significant(4), setting.decrease.significant(4)])
      }
      return table.text
    }
    return """
      \(named.name), \(dial.method)
        \(named.problem.summary)

      \(table("λ", dial.byWeight) { "\($0.weight(step: 1, of: 1))" })
      \(table("last steps", dial.byLastSteps) { "\($0.lastSteps ?? 0)" })
        \(note)

      """
  }

  private var note: String {
    if dial.stepLength == 0 {
      return "No step against the exact meta-gradient lowers the meta-loss, so that none was tried."
    }
    return "Decrease of the meta-loss, \(dial.loss.significant(5)) here, by one step of length "
      + "\(dial.stepLength.significant(3)). Short steps lower it in\n  proportion to the cosine; long ones "
      + "need not."
  }

  /// Angle, length and decrease, over λ and over the number of last steps.
  var figure: Figure {
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
        dial.byWeight.map { ($0.order.weight(step: 1, of: 1), $0) }
      ),
      (
        "by last steps",
        Axis(label: "inner steps that are differentiated, from the last", isWhole: true),
        dial.byLastSteps.map { (Double($0.order.lastSteps ?? 0), $0) }
      ),
    ]
    let measures: [(String, String, (Dial.Setting) -> Double?)] = [
      ("Angle to exact", "degrees", { $0.gap.angle }),
      ("Norm ratio", "‖gradient‖ / ‖exact‖", { $0.gap.normRatio }),
      ("Decrease of the meta-loss", "by one outer step", { $0.decrease }),
    ]
    return Figure(
      title: "From first order to exact, \(dial.method), \(named.name)",
      panels: measures.enumerated().flatMap { index, measure in
        axes.map { kind, x, settings in
          panel("\(measure.0), \(kind)", measure.1, x, settings, index, measure.2)
        }
      })
  }

  struct Document: Encodable {
    struct Setting: Encodable {
      var order: String
      @Present var cosine: Double?
      @Present var angle: Double?
      @Present var normRatio: Double?
      @Present var relativeError: Double?
      var gradientNorm: Double
      var decrease: Double
    }
    var problem: String
    var family: String
    var loss: Double
    var stepLength: Double
    var byWeight: [Setting]
    var byLastSteps: [Setting]
  }

  var document: Document {
    func settings(_ settings: [Dial.Setting]) -> [Document.Setting] {
      settings.map {
        .init(
          order: $0.order.description, cosine: $0.gap.cosine, angle: $0.gap.angle,
          normRatio: $0.gap.normRatio, relativeError: $0.gap.relativeError,
          gradientNorm: $0.gradientNorm, decrease: $0.decrease)
      }
    }
    return Document(
      problem: named.name, family: dial.method, loss: dial.loss,
      stepLength: dial.stepLength,
      byWeight: settings(dial.byWeight), byLastSteps: settings(dial.byLastSteps))
  }
}

extension Order {
  /// The number of last steps that are differentiated, where that is what the order says.
  fileprivate var lastSteps: Int? {
    if case .lastSteps(let count) = self { count } else { nil }
  }
}
