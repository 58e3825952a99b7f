import Nets
public import Tape

/// How far a gradient, of first order for instance, is from the exact one.
///
/// Where both are zero they agree: cosine and norm ratio are one, the error is zero. What has no
/// meaning (an angle to a zero gradient, a size relative to zero) is nil.
public struct GradientGap: Equatable, Sendable {
  /// The cosine of the angle between them, 1 if they point the same way.
  public let cosine: Double?
  /// The angle between them in degrees, accurate also where the cosine is nearly one.
  public let angle: Double?
  /// ‖other‖ / ‖exact‖.
  public let normRatio: Double?
  /// ‖other − exact‖ / ‖exact‖.
  public let relativeError: Double?

  /// Measures the gap between matrices taken together as one vector each.
  ///
  /// - Precondition: Counts of entries agree; anything else stops with a message.
  public init(exact: [Matrix], other: [Matrix]) {
    self.init(exact: exact.flattened, other: other.flattened)
  }

  /// Measures the gap between two vectors.
  init(exact: [Double], other first: [Double]) {
    if exact.count != first.count {
      stop("GradientGap: \(exact.count) entries, but \(first.count) of the other")
    }
    let (exactNorm, firstNorm) = (norm(exact), norm(first))
    guard exactNorm > 0, firstNorm > 0, exactNorm.isFinite, firstNorm.isFinite else {
      let both = exactNorm == 0 && firstNorm == 0
      (cosine, angle) = both ? (1, 0) : (nil, nil)
      (normRatio, relativeError) =
        both ? (1, 0) : exactNorm > 0 && firstNorm == 0 ? (0, 1) : (nil, nil)
      return
    }
    // By the sum and the difference of the directions: Kahan, *How futile are mindless assessments
    // of roundoff in floating-point computation?* (2006), section 12.
    let directions = zip(exact, first).map { ($0 / exactNorm, $1 / firstNorm) }
    cosine = min(1, max(-1, directions.reduce(0) { $0 + $1.0 * $1.1 }))
    angle =
      scalarArcTangent(norm(directions.map { $0 - $1 }), norm(directions.map { $0 + $1 }))
      * 360 / .pi
    normRatio = firstNorm / exactNorm
    relativeError = norm(zip(exact, first).map { $1 - $0 }) / exactNorm
  }
}

extension GradientGap: CustomStringConvertible {
  /// The gap in a line, rounded: `cosine 0.7891, angle 37.9°, norm ratio 1.507, relative error 0.945`.
  public var description: String {
    func text(_ name: String, _ value: Double?, _ scale: Double, _ unit: String = "") -> String {
      "\(name) " + (value.map { "\(($0 * scale).rounded() / scale)\(unit)" } ?? "none")
    }
    return [
      text("cosine", cosine, 1e4), text("angle", angle, 10, "°"),
      text("norm ratio", normRatio, 1e3),
      text("relative error", relativeError, 1e3),
    ].joined(separator: ", ")
  }
}

extension GradientGap: Encodable {
  /// Writes the four figures; null is what has no meaning.
  public func encode(to encoder: any Encoder) throws {
    let object: JSONObject = [
      "cosine": cosine, "angle": angle, "normRatio": normRatio, "relativeError": relativeError,
    ]
    try object.encode(to: encoder)
  }
}

/// The exact meta-gradient of a problem against that of another order, by default first order.
public struct MetaGradientComparison: Sendable {
  /// The exact meta-gradient.
  public let exact: MetaGradient
  /// The other one.
  public let firstOrder: MetaGradient
  /// The gap between them, all variables together.
  public let gap: GradientGap
  /// The gap of each variable, in order.
  public let parameterGaps: [(name: String, gap: GradientGap)]

  /// Compares two meta-gradients of one problem.
  public init(exact: MetaGradient, firstOrder: MetaGradient) {
    self.exact = exact
    self.firstOrder = firstOrder
    gap = GradientGap(exact: exact.gradient.values, other: firstOrder.gradient.values)
    parameterGaps = exact.gradient.descriptions.indices.map { position in
      (
        exact.gradient.descriptions[position].name,
        GradientGap(
          exact: [exact.gradient[position]], other: [firstOrder.gradient[position]])
      )
    }
  }
}

extension MetaGradientComparison: CustomStringConvertible {
  /// The gap of all variables together, then of each, a line apiece; and what the other order does not see.
  public var description: String {
    (["\(firstOrder.method) against \(exact.method): \(gap)"]
      + parameterGaps.map { "  \($0.name): \($0.gap)" }
      + [firstOrder.unseenNote].compactMap(\.self)).joined(separator: "\n")
  }
}

extension MetaGradientComparison: Encodable {
  private enum Keys: String, CodingKey { case parameters, name }

  /// Writes the gap, and that of each variable under `parameters`.
  public func encode(to encoder: any Encoder) throws {
    try gap.encode(to: encoder)
    var container = encoder.container(keyedBy: Keys.self)
    var list = container.nestedUnkeyedContainer(forKey: .parameters)
    for (name, gap) in parameterGaps {
      let own = list.superEncoder()
      try gap.encode(to: own)
      var named = own.container(keyedBy: Keys.self)
      try named.encode(name, forKey: .name)
    }
  }
}

extension MetaGradient {
  /// A sentence on what this order does not see; nil if it sees everything.
  package var unseenNote: String? {
    notSeen.isEmpty
      ? nil
      : "\(method) says nothing of \(notSeen.list): only what is cut reads "
        + (notSeen.count == 1 ? "it" : "them")
  }
}

extension BilevelProblem {
  /// Computes the exact meta-gradient and that of another order, and the gap between them.
  public func comparison(
    order: Order = .firstOrder, by route: Route = .unrolled
  ) -> MetaGradientComparison {
    MetaGradientComparison(
      exact: metaGradient(by: route), firstOrder: metaGradient(order: order, by: route))
  }

  /// Compares both orders, with several tasks at once.
  func comparison(threads: Int) -> MetaGradientComparison {
    func gradient(_ order: Order) -> MetaGradient {
      MetaGradientEvaluator(self, order: order, threads: threads).evaluate()
    }
    return MetaGradientComparison(exact: gradient(.exact), firstOrder: gradient(.firstOrder))
  }
}

// MARK: - As rows of tables

extension MetaGradient {
  /// What its cells are.
  package static let header = [
    "method", "order", "meta-loss", "‖gradient‖", "instructions", "multiply-adds", "peak memory",
  ]

  /// The result as a row of a table.
  package var cells: [String] {
    [
      method, order.description, loss.significant(5), gradientNorm.significant(5),
      cost.instructions.grouped, cost.multiplyAdds.grouped, cost.peakBytes.bytes,
    ]
  }
}

extension GradientGap {
  /// The gap as cells of a table: cosine, angle, norm ratio, relative error.
  package var cells: [String] {
    [
      cosine?.fixed(4) ?? "–", angle.map { $0.fixed(1) + "°" } ?? "–",
      normRatio?.significant(4) ?? "–", relativeError?.significant(3) ?? "–",
    ]
  }
}
