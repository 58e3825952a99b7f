import Meta
import Tape

extension TrainingStep {
  /// What another method has for a meta-gradient at the same point and tasks; nil if there is no other.
  func gradient(by other: MetaGradientEvaluator?, rate: Double) -> [Matrix]? {
    other?.setTasks(tasks)
    other?.setParameters(parameters.values, rate: rate)
    return other?.evaluate().gradient.values
  }
}
