import Tape

/// The part of an inner loop from which lines of its tape come.
package enum LoopPart: Hashable, LineSource {
  /// An inner step, from 1.
  case step(Int)
  /// The loss that the steps descend, by the name that the problem gives it.
  case innerLoss(String)
  /// An inner gradient, by the name of the variable.
  case gradient(of: String)
  /// The update of a variable.
  case update(of: String)
  /// The loss where the loop ends, by the name that the problem gives it.
  case outerLoss(String)

  package var description: String {
    switch self {
    case .step(let number): "inner step \(number)"
    case .innerLoss(let name), .outerLoss(let name): name
    case .gradient(of: let name): "gradient of \(name)"
    case .update(of: let name): "update of \(name)"
    }
  }
}
