public import Nets
public import Tape

/// A distribution of actions for each observation, written in operations of the tape.
public protocol Policy: Sendable {
  /// What is learned of it.
  var parameters: [ParameterDescription] { get }
  /// The number of columns of observations.
  var observationWidth: Int { get }
  /// The number of columns of actions.
  var actionWidth: Int { get }

  /// Records what actions are drawn from, as matrices of its own choice.
  ///
  /// - Parameters:
  ///   - observations: One a row.
  ///   - parameters: One variable per description, of its shape.
  func distribution(_ observations: Variable, _ parameters: Parameters<Variable>) -> [Variable]

  /// Records the logarithm of the probability, or of its density, of each action: a column.
  ///
  /// - Parameters:
  ///   - actions: One a row, as drawn.
  ///   - distribution: What ``distribution(_:_:)`` has recorded for their observations.
  func logProbabilities(_ actions: Variable, _ distribution: [Variable]) -> Variable

  /// Draws an action, and writes it into ``actionWidth`` numbers from `offset` on.
  ///
  /// - Parameters:
  ///   - row: For which observation.
  ///   - distribution: The matrices of ``distribution(_:_:)``.
  ///   - actions: Where the action is written.
  ///   - offset: Where it begins.
  ///   - generator: Where chance comes from.
  func draw(
    row: Int, _ distribution: [Matrix], into actions: inout [Double], at offset: Int,
    using generator: inout SeededGenerator)
}

/// A policy that takes one of several actions: the softmax of what a network says.
///
/// An action is a one among zeros.
public struct SoftmaxPolicy: Policy {
  private let network: any Network

  /// A policy whose logits are the outputs of a network.
  public init(_ network: any Network) { self.network = network }

  /// A table of logits, *S*×*A*, for observations that are a one among zeros: its parameter is called `logits`.
  public init(states: Int, actions: Int) {
    network = LogitTable(inputWidth: states, outputWidth: actions)
  }

  /// Those of the network.
  public var parameters: [ParameterDescription] { network.parameters }
  /// The inputs of the network.
  public var observationWidth: Int { network.inputWidth }
  /// The outputs of the network.
  public var actionWidth: Int { network.outputWidth }

  /// The logarithm of the probability of each action.
  public func distribution(
    _ observations: Variable, _ parameters: Parameters<Variable>
  ) -> [Variable] { [network(observations, parameters).logSoftmax()] }

  /// That of the action taken.
  public func logProbabilities(_ actions: Variable, _ distribution: [Variable]) -> Variable {
    (actions * distribution[0]).sum(to: Shape(actions.shape.rows, 1))
  }

  /// Draws an action.
  public func draw(
    row: Int, _ distribution: [Matrix], into actions: inout [Double], at offset: Int,
    using generator: inout SeededGenerator
  ) {
    let probabilities = (0..<actionWidth).map { scalarExp(distribution[0][row, $0]) }
    let taken = generator.index(in: probabilities[...])
    for index in 0..<actionWidth { actions[offset + index] = index == taken ? 1 : 0 }
  }
}

private struct LogitTable: Network {
  let inputWidth, outputWidth: Int

  var parameters: [ParameterDescription] {
    [ParameterDescription(name: "logits", shape: Shape(inputWidth, outputWidth), role: .head)]
  }

  func callAsFunction(_ inputs: Variable, _ parameters: Parameters<Variable>) -> Variable {
    inputs.matmul(parameters[0])
  }
}

/// A policy of normal actions: a network says the mean, and a row of its own the logarithm of the deviations, which
/// is the same in every state, is learned and adapts.
public struct GaussianPolicy: Policy {
  private let network: any Network

  /// A policy whose means are the outputs of a network.
  public init(_ network: any Network) { self.network = network }

  /// Those of the network, then `logDeviation`, a row with one for each column of actions.
  public var parameters: [ParameterDescription] {
    network.parameters + [
      ParameterDescription(name: "logDeviation", shape: Shape(1, actionWidth), kind: .bias)
    ]
  }

  /// The inputs of the network.
  public var observationWidth: Int { network.inputWidth }
  /// The outputs of the network.
  public var actionWidth: Int { network.outputWidth }

  /// Draws weights as the network does; the logarithm of the deviations is zero.
  ///
  /// - Parameters:
  ///   - gain: Of the network's weights.
  ///   - headGain: By how much those of its head are scaled afterwards: small, so that means begin near zero.
  ///   - generator: Where the weights come from.
  public func initialParameters(
    gain: Double = 2.0.squareRoot(), headGain: Double = 0.1,
    using generator: inout some RandomNumberGenerator
  ) -> Parameters<Matrix> {
    let drawn = network.initialParameters(gain: gain, using: &generator)
    let values = zip(drawn.descriptions, drawn.values).map { description, value in
      description.role == .head ? value.map { headGain * $0 } : value
    }
    return Parameters(parameters, values + [Matrix(Shape(1, actionWidth), repeating: 0)])
  }

  /// The means, one a row, and the row of the logarithms of the deviations.
  public func distribution(
    _ observations: Variable, _ parameters: Parameters<Variable>
  ) -> [Variable] {
    let own = Parameters<Variable>(network.parameters, Array(parameters.values.dropLast()))
    return [network(observations, own), parameters["logDeviation"]]
  }

  /// The logarithm of the density.
  public func logProbabilities(_ actions: Variable, _ distribution: [Variable]) -> Variable {
    let standard = (actions - distribution[0]) * (-distribution[1]).exp()
    let constant = 0.5 * Double(actionWidth) * scalarLog(2 * .pi)
    return -0.5 * standard.square().sum(to: Shape(actions.shape.rows, 1))
      - (distribution[1].sum() + constant)
  }

  /// Draws an action.
  public func draw(
    row: Int, _ distribution: [Matrix], into actions: inout [Double], at offset: Int,
    using generator: inout SeededGenerator
  ) {
    for index in 0..<actionWidth {
      let deviation = scalarExp(distribution[1][0, index])
      actions[offset + index] = distribution[0][row, index] + deviation * generator.nextGaussian()
    }
  }
}
