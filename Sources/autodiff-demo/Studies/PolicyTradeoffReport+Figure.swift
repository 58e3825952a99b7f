import Meta
import Studies

extension PolicyTradeoffReport {
  /// The maps, the errors by κ, and the curves of some kinds of families.
  var figure: Figure {
    let different = study.differences.count - 1
    let curves = Set([0, different / 2 + 1, different, different + 1]).filter {
      summaries.indices.contains($0)
    }
    let maps =
      different > 0
      ? modelled.map { mapPanel($0, \.sampled, "\($0.rawValue), sampled gradients") }
        + [mapPanel(.dice, \.exact, "MAML, exact gradients")] : []
    var figure = Figure(
      title: "Joint training against MAML on tabular MDPs",
      panels: maps + [modellingPanel, lossPanel] + curves.sorted().map(curvePanel))
    figure.legend =
      Method.allCases.enumerated().map { .init(style: .init($0), name: $1.rawValue) } + [
        .init(style: Self.exactJoint, name: "joint, exact gradients"),
        .init(style: Self.exactMAML, name: "MAML, exact gradients"),
        .init(style: Self.modelling, name: "modelling error"),
      ]
    if !maps.isEmpty {
      figure.colorBar =
        "share of families in which MAML is ahead after adaptation: 0 to 1 in tenths"
    }
    return figure
  }

  private static let exactJoint = Figure.Style(color: "#56B4E9", dash: "2 2.5")
  private static let exactMAML = Figure.Style(color: "#E69F00", dash: "2 2.5")
  private static let modelling = Figure.Style(color: "#000000", dash: "")

  private func mapPanel(
    _ method: Method,
    _ way: KeyPath<PolicyTradeoffStudy.Training, [PolicyTradeoffStudy.Worth]>, _ title: String
  ) -> Figure.Panel {
    let budgets = (0...last).map { Double(environmentSteps(0, $0)) }
    let kinds = study.differences
    var panel = Figure.Panel(
      title: title,
      x: Axis(label: "environment steps", isLogarithmic: true, isWhole: true),
      y: Axis(label: "difference κ of tasks"))
    panel.field = .init(
      x: budgets, y: kinds,
      values: kinds.indices.map { kind in
        (0...last).map { summaries[kind].winningShare(method, at: $0, way) }
      })
    return panel
  }

  private var modellingPanel: Figure.Panel {
    var panel = Figure.Panel(
      title: "Modelling error of joint training", x: Axis(label: "difference κ of tasks"),
      y: Axis(label: "value after adaptation lost"))
    let points = zip(study.differences, summaries).map { ($0, $1.modellingError) }
    panel.lines = [
      .init(style: Self.modelling, points: points.map { ($0, $1.mean) }, hasMarkers: true)
    ]
    panel.bands = [
      .init(
        style: Self.modelling, points: points.map { ($0, $1.mean - $1.half, $1.mean + $1.half) })
    ]
    return panel
  }

  private var lossPanel: Figure.Panel {
    var panel = Figure.Panel(
      title: "Optimisation error at the last budget", x: Axis(label: "difference κ of tasks"),
      y: Axis(label: "value after adaptation lost"))
    for (index, method) in Method.allCases.enumerated() {
      let points = zip(study.differences, summaries).map {
        ($0, $1.loss(method, \.optimization, at: last))
      }
      panel.lines.append(
        .init(style: .init(index), points: points.map { ($0, $1.mean) }, hasMarkers: true))
      panel.bands.append(
        .init(
          style: .init(index), points: points.map { ($0, $1.mean - $1.half, $1.mean + $1.half) }))
    }
    return panel
  }

  private func curvePanel(_ kind: Int) -> Figure.Panel {
    let summary = summaries[kind]
    let budgets = (0...last).map { Double(environmentSteps(kind, $0)) }
    var panel = Figure.Panel(
      title: "Training, \(study.kinds[kind].name)",
      x: Axis(label: "environment steps", isLogarithmic: true, isWhole: true),
      y: Axis(label: "value after adaptation lost", isLogarithmic: true))
    func line(_ style: Figure.Style, _ loss: (Int) -> Double) {
      panel.lines.append(
        .init(style: style, points: budgets.enumerated().map { ($1, loss($0)) }))
    }
    for (index, method) in Method.allCases.enumerated() {
      line(.init(index)) { summary.loss(method, \.total, at: $0).mean }
    }
    line(Self.exactJoint) {
      summary.loss(.joint, \.modelling, at: $0).mean + summary.loss(.joint, \.steps, at: $0).mean
    }
    line(Self.exactMAML) { summary.loss(.dice, \.steps, at: $0).mean }
    if summary.modellingError.mean > 1e-3 {
      line(Self.modelling) { _ in summary.modellingError.mean }
    }
    return panel
  }
}
