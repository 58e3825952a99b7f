import Foundation
import Meta
import Nets
import Tape

/// How the errors of some routes fall as the inner loop gets longer, against steps and against cost.
struct HypergradientCurves {
  private let named: NamedBilevelProblem
  private let tables: [Hypergradients]
  /// Whether errors are against the derivative of the optimum; otherwise against that of the steps.
  private let isToOptimum: Bool

  /// The routes that are drawn.
  private static let routes: [(route: Route, order: Order, name: String)] = [
    (.adjoint, .exact, "adjoint"), (.adjoint, .firstOrder, "first order"),
    (.adjoint, .lastSteps(5), "last 5 steps"),
    (.implicit(.conjugateGradients()), .exact, "implicit, conjugate gradients"),
    (.implicit(.neumann(terms: 10)), .exact, "implicit, 10 terms"), (.oneStep, .exact, "one-step"),
    (.differences(), .exact, "differences"),
  ]

  /// Runs the routes with more and more steps: up to ten times as many as the problem takes.
  init(_ named: NamedBilevelProblem, _ table: Hypergradients) {
    self.named = named
    isToOptimum = table.optimum != nil
    let most = min(1000, 10 * max(1, table.steps))
    let lengths = [1, 2, 5, 10, 20, 50, 100, 200, 500].filter { $0 < most } + [most]
    tables = lengths.map { steps in
      var generator = SeededGenerator(seed: 1)
      return named.problem.hypergradients(
        steps: steps, Self.routes.map { ($0.route, $0.order) }, isTimed: false,
        takesErrorsApart: false,
        using: &generator)
    }
  }

  /// The error of the derivative of the steps of ridge, as the closed form has it.
  private var formula: [(x: Double, y: Double)]? {
    guard named.builtIn == .ridge, let last = tables.last else { return nil }
    return (0...40).map { index in
      let steps = Int(pow(Double(last.steps), Double(index) / 40).rounded())
      let form = named.ridge.closedForm(steps: steps)
      return (Double(steps), abs(form.unrolled / form.ofOptimum - 1))
    }
  }

  /// Error against steps, and error against multiply-adds.
  var figure: Figure {
    let target = isToOptimum ? "optimum" : "steps"
    var panels = [
      Figure.Panel(
        title: "Error to the derivative of the \(target)",
        x: Axis(label: "inner steps", isLogarithmic: true, isWhole: true),
        y: Axis(label: "relative error", isLogarithmic: true)),
      Figure.Panel(
        title: "The same against cost",
        x: Axis(label: "multiply-adds", isLogarithmic: true, isWhole: true),
        y: Axis(label: "relative error", isLogarithmic: true)),
    ]
    var legend: [Figure.Style.Entry] = []
    for (index, route) in Self.routes.enumerated() {
      let points = tables.compactMap { table -> (steps: Double, cost: Double, error: Double)? in
        let row = table.rows[index]
        let gap = isToOptimum ? row.gapToOptimum : row.gap
        guard let answer = row.answer, let error = gap?.relativeError, error > 1e-15 else {
          return nil
        }
        return (Double(table.steps), Double(answer.cost.multiplyAdds), error)
      }
      if points.isEmpty { continue }
      let style = Figure.Style(index)
      legend.append(.init(style: style, name: route.name))
      panels[0].lines.append(
        .init(style: style, points: points.map { ($0.steps, $0.error) }, hasMarkers: true))
      panels[1].lines.append(
        .init(style: style, points: points.map { ($0.cost, $0.error) }, hasMarkers: true))
    }
    if let formula, isToOptimum {
      let style = Figure.Style(color: Figure.Style.neutral, dash: "1 4")
      legend.append(.init(style: style, name: "adjoint, by the formula"))
      panels[0].lines.append(.init(style: style, points: formula))
    }
    return Figure(
      title: "Hypergradients of \(named.name), with inner steps growing", panels: panels,
      legend: legend)
  }
}
