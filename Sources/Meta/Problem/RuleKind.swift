/// The update rules that problem files know.
enum RuleKind: String, CaseIterable {
  case gradientDescent = "gradient-descent"
  case momentum, nesterov, rmsprop, adam

  /// The kind of a rule; nil for one from outside.
  init?(_ rule: any UpdateRule) {
    switch rule {
    case is GradientDescent: self = .gradientDescent
    case is Momentum: self = .momentum
    case is Nesterov: self = .nesterov
    case is RMSProp: self = .rmsprop
    case is Adam: self = .adam
    default: return nil
    }
  }
}
