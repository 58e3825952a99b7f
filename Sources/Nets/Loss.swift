public import Tape

/// What is minimised: a number from the outputs of a network and their targets.
public enum Loss: String, CaseIterable, Sendable {
  /// Half the mean over all entries of `(output − target)²`.
  case halfMeanSquaredError = "half-mean-squared-error"
  /// The mean over all entries of `(output − target)²`.
  case meanSquaredError = "mean-squared-error"
  /// The mean over rows of `−Σ target · log softmax(output)`, without overflow.
  case softmaxCrossEntropy = "softmax-cross-entropy"

  /// Records the loss, 1×1.
  ///
  /// - Parameters:
  ///   - outputs: One point a row.
  ///   - targets: Of the same shape; for the cross-entropy usually, but not necessarily, rows that
  ///     sum to one.
  /// - Precondition: The shapes are equal, so that nothing is broadcast unseen; anything else stops
  ///   with a message.
  public func callAsFunction(_ outputs: Variable, _ targets: Variable) -> Variable {
    if outputs.shape != targets.shape {
      stop(
        "\(rawValue): outputs are \(outputs.shape), but targets are \(targets.shape)"
          + outputs.tape.place)
    }
    switch self {
    case .halfMeanSquaredError:
      let residuals = outputs - targets
      return (residuals * residuals).sum() * (0.5 / Double(outputs.shape.count))
    case .meanSquaredError:
      let residuals = outputs - targets
      return (residuals * residuals).mean()
    case .softmaxCrossEntropy:
      return (targets * outputs.logSoftmax()).sum() * (-1 / Double(outputs.shape.rows))
    }
  }
}
