/// A kind of outer variable of a ``MetaProblem`` by which can be differentiated.
public enum Learned: String, CaseIterable, Codable, Sendable {
  /// The parameters of the network: those that adapt as the start of the loop, the others as they are.
  case parameters
  /// The rate or rates of the inner loop.
  case learningRate
  /// The strength of the decay in the inner loss.
  case weightDecay
  /// The strength with which the inner loss holds the parameters to their start.
  case proximal
  /// The settings of the update rule.
  case rule
}
