import Meta
import Studies

extension PolicyGradientsReport {
  var figure: Figure {
    var figure = Figure(
      title: "Estimates of the meta-policy-gradient against the exact one",
      panels: [
        panel("Second derivative estimated, no baseline", .none, .hessian),
        panel("Second derivative estimated, value as baseline", .value, .hessian),
        panel("The same, value as baseline", .value, .hessian, .distance),
        panel("The same, no baseline: deviation", .none, .hessian, .deviation),
        panel("Everything estimated, no baseline", .none, .everything),
        panel("Everything estimated, ridge baseline", .ridge, .everything),
      ])
    let names = Estimator.Curvature.allCases.map(\.rawValue)
    figure.legend =
      names.enumerated().map { .init(style: .init($0), name: $1) }
      + names.enumerated().map {
        .init(style: Self.limit($0), name: "\($1), limit for many trajectories")
      }
    return figure
  }

  /// Short strokes that take turns where limits are equal.
  private static func limit(_ index: Int) -> Figure.Style {
    .init(color: Figure.Style(index).color, dash: "3 13", phase: 4 * Double(index))
  }

  private enum Quantity: String {
    case correlation = "correlation with the exact one"
    case distance = "1 − correlation"
    case deviation = "relative to the exact one"
  }

  private func panel(
    _ title: String, _ baseline: Estimator.Baseline, _ part: Estimator.Part,
    _ quantity: Quantity = .correlation
  ) -> Figure.Panel {
    let ends = Double(counts[0])...Double(most)
    var panel = Figure.Panel(
      title: title,
      x: Axis(label: "trajectories", isLogarithmic: true, isWhole: true),
      y: Axis(label: quantity.rawValue, isLogarithmic: quantity != .correlation))
    for (index, curvature) in Estimator.Curvature.allCases.enumerated() {
      let (style, estimator) = (Figure.Style(index), Estimator(curvature, baseline, part))
      if Estimator.all.contains(estimator) {
        let points = counts.map { (x: Double($0), value: value(quantity, estimator, $0)) }
        panel.lines.append(.init(style: style, points: points.map { ($0.x, $0.value.mean) }))
        panel.bands.append(
          .init(style: style, points: points.map { ($0.x, $0.value.low, $0.value.high) }))
      }
      if quantity != .deviation, let limit = limit(estimator) {
        let height = quantity == .distance ? 1 - limit : limit
        panel.lines.append(
          .init(
            style: Self.limit(index),
            // What is nothing but rounding has no place on a logarithmic axis.
            points: height > 1e-9 || quantity == .correlation
              ? [(ends.lowerBound, height), (ends.upperBound, height)] : []))
      }
    }
    panel.lines.removeAll(where: \.points.isEmpty)
    return panel
  }

  private func value(_ quantity: Quantity, _ estimator: Estimator, _ count: Int) -> Interval {
    switch quantity {
    case .correlation: correlation(estimator, count)
    case .distance: Interval(values(estimator, count) { 1 - $0.correlation })
    case .deviation: deviation(estimator, count)
    }
  }
}
