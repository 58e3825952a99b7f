import Foundation
import Meta
import Studies

extension PolicyGradientsReport {
  /// Something that is said of the estimators, and whether it was seen.
  struct Claim {
    let text: String
    let measured: String
    let isSeen: Bool
  }

  var claims: [Claim] {
    [
      isUnbiased, tendsToItsLimit(.lvc), tendsToItsLimit(.naive), lessVariance, isFirstOrder,
      isWorthIt(.none), isWorthIt(.value), stepsAreABias, varianceFalls,
    ]
  }

  private var isUnbiased: Claim {
    let estimator = Estimator(.dice, .value)
    let bias = self.bias(estimator, most)
    return Claim(
      text: "DiCE's second derivative is unbiased (Foerster 2018)",
      measured:
        "correlation \(correlation(estimator, counts[0]).mean.fixed(3)) to \(correlation(estimator, most).mean.fixed(3)), bias \(bias.ends)",
      isSeen: bias.low == 0 && correlation(estimator, most).mean > 0.98)
  }

  /// Of the biased ones: what is left is the bias that the closed form gives.
  private func tendsToItsLimit(_ curvature: Estimator.Curvature) -> Claim {
    let estimator = Estimator(curvature)
    let bias = self.bias(estimator, most)
    let rest = Interval(values(estimator, most) { $0.squaredBiasFromLimit ?? 0 }).root
    let (name, source) =
      curvature == .lvc ? ("LVC's", "Rothfuss 2019, Liu 2022") : ("naive's", "Foerster 2018")
    return Claim(
      text: "\(name) is biased (\(source))",
      measured: "by \(bias.ends), from its limit by \(rest.ends)",
      isSeen: bias.low > 0 && rest.high < bias.low)
  }

  private var lessVariance: Claim {
    let ratios = counts.map { ratio(Estimator(.lvc), Estimator(.dice), $0) }
    let (first, last) = (ratios[0], ratios[ratios.count - 1])
    return Claim(
      text: "LVC varies less than DiCE (Rothfuss 2019)",
      measured: "\(first.text) times DiCE's deviation at \(counts[0]), \(last.text) at \(most)",
      isSeen: ratios.allSatisfy { $0.high < 1 })
  }

  private func ratio(_ one: Estimator, _ other: Estimator, _ count: Int) -> Interval {
    Interval(
      zip(values(one, count, \.deviation), values(other, count, \.deviation)).map { $0 / $1 })
  }

  private var isFirstOrder: Claim {
    let (plain, value) = (Estimator(.naive), Estimator(.naive, .value))
    let first = limit(Estimator(.firstOrder)) ?? 0
    let reached = correlation(value, most)
    return Claim(
      text: "a good baseline makes naive first order",
      measured:
        "\(reached.text) beside \(first.fixed(3)); without one \(correlation(plain, most).text)",
      isSeen: abs(reached.mean - first) < 0.02)
  }

  /// Whether the unbiased estimate gets nearer than no second derivative at all.
  private func isWorthIt(_ baseline: Estimator.Baseline) -> Claim {
    let first = limit(Estimator(.firstOrder)) ?? 0
    let nearer = counts.map { correlation(Estimator(.dice, baseline), $0).low > first }
    let ahead = nearer.last == true ? counts[(nearer.lastIndex(of: false) ?? -1) + 1] : nil
    return Claim(
      text: "DiCE is nearer than first order, "
        + (baseline == .none ? "no baseline" : "value as baseline"),
      measured: ahead.map { "from N = \($0) on" }
        ?? "\(correlation(Estimator(.dice, baseline), most).mean.fixed(3)) of \(first.fixed(3)) at \(most)",
      isSeen: ahead != nil)
  }

  private var stepsAreABias: Claim {
    let estimator = Estimator(.dice, .ridge, .everything)
    let (few, many) = (bias(estimator, counts[0]), bias(estimator, most))
    return Claim(
      text: "sampled inner steps are a bias that falls (Liu 2022)",
      measured: "DiCE, ridge: \(few.ends) at \(counts[0]), \(many.ends) at \(most)",
      isSeen: few.low > many.high)
  }

  private var varianceFalls: Claim {
    let estimator = Estimator(.lvc, .ridge, .everything)
    // With few trajectories a step goes anywhere; the statement is one of many.
    let many = counts.suffix((counts.count + 1) / 2)
    let deviations = many.map { values(estimator, $0, \.deviation) }
    let slopes = processes.indices.map { process in
      self.slope(zip(many, deviations).map { (Double($0), $1[process] * $1[process]) })
    }
    let slope = Interval(slopes)
    return Claim(
      text: "without a score term variance falls as 1/N (Tang 2021)",
      measured: "LVC's, ridge, as N to the power \(slope.text) from \(many.first ?? most) on",
      isSeen: slope.low > -1.2 && slope.high < -0.8)
  }

  /// By least squares, of the logarithms.
  private func slope(_ points: [(x: Double, y: Double)]) -> Double {
    let logarithms = points.map { (log($0.x), log($0.y)) }
    let (x, y) = (SampleMean(logarithms.map(\.0)).mean, SampleMean(logarithms.map(\.1)).mean)
    let spread = logarithms.reduce(0) { $0 + ($1.0 - x) * ($1.0 - x) }
    return logarithms.reduce(0) { $0 + ($1.0 - x) * ($1.1 - y) } / spread
  }
}
