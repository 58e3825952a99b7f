import Meta
import Nets
import Tape
import TestSupport
import Testing

@Suite struct LargestEigenvalueTests {
  static func operation(_ eigenvalues: [Double], seed: UInt64) -> Matrix {
    var generator = SeededGenerator(seed: seed)
    let count = eigenvalues.count
    let basis = Matrix.orthonormal(Shape(count, count), using: &generator)
    return basis.matmul(.diagonal(eigenvalues)).matmul(basis.transposed)
  }

  /// Spectra on which power iteration stalls: many eigenvalues within a millionth, or a slow decay.
  @Test func digitsAreThoseOfTheBound() {
    var generator = SeededGenerator(seed: 5)
    let ranks = (0..<60).map(Double.init)
    let spectra: [[Double]] = [
      ranks.map { 1 - 1e-6 * $0 }, ranks.map { 1 - $0 * $0 / 3600 },
      ranks.map { $0 < 3 ? 1 : 0.999 / $0 }, ranks.map { 1e-9 / (1 + $0) }, ranks.map { _ in 2 },
    ]
    let operations = spectra.indices.map { Self.operation(spectra[$0], seed: UInt64($0)) }
    let starts = spectra.map { _ in Matrix.gaussian(Shape(1, 60), using: &generator).elements }
    var calls = 0
    func estimates(_ iterations: Int) -> [EigenvalueEstimate] {
      largestEigenvalues(from: starts, tolerance: 1e-9, iterations: iterations) { directions in
        calls += 1
        return zip(operations, directions).map { operation, direction in
          operation.matmul(Matrix(Shape(60, 1)) { row, _ in direction[row] }).elements
        }
      }
    }
    for (estimate, spectrum) in zip(estimates(500), spectra) {
      #expect(abs(estimate.value / spectrum[0] - 1) < 1e-12)
      #expect(estimate.bound <= 1e-9 * spectrum[0])
    }
    #expect(calls <= 60)
    // Stopped early, the bound still holds for some eigenvalue.
    for (estimate, spectrum) in zip(estimates(4), spectra) {
      let nearest = spectrum.map { abs($0 - estimate.value) }.min() ?? 0
      #expect(nearest <= estimate.bound + 1e-15 * spectrum[0])
      #expect(estimate.value <= spectrum[0] * (1 + 1e-14))
    }
  }

  @Test func whatHasNoSpectrumIsSaid() {
    func estimate(_ start: [Double], _ apply: @escaping ([Double]) -> [Double]) -> Double {
      largestEigenvalues(from: [start], tolerance: 1e-9, iterations: 9) { $0.map(apply) }[0].value
    }
    #expect(estimate([1, 2]) { _ in [0, 0] } == 0)
    #expect(abs(estimate([3]) { $0.map { 5 * $0 } } - 5) < 1e-14)
    #expect(!estimate([1, 2]) { _ in [.infinity, 1] }.isFinite)
    #expect(!estimate([1, 2]) { _ in [.nan, 1] }.isFinite)
  }
}
