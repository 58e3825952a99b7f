import Foundation
import Nets
import Tape
import TestSupport
import Testing

@Suite struct LossTests {
  static func value(_ loss: Loss, _ outputs: Matrix, _ targets: Matrix) -> Double {
    let tape = GradientTape()
    return loss(tape.input(outputs), tape.input(targets)).scalar
  }

  @Test func squaredErrorsAreMeansOverAllEntries() throws {
    let outputs = try Matrix([[1, 2], [3, 4]])
    let targets = try Matrix([[0, 2], [3, 2]])
    #expect(Self.value(.meanSquaredError, outputs, targets) == 1.25)
    #expect(Self.value(.halfMeanSquaredError, outputs, targets) == 0.625)
  }

  @Test func crossEntropyIsAMeanOverRows() throws {
    let outputs = try Matrix([[log(3), 0], [0, 0]])
    let targets = try Matrix([[1, 0], [0.25, 0.75]])
    let expected = (-log(0.75) + log(2)) / 2
    #expect(abs(Self.value(.softmaxCrossEntropy, outputs, targets) - expected) < 1e-15)
    // Targets need not sum to one.
    let double = try Matrix([[2, 0], [0.5, 1.5]])
    #expect(abs(Self.value(.softmaxCrossEntropy, outputs, double) - 2 * expected) < 1e-15)
  }

  @Test func crossEntropyIsStable() throws {
    let outputs = try Matrix([[1e4, 0, -1e4]])
    let right = Self.value(.softmaxCrossEntropy, outputs, try Matrix([[1, 0, 0]]))
    let wrong = Self.value(.softmaxCrossEntropy, outputs, try Matrix([[0, 0, 1]]))
    #expect(right == 0)
    #expect(wrong == 2e4)
  }

  @Test(arguments: Loss.allCases)
  func derivativesAgreeWithDifferences(_ loss: Loss) {
    var generator = SeededGenerator(seed: 4)
    let points = randomMatrices([Shape(3, 4), Shape(3, 4)], using: &generator)
    let findings = checkDerivatives(
      of: { loss($0[0], $0[1]) }, at: points, orders: 3, using: &generator)
    #expect(findings.allSatisfy { $0.passes() }, "\(findings)")
  }

  @Test func shapesMustBeEqual() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let tape = GradientTape()
      let outputs = tape.input(Matrix(Shape(3, 2), repeating: 0))
      _ = Loss.meanSquaredError(outputs, tape.input(Matrix(Shape(1, 2), repeating: 0)))
    }
    #expect(
      standardError(result).contains("mean-squared-error: outputs are 3×2, but targets are 1×2"))
  }
}
