/// The update rules that problem files know.
package enum RuleKind: String, CaseIterable {
  case gradientDescent = "gradient-descent"
  case momentum, nesterov, rmsprop, adam

  /// The kind of a rule; nil for one from outside.
  package init?(_ rule: any UpdateRule) {
    switch rule {
    case is GradientDescent: self = .gradientDescent
    case is Momentum: self = .momentum
    case is Nesterov: self = .nesterov
    case is RMSProp: self = .rmsprop
    case is Adam: self = .adam
    default: return nil
    }
  }

  /// The rule with the given settings; those that are missing are zero.
  package func rule(_ settings: [String: Double]) -> any UpdateRule {
    func setting(_ name: String) -> Double { settings[name] ?? 0 }
    switch self {
    case .gradientDescent: return GradientDescent()
    case .momentum: return Momentum(decay: setting("decay"))
    case .nesterov: return Nesterov(decay: setting("decay"))
    case .rmsprop:
      return RMSProp(squareDecay: setting("squareDecay"), epsilon: setting("epsilon"))
    case .adam:
      return Adam(
        decay: setting("decay"), squareDecay: setting("squareDecay"), epsilon: setting("epsilon"))
    }
  }

  /// Why a setting cannot have a value; nil if it can.
  package func objection(to value: Double, as name: String) -> String? {
    if name == "epsilon" { return value >= 0 ? nil : "is negative" }
    return (0..<1).contains(value) ? nil : "is not at least 0 and below 1"
  }
}
