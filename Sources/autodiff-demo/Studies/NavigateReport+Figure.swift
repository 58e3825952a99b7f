import Meta
import Studies

extension NavigateReport {
  /// Returns, the map, the share of tasks made worse, and paths.
  ///
  /// Returns before the first update, which spread ten times as wide, are in the table only.
  var figure: Figure {
    let steps = Axis(label: "environment steps", isLogarithmic: true, isWhole: true)
    let last = budgets.count - 1
    let returns = Axis(label: "return", range: study.returnOfStandingStill...0)
    let updates = Array(1...study.updates)
    let share = Axis(label: "share", range: 0...1)
    var panels = [
      panel("After one update", steps, returns, at: budgets) { method, budget in
        self.returns(method, budget: budget, update: 1)
      },
      panel(
        "After \(budgets[last].grouped) steps", Axis(label: "updates", isWhole: true), returns,
        at: updates
      ) { method, index in self.returns(method, budget: last, update: updates[index]) },
    ]
    for (index, places) in [budgets, updates].enumerated() {
      panels[index].lines.append(
        .init(
          style: Self.still, points: places.map { (Double($0), study.returnOfStandingStill) }))
    }
    if !map.isEmpty { panels.append(mapPanel) }
    panels.append(
      panel("Tasks made worse by the first update", steps, share, at: budgets) {
        method, budget in interval(values(method, budget: budget, \.worse))
      })
    panels += methods.filter { [.lvc, .joint].contains($0) || methods.count == 1 }.map(pathsPanel)
    var figure = Figure(
      title: "2-D navigation at equal environment steps, \("seed".counted(seeds.count))",
      panels: panels)
    figure.legend =
      methods.map { .init(style: style($0), name: $0.rawValue) } + [
        .init(style: Self.still, name: "standing still"),
        .init(style: Self.goal, name: "goal"), .init(style: Self.before, name: "path before"),
        .init(style: Self.after, name: "path after one update"),
      ]
    if !map.isEmpty {
      figure.colorBar = "confidence that maml-lvc returns more than drs: 0 to 1 in tenths"
    }
    return figure
  }

  private func style(_ method: Method) -> Figure.Style {
    .init(Method.allCases.firstIndex(of: method) ?? 0)
  }

  private static let still = Figure.Style(color: Figure.Style.neutral, dash: "3 3")
  private static let goal = Figure.Style.dots("#000000")
  private static let before = Figure.Style(color: Figure.Style.neutral, dash: "1 2")
  private static let after = Figure.Style(color: Figure.Style(6).color, dash: "")

  /// A line with a band for each method.
  private func panel(
    _ title: String, _ x: Axis, _ y: Axis, at places: [Int],
    _ value: (Method, Int) -> (mean: Double, half: Double)
  ) -> Figure.Panel {
    var panel = Figure.Panel(title: title, x: x, y: y)
    for method in methods {
      let values = places.indices.map { (Double(places[$0]), value(method, $0)) }
      panel.lines.append(
        .init(style: style(method), points: values.map { ($0, $1.mean) }, hasMarkers: true))
      if seeds.count < 2 { continue }
      panel.bands.append(
        .init(
          style: style(method), points: values.map { ($0, $1.mean - $1.half, $1.mean + $1.half) }))
    }
    return panel
  }

  private var mapPanel: Figure.Panel {
    var panel = Figure.Panel(
      title: "maml-lvc against drs",
      x: Axis(
        label: "environment steps", isLogarithmic: true, isWhole: true),
      y: Axis(label: "updates", isWhole: true))
    panel.field = .init(
      x: budgets.map(Double.init), y: (0...study.updates).map(Double.init),
      values: (0...study.updates).map { update in
        budgets.map { steps in
          map.first { ($0.environmentSteps, $0.update) == (steps, update) }?.confidence ?? 0.5
        }
      })
    return panel
  }

  /// One trajectory to each of some goals, of the first seed's policy at the end.
  private func pathsPanel(_ method: Method) -> Figure.Panel {
    // Equal scales on both axes.
    let (size, margin) = (Figure.size, Figure.margin)
    let across = (size.width - margin.left - margin.right)
    let up = (size.height - margin.top - margin.bottom)
    let high = 0.65
    let wide = high * across / up
    var panel = Figure.Panel(
      title: "Paths of \(method.rawValue)", x: Axis(label: "x", range: -wide...wide),
      y: Axis(label: "y", range: -high...high))
    let training = trainings(method)[0]
    let rate = training.evaluations[budgets.count - 1].rates[0]
    for example in study.examples(training, rate: rate) {
      for (style, path) in [
        (Self.goal, [example.goal]), (Self.after, example.after), (Self.before, example.before),
      ] {
        panel.lines.append(.init(style: style, points: path.map { ($0[0], $0[1]) }))
      }
    }
    return panel
  }
}
