public import Tape

/// How far a first-order gradient is from the exact one.
///
/// Where both are zero they agree: cosine and norm ratio are one, the error is zero. What has no
/// meaning (an angle to a zero gradient, a size relative to zero) is nil.
public struct GradientGap: Equatable, Sendable {
  /// The cosine of the angle between them, 1 if they point the same way.
  public let cosine: Double?
  /// ‖first order‖ / ‖exact‖.
  public let normRatio: Double?
  /// ‖first order − exact‖ / ‖exact‖.
  public let relativeError: Double?

  /// Measures the gap between matrices taken together as one vector each.
  ///
  /// - Precondition: Counts of entries agree; anything else stops with a message.
  public init(exact: [Matrix], firstOrder: [Matrix]) {
    let exact = exact.flatMap(\.elements)
    let first = firstOrder.flatMap(\.elements)
    if exact.count != first.count {
      fatalError("GradientGap: \(exact.count) entries, but \(first.count) of first order")
    }
    // Scaled by the largest entry, so that neither tiny nor huge gradients leave the range of numbers.
    let scale = max(exact.map(abs).max() ?? 0, first.map(abs).max() ?? 0)
    var (squareExact, squareFirst, product, distance) = (0.0, 0.0, 0.0, 0.0)
    if scale > 0 {
      for (e, f) in zip(exact, first) {
        let (e, f) = (e / scale, f / scale)
        squareExact += e * e
        squareFirst += f * f
        product += e * f
        distance += (f - e) * (f - e)
      }
    }
    if squareExact == 0 {
      let both = squareFirst == 0
      (cosine, normRatio, relativeError) = both ? (1, 1, 0) : (nil, nil, nil)
    } else {
      cosine =
        squareFirst == 0
        ? nil : min(1, max(-1, product / (squareExact.squareRoot() * squareFirst.squareRoot())))
      normRatio = (squareFirst / squareExact).squareRoot()
      relativeError = (distance / squareExact).squareRoot()
    }
  }
}

/// Exact against first-order meta-gradients of one family, MAML or ANIL.
public struct MetaGradientComparison: Sendable {
  /// The exact meta-gradient.
  public let exact: MetaGradient
  /// The first-order one.
  public let firstOrder: MetaGradient
  /// The gap between them, all parameters together.
  public let gap: GradientGap
  /// The gap of each parameter, in order.
  public let parameterGaps: [(name: String, gap: GradientGap)]

  /// Compares two meta-gradients of one problem.
  public init(exact: MetaGradient, firstOrder: MetaGradient) {
    self.exact = exact
    self.firstOrder = firstOrder
    gap = GradientGap(exact: exact.gradient.values, firstOrder: firstOrder.gradient.values)
    parameterGaps = exact.gradient.descriptions.indices.map { position in
      (
        exact.gradient.descriptions[position].name,
        GradientGap(
          exact: [exact.gradient[position]], firstOrder: [firstOrder.gradient[position]])
      )
    }
  }
}

/// A method family: the same inner loop, exact or first order.
public enum Family: String, CaseIterable, Sendable {
  /// Model-agnostic meta-learning: all parameters adapt.
  case maml
  /// Almost no inner loop: the head adapts.
  case anil

  /// Its exact method.
  public var exact: Method { self == .maml ? .maml : .anil }

  /// Its first-order method.
  public var firstOrder: Method { self == .maml ? .firstOrderMAML : .firstOrderANIL }

  /// Both, the exact one first.
  public var methods: [Method] { [exact, firstOrder] }
}

extension MetaProblem {
  /// Computes both meta-gradients of a family, and the gap between them.
  public func comparison(_ family: Family, by route: Route = .unrolled) -> MetaGradientComparison {
    MetaGradientComparison(
      exact: metaGradient(family.exact, by: route),
      firstOrder: metaGradient(family.firstOrder, by: route))
  }
}
