import Foundation
import Nets
import Tape
import TestSupport
import Testing

@Suite struct NetworkTests {
  @Test func linearTwoLayerIsAProductOfThree() throws {
    let network = LinearTwoLayer(inputs: 2, width: 1, outputs: 2)
    #expect(network.parameters.map(\.name) == ["B", "W"])
    #expect(network.parameters.map(\.shape) == [Shape(2, 1), Shape(1, 2)])
    #expect(network.parameters.map(\.role) == [.body, .head])
    let tape = GradientTape()
    let parameters = Parameters(
      network.parameters, [try Matrix([[1], [2]]), try Matrix([[3, -1]])]
    ).recorded(on: tape)
    let outputs = network(tape.input(try Matrix([[1, 1], [0, 2]])), parameters)
    #expect(outputs.value == (try Matrix([[9, -3], [12, -4]])))
  }

  @Test func reluNetworkIsRectifiedBetweenItsLayersOnly() throws {
    let network = ReLUNetwork(sizes: [2, 2, 1])
    #expect(network.parameters.map(\.name) == ["W1", "b1", "W2", "b2"])
    #expect(network.parameters.map(\.role) == [.body, .body, .head, .head])
    #expect((network.inputWidth, network.outputWidth) == (2, 1))
    let tape = GradientTape()
    let parameters = Parameters(
      network.parameters,
      [
        try Matrix([[1, -1], [2, 1]]), try Matrix([[0.5, -0.5]]), try Matrix([[-1], [1]]),
        try Matrix([[-10]]),
      ]
    ).recorded(on: tape)
    // Hidden: (1+4+.5, −1+2−.5) = (5.5, .5) and (−3+.5, −.5) → (0, 0) after the relu.
    let outputs = network(tape.input(try Matrix([[1, 2], [1, -2]])), parameters)
    #expect(outputs.value == (try Matrix([[-15], [-10]])))
  }

  @Test(arguments: [[3, 2], [1, 40, 40, 1], [4, 3, 2, 5]])
  func reluNetworksOfAnySizeAgreeWithALoop(_ sizes: [Int]) {
    var generator = SeededGenerator(seed: 3)
    let network = ReLUNetwork(sizes: sizes)
    let values = network.parameters.map { Matrix.gaussian($0.shape, using: &generator) }
    let inputs = Matrix.gaussian(Shape(6, sizes[0]), using: &generator)
    var expected = inputs
    for layer in 1..<sizes.count {
      let (weights, bias) = (values[2 * layer - 2], values[2 * layer - 1])
      expected = Matrix(Shape(6, sizes[layer])) { row, column in
        let sum = (0..<weights.rows).reduce(bias[0, column]) {
          $0 + expected[row, $1] * weights[$1, column]
        }
        return layer < sizes.count - 1 ? max(0, sum) : sum
      }
    }
    let tape = GradientTape()
    let outputs = network(
      tape.input(inputs), Parameters(network.parameters, values).recorded(on: tape))
    #expect(relativeDistance([outputs.value], [expected]) < 1e-13)
  }

  @Test func parametersKnowNamesAndRoles() {
    let network = ReLUNetwork(sizes: [1, 2, 1])
    var parameters = Parameters(network.parameters, [1, 2, 3, 4])
    #expect(parameters.positions(of: .head) == [2, 3])
    #expect(parameters["b1"] == 2)
    #expect(parameters.contains("b1") && !parameters.contains("b3"))
    #expect(parameters.names == ["W1", "b1", "W2", "b2"])
    parameters[1] = 7
    #expect(parameters.map { 2 * $0 }.values == [2, 14, 6, 8])
    #expect(parameters.count == 4)
  }

  @Test func mistakesStopWithAMessage() async {
    let sizes = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = ReLUNetwork(sizes: [3])
    }
    #expect(standardError(sizes).contains("ReLUNetwork: at least two sizes"))
    let counts = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Parameters(ReLUNetwork(sizes: [1, 1]).parameters, [1])
    }
    #expect(standardError(counts).contains("Parameters: 2 descriptions, but 1 values"))
    let names = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let parameters = Parameters(ReLUNetwork(sizes: [1, 1]).parameters, [1, 2])
      _ = parameters["b3"]
    }
    #expect(
      standardError(names).contains("Parameters: nothing is called 'b3'; there are W1, b1"))
  }
}
