public import Nets

/// Which parameters of a network the inner loop changes: how they are split into inner variables and outer ones
/// that stay.
public enum Adaptation: Hashable, Sendable {
  /// Every parameter, as in MAML.
  case all
  /// Those of the head, as in ANIL.
  case head
  /// Those of the body, as in BOIL (Oh et al., *BOIL: towards representation change*, 2021).
  case body
  /// None, as in joint training.
  case nothing
  /// Those of the given names; ``MetaProblem/adapting(_:)`` stops at one that no parameter has.
  case named(Set<String>)

  /// Whether a parameter changes.
  public func adapts(_ parameter: ParameterDescription) -> Bool {
    switch self {
    case .all: true
    case .head: parameter.role == .head
    case .body: parameter.role == .body
    case .nothing: false
    case .named(let names): names.contains(parameter.name)
    }
  }

  /// What results call the exact meta-gradient of this split.
  var name: String {
    switch self {
    case .all: "maml"
    case .head: "anil"
    case .body: "boil"
    case .nothing: "joint"
    case .named(let names): "adapting " + names.sorted().list
    }
  }
}
