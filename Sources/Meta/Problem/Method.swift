/// A way to train the initial parameters: what adapts in the inner loop, and the order.
public enum Method: String, CaseIterable, Sendable {
  /// All parameters adapt; the meta-gradient is exact (Finn et al. 2017).
  case maml
  /// All parameters adapt; second derivatives are dropped (Finn et al. 2017).
  case firstOrderMAML = "fo-maml"
  /// Only the head adapts; the meta-gradient is exact (Raghu et al. 2020).
  case anil
  /// Only the head adapts; second derivatives are dropped.
  case firstOrderANIL = "fo-anil"
  /// Nothing adapts: the gradient of the mean query loss.
  case joint

  /// What its inner loop changes.
  public var adaptation: Adaptation {
    switch self {
    case .maml, .firstOrderMAML: .all
    case .anil, .firstOrderANIL: .head
    case .joint: .nothing
    }
  }

  /// Whether its inner gradient is differentiated.
  public var order: Order {
    switch self {
    case .maml, .anil, .joint: .exact
    case .firstOrderMAML, .firstOrderANIL: .firstOrder
    }
  }

  /// The method of the same family and the other order; nil for joint training, which has no other.
  public var ofOtherOrder: Method? {
    family.map { $0.exact == self ? $0.firstOrder : $0.exact }
  }

  /// The family whose method it is; nil for joint training, which adapts nothing.
  public var family: Family? { Family.allCases.first { $0.methods.contains(self) } }

  /// The method of the same family that bears an order: the first-order one for first order, else the
  /// exact one.
  func bearing(_ order: Order) -> Method {
    guard let family else { return self }
    return order == .firstOrder ? family.firstOrder : family.exact
  }

  /// Its inner loop of the given number of steps; none where nothing adapts.
  ///
  /// - Parameters:
  ///   - steps: The number of inner steps.
  ///   - order: What is differentiated, if not what the method says.
  ///   - rule: How a step moves a parameter along its gradient.
  public func innerLoop(
    steps: Int, order: Order? = nil, rule: any UpdateRule = GradientDescent()
  ) -> InnerLoop {
    InnerLoop(
      adapting: adaptation, steps: adaptation == .nothing ? 0 : steps, order: order ?? self.order,
      rule: rule)
  }
}

/// How a meta-gradient is computed.
///
/// All routes agree to rounding.
public enum Route: String, CaseIterable, Sendable {
  /// A reverse sweep over the recorded inner loop; memory and lines grow with the steps.
  case unrolled
  /// One Hessian-vector product a step, backwards over stored parameters: the lines do not grow
  /// with the steps, and memory grows by one parameter vector a step.
  case adjoint
}
