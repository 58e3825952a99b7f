public import Tape

/// What is minimised: a number from the outputs of a network and their targets.
///
/// Three have names in problem files; a loss of your own is a name and a closure.
public struct Loss: Sendable {
  /// What results call it; of the three that problem files know, the name there.
  public let name: String
  private let record: @Sendable (Variable, Variable) -> Variable

  /// Names a loss of your own.
  ///
  /// - Parameters:
  ///   - name: What results call it.
  ///   - record: Records the loss, 1×1, of outputs and targets, one point a row.
  public init(
    _ name: String,
    _ record: @escaping @Sendable (_ outputs: Variable, _ targets: Variable) -> Variable
  ) {
    (self.name, self.record) = (name, record)
  }

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
        "\(name): outputs are \(outputs.shape), but targets are \(targets.shape)"
          + outputs.tape.place)
    }
    return record(outputs, targets)
  }
}

extension Loss {
  /// Half the mean over all entries of `(output − target)²`.
  public static let halfMeanSquaredError = Loss("half-mean-squared-error") { outputs, targets in
    let residuals = outputs - targets
    return (residuals * residuals).sum() * (0.5 / Double(outputs.shape.count))
  }

  /// The mean over all entries of `(output − target)²`.
  public static let meanSquaredError = Loss("mean-squared-error") { outputs, targets in
    let residuals = outputs - targets
    return (residuals * residuals).mean()
  }

  /// The mean over rows of `−Σ target · log softmax(output)`, without overflow.
  public static let softmaxCrossEntropy = Loss("softmax-cross-entropy") { outputs, targets in
    (targets * outputs.logSoftmax()).sum() * (-1 / Double(outputs.shape.rows))
  }
}

extension Loss: CaseIterable, RawRepresentable, Hashable, CustomStringConvertible {
  /// Those that problem files know.
  public static let allCases = [halfMeanSquaredError, meanSquaredError, softmaxCrossEntropy]

  /// The loss that problem files know by a name; nil if there is none.
  public init?(rawValue name: String) {
    guard let known = Loss.allCases.first(where: { $0.name == name }) else { return nil }
    self = known
  }

  /// The name; losses of the same name count as equal.
  public var rawValue: String { name }

  /// The name.
  public var description: String { name }
}
