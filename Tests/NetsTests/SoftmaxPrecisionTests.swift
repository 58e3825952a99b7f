import Nets
import Tape
import TestSupport
import Testing

/// Softmax keeps its digits however large the logits are: exact numbers by mpmath at 50 digits, for the
/// logits c + ½, c + ¾, c + ½ of the network `relu [1,3]` and the first class as target.
///
/// JAX 0.10 in float64 is off by 2·10⁻¹⁷, 9·10⁻¹⁷, 1.4·10⁻¹⁶ and 4.3·10⁻¹⁶ at orders 0 to 3, whatever c.
@Suite struct SoftmaxPrecisionTests {
  static let value = 1.1890699311119190318
  static let exact: [[Double]] = [
    [-0.69549565757971596294, 0.39099131515943192588, 0.30450434242028403706],
    [0.40353710722039935247, -0.65482204323065668641, 0.25128493601025733394],
    [-0.025151876387434893566, 0.37771477439019813034, -0.35256289800276323677],
  ]

  @Test(arguments: [0, 20, 30, 40])
  func everyOrderKeepsItsDigits(_ exponent: Int) throws {
    let c = exponent == 0 ? 0 : Double(sign: .plus, exponent: exponent, significand: 1)
    let tape = GradientTape()
    let network = ReLUNetwork(sizes: [1, 3])
    let bias = tape.input(try Matrix([[c, c + 1, c - 0.5]]))
    let outputs = network(
      tape.constant(1),
      Parameters(network.parameters, [tape.constant(try Matrix([[0.5, -0.25, 1]])), bias]))
    let loss = Loss.softmaxCrossEntropy(outputs, tape.constant(try Matrix([[1, 0, 0]])))
    #expect(abs(loss.scalar - Self.value) <= 2.3e-16)

    let direction = tape.constant(try Matrix([[1, -2, 0.5]]))
    var slope = loss
    for (order, exact) in Self.exact.enumerated() {
      let gradient = gradient(of: slope, wrt: bias)
      let off = relativeDistance([gradient.value], [try Matrix([exact])])
      #expect(off <= [2e-16, 3e-16, 9e-16][order], "2^\(exponent), order \(order + 1)")
      slope = (gradient * direction).sum()
    }
    // A program may write the result over the operand.
    let program = Program(inputs: [bias], outputs: [gradient(of: loss, wrt: bias)])
    let replayed = program.run([bias.value])[0]
    #expect(bits([replayed]) == bits([gradient(of: loss, wrt: bias).value]))
  }

  /// The pullback of `logSumExp` is the same softmax.
  @Test func rowsOfTheSoftmaxSumToOne() throws {
    let logits = try Matrix([[0x1p40, 0x1p40 + 1, 0x1p40 - 0.5]])
    let softmax = gradient(at: logits) { $0.logSumExp().sum() }
    #expect(abs(softmax.elements.reduce(0, +) - 1) <= 3e-16)
    let tape = GradientTape()
    #expect(bits([tape.input(logits).softmax().value]) == bits([softmax]))
  }
}
