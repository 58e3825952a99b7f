import Extensions
import Foundation
import Meta
import Nets
import Tape
import Testing

/// Derivatives of a wrong function are right derivatives of it, so forward passes are checked alone.
@Suite struct NetworkTests {
  /// What a network says at given parameters, out of a program that was recorded at others.
  static func outputs(
    _ network: some Network, _ inputs: Matrix, _ parameters: [Matrix]
  ) -> Matrix {
    let tape = GradientTape()
    let x = tape.input(Matrix(inputs.shape, repeating: 0))
    let variables = network.parameters.map { tape.input(Matrix($0.shape, repeating: 0)) }
    let result = network(x, Parameters(network.parameters, variables))
    return Program(inputs: [x] + variables, outputs: [result]).run([inputs] + parameters)[0]
  }

  /// One unit, by hand: tanh(2 · ½ − 3) · 4 + ½.
  @Test func tanhNetworkIsItsFormula() throws {
    let network = TanhNetwork(inputs: 1, width: 1, outputs: 1)
    let parameters = [0.5, -3, 4, 0.5].map { Matrix($0) }
    let output = Self.outputs(network, Matrix(2), parameters)[0, 0]
    #expect(abs(output - (4 * tanh(-2.0) + 0.5)) < 1e-15)
  }

  /// Two units and a block, by hand: h = (1, −2); h · W + b = (−1 + 3, 2 − 4) = (2, −2), leaky
  /// (2, −0.2); times V and added to h, (1 + 2, −2 − 0.4); 3 · 10 − 2.4 · 100 + ½.
  @Test func residualNetworkIsItsFormula() throws {
    let network = ResidualNetwork(inputs: 1, width: 2, blocks: 1, outputs: 1)
    let parameters = [
      try Matrix([[1, -2]]),
      try Matrix([[-1, 0], [0, -1]]), try Matrix([[3, -4]]), try Matrix([[1, 0], [0, 2]]),
      try Matrix([[10], [100]]), Matrix(0.5),
    ]
    #expect(abs(Self.outputs(network, Matrix(1), parameters)[0, 0] - -209.5) < 1e-12)
    let plain = ResidualNetwork(inputs: 1, width: 2, blocks: 0, outputs: 1)
    let outer = [parameters[0], parameters[4], parameters[5]]
    #expect(Self.outputs(plain, Matrix(1), outer)[0, 0] == 10 - 200 + 0.5)
  }

  /// Each parameter counts, and the head's are those that ANIL adapts.
  @Test(arguments: Setting.all)
  func everyParameterHasAGradient(_ setting: Setting) throws {
    let problem = try setting.problem(seed: 1)
    let gradient = problem.metaGradient(.joint).gradient
    for (parameter, value) in zip(gradient.descriptions, gradient.values) {
      #expect(value.elements.contains { abs($0) > 1e-3 }, "\(parameter.name)")
    }
    let adapted = Set(problem.metaGradient(.anil).paths.map(\.parameter))
    #expect(adapted == ["W", "b"])
  }

  @Test(arguments: Setting.all)
  func derivativesAreRightToOrderThree(_ setting: Setting) throws {
    var generator = SeededGenerator(seed: 2)
    let problem = try setting.problem(seed: 3)
    let points = problem.tasks[0].query
    let checks = checkDerivatives(
      of: { variables in
        setting.network(
          variables[0].tape.constant(points.inputs),
          Parameters(setting.network.parameters, variables))
      }, at: problem.parameters.values, using: &generator)
    for check in checks { #expect(check.passes(), "\(check)") }
  }
}
