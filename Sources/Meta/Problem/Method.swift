/// The five ways to train initial parameters that have names: presets of what adapts and of the order.
public enum Method: String, CaseIterable, Codable, Sendable {
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

  /// The method that adapts the same and is exact.
  public var exact: Method {
    switch self {
    case .maml, .firstOrderMAML: .maml
    case .anil, .firstOrderANIL: .anil
    case .joint: .joint
    }
  }

  /// The method that adapts the same to first order; joint training, which adapts nothing, is its own.
  public var firstOrder: Method {
    switch self {
    case .maml, .firstOrderMAML: .firstOrderMAML
    case .anil, .firstOrderANIL: .firstOrderANIL
    case .joint: .joint
    }
  }

  /// Those of both orders, the exact one first.
  public var bothOrders: [Method] { exact == firstOrder ? [self] : [exact, firstOrder] }

  /// The exact methods that adapt something.
  public static let families: [Method] = [.maml, .anil]

  /// The method of the same adaptation and the other order; nil for joint training, which has no other.
  public var ofOtherOrder: Method? { bothOrders.first { $0 != self } }

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
