import Foundation
package import Meta
package import Nets
package import Tape

/// The distance of two lists of matrices, relative to the largest entry of the second.
package func relativeDistance(_ a: [Matrix], _ b: [Matrix]) -> Double {
  guard a.map(\.shape) == b.map(\.shape) else { return .infinity }
  let pairs = zip(a.flattened, b.flattened)
  let distance = pairs.reduce(0) { max($0, abs($1.0 - $1.1)) }
  let size = b.flattened.reduce(0) { max($0, abs($1)) }
  if !(a + b).flattened.allSatisfy(\.isFinite) { return .infinity }
  return distance == 0 ? 0 : distance / (size > 0 ? size : 1)
}

/// Σ ⟨aᵢ, bᵢ⟩.
package func inner(_ a: [Matrix], _ b: [Matrix]) -> Double {
  zip(a.flattened, b.flattened).reduce(0) { $0 + $1.0 * $1.1 }
}

/// One random matrix of each shape.
package func randomMatrices(
  _ shapes: [Shape], in range: ClosedRange<Double> = -2...2,
  using generator: inout some RandomNumberGenerator
) -> [Matrix] {
  var matrices: [Matrix] = []
  for shape in shapes { matrices.append(randomMatrix(shape, in: range, &generator)) }
  return matrices
}

/// The bits of every entry, so that equality also tells −0 from 0 and holds for NaN.
package func bits(_ matrices: [Matrix]) -> [[UInt64]] {
  matrices.map { $0.elements.map(\.bitPattern) }
}

/// A problem with random data, of the given network and sizes.
package func randomProblem(
  _ network: any Network, loss: Loss, steps: Int, rate: Double = 0.1, tasks: Int = 2,
  points: (support: Int, query: Int) = (4, 5), using generator: inout some RandomNumberGenerator
) throws -> MetaProblem {
  let parameters = network.parameters.map {
    Matrix.gaussian($0.shape, deviation: 0.7, using: &generator)
  }
  func labelled(_ count: Int) -> LabelledPoints<Matrix> {
    let targets = Matrix.gaussian(Shape(count, network.outputWidth), using: &generator)
    return LabelledPoints(
      inputs: .gaussian(Shape(count, network.inputWidth), using: &generator),
      targets: loss == .softmaxCrossEntropy ? softmax(targets) : targets)
  }
  return try MetaProblem(
    network: network, loss: loss, parameters: parameters, steps: steps, learningRate: rate,
    tasks: (0..<tasks).map { _ in
      LearningTask(support: labelled(points.support), query: labelled(points.query))
    })
}

private func softmax(_ matrix: Matrix) -> Matrix {
  Matrix(matrix.shape) { row, column in
    let total = (0..<matrix.columns).reduce(0) { $0 + exp(matrix[row, $1]) }
    return exp(matrix[row, column]) / total
  }
}

/// Momentum, a rule with state: velocity ← decay · velocity + gradient, then a step along it.
package struct HeavyBall: UpdateRule {
  package var decay = 0.9
  package var stateCount: Int { 1 }

  package init() {}

  package func step(_ update: Update, state: inout [Variable]) -> Variable {
    state[0] = decay * state[0] + update.gradient
    return update.value - update.rate * state[0]
  }
}

/// Where the fixtures lie.
package let fixtures = URL(fileURLWithPath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fixtures")

/// The top of the checkout.
package let repository = fixtures.deletingLastPathComponent().deletingLastPathComponent()
