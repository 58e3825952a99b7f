import Foundation
import Nets
import Tape
import TestSupport
import Testing

@Suite struct ParametersTests {
  static func parameters(seed: UInt64) -> Parameters<Matrix> {
    var generator = SeededGenerator(seed: seed)
    return ReLUNetwork(sizes: [2, 3, 1]).initialParameters(using: &generator)
  }

  @Test func arithmeticIsThatOfTheVector() {
    let (a, b) = (Self.parameters(seed: 1), Self.parameters(seed: 2))
    let sum = zip(a.flattened, b.flattened).map { $0 + $1 }
    #expect((a + b).flattened == sum)
    let difference = zip(a.flattened, b.flattened).map { $0 - $1 }
    #expect((a - b).flattened == difference)
    let double = a.flattened.map { 2 * $0 }
    #expect((2 * a).flattened == double)
    #expect(a * 2 == 2 * a)
    let product = zip(a.flattened, b.flattened).map { $0 * $1 }.reduce(0, +)
    #expect(abs(a.dot(b) - product) < 1e-15)
    #expect(Parameters(a.descriptions, flattened: a.flattened) == a)
    #expect(a.combined(with: b) { $0.dot($1) }.values.reduce(0, +) == a.dot(b))
  }

  @Test func filesHoldDescriptionsAndValues() throws {
    let a = Self.parameters(seed: 3)
    let data = try JSONEncoder().encode(a)
    #expect(try JSONDecoder().decode(Parameters<Matrix>.self, from: data) == a)
    let text = #"{"descriptions": [], "values": [{"rows": 1, "columns": 1, "values": [1]}]}"#
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(Parameters<Matrix>.self, from: Data(text.utf8))
    }
  }

  /// Weights and biases are told apart by what the network says, not by a name.
  @Test func anyNetworkHasInitialParameters() {
    struct Named: Network {
      let inputWidth = 1, outputWidth = 1
      let parameters = [
        ParameterDescription(name: "slope", shape: Shape(1, 1), role: .body),
        ParameterDescription(name: "Wert", shape: Shape(1, 1), role: .head, kind: .bias),
      ]
      func callAsFunction(_ x: Variable, _ parameters: Parameters<Variable>) -> Variable { x }
    }
    var generator = SeededGenerator(seed: 4)
    let drawn = Named().initialParameters(using: &generator)
    #expect(drawn[0] != Matrix(0) && drawn[1] == Matrix(0))
    var (one, other) = (SeededGenerator(seed: 5), SeededGenerator(seed: 5))
    let linear: any Network = LinearTwoLayer(inputs: 4, width: 2, outputs: 1)
    #expect(
      linear.initialParameters(gain: 3, using: &one)[0]
        == .gaussian(Shape(4, 2), deviation: 1.5, using: &other))
  }

  @Test func mistakesStopWithAMessage() async {
    let sum = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var generator = SeededGenerator(seed: 1)
      _ =
        LinearModel(inputs: 2).initialParameters(using: &generator)
        + LinearModel(inputs: 3).initialParameters(using: &generator)
    }
    #expect(standardError(sum).contains(#"["w 2×1"] and ["w 3×1"] do not go together"#))
    let flat = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Parameters(LinearModel(inputs: 2).parameters, flattened: [1])
    }
    #expect(standardError(flat).contains("1 entries, but 2 are needed"))
  }
}
