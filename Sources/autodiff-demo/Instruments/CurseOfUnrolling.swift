import Meta
import Nets
import Tape

/// The curse of unrolling on ridge, by its closed forms: how far ∂θ/∂λ of the steps and of the implicit route is
/// from ∂θ\*/∂λ, and how many times the second error goes into the first.
package struct CurseOfUnrolling: Sendable {
  /// Errors relative to ∂θ\*/∂λ, for some forty numbers of steps.
  package let errors: [(steps: Double, unrolled: Double, implicit: Double)]
  /// P of the slowest direction, which decides in the long run.
  package let contraction: Double

  /// Evaluates the closed forms for up to so many steps.
  package init(_ ridge: RidgeStrength, most: Int) {
    errors = stride(from: 1, through: most, by: max(1, most / 40)).map { steps in
      let form = ridge.closedForm(steps: steps)
      let size = form.optimumSlope.norm
      return (
        Double(steps), (form.memory + form.curse).norm / size,
        (form.implicitSlope - form.optimumSlope).norm / size
      )
    }
    contraction = 1 - ridge.rate * ((RidgeStrength.spectrum.min() ?? 0) + ridge.strength)
  }

  /// The quotient of the errors in a direction whose contraction is P: 1 + T(1 − P)/P.
  package func factor(steps: Double) -> Double { 1 + steps * (1 - contraction) / contraction }

  /// Adds both errors, and their quotient with its formula, in the styles of the routes.
  func add(to figure: inout Figure) {
    let (unrolled, implicit) = (Figure.Style(0), Figure.Style(3))
    let formula = Figure.Style(color: Figure.Style.neutral, dash: "4 3")
    figure.panels += [
      Figure.Panel(
        title: "Error of ∂θ/∂λ", x: Axis(label: "inner steps", isWhole: true),
        y: Axis(label: "relative error", isLogarithmic: true),
        lines: [
          .init(style: unrolled, points: errors.map { ($0.steps, $0.unrolled) }),
          .init(style: implicit, points: errors.map { ($0.steps, $0.implicit) }),
        ]),
      Figure.Panel(
        title: "The curse: error of adjoint over that of implicit",
        x: Axis(label: "inner steps", isWhole: true), y: Axis(label: "quotient"),
        lines: [
          .init(style: unrolled, points: errors.map { ($0.steps, $0.unrolled / $0.implicit) }),
          .init(style: formula, points: errors.map { ($0.steps, factor(steps: $0.steps)) }),
        ]),
    ]
    figure.legend.append(.init(style: formula, name: "1 + T(1 − P)/P of the slowest direction"))
  }
}
