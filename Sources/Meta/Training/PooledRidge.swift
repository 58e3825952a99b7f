public import Tape

/// Ridge regression on the rows of all tasks as if they were one: what a model that knows no tasks makes of them.
///
/// It minimises the mean square over rows plus λ Σw², without a penalty on the intercept. Where all inputs are categories
/// and λ is small, it is the mean of each category.
public struct PooledRidge: Sendable {
  /// The strength λ.
  public let strength: Double
  /// Inputs + 1 × outputs; the last row is the intercept.
  private let weights: Matrix

  /// Fits all rows of all tasks, of support and query alike; where squares of inputs are too large to be added up, it
  /// predicts NaN.
  ///
  /// - Precondition: There is a task, and λ is positive; anything else stops with a message.
  /// - Complexity: O(rows · inputs² + inputs³).
  public init(_ tasks: [LearningTask], strength: Double) {
    guard let first = tasks.first, strength > 0 else {
      stop("PooledRidge: \(tasks.count) tasks, and a strength of \(strength)")
    }
    let width = first.support.inputs.columns
    var (gram, right, rows) = (
      Matrix(Shape(width + 1, width + 1), repeating: 0),
      Matrix(Shape(width + 1, first.support.targets.columns), repeating: 0), 0
    )
    for points in tasks.flatMap({ [$0.support, $0.query] }) {
      let inputs = points.inputs.withOnes
      gram = gram + inputs.transposed.matmul(inputs)
      right = right + inputs.transposed.matmul(points.targets)
      rows += inputs.rows
    }
    for index in 0..<width { gram[index, index] += strength * Double(rows) }
    (self.strength, weights) = (
      strength, gram.solving(right) ?? Matrix(right.shape, repeating: .nan)
    )
  }

  /// Fits with the strength from 10⁻⁶, 10⁻⁵ … 10² that predicts the query rows of other tasks best; 10⁻³ without any.
  ///
  /// - Parameters:
  ///   - tasks: Those that are fitted, at least one.
  ///   - validation: Those by which the strength is chosen.
  public init(_ tasks: [LearningTask], validatedOn validation: [LearningTask]) {
    let candidates = (-6...2).map { power in
      PooledRidge(tasks, strength: scalarExp(Double(power) * scalarLog(10)))
    }
    let best = candidates.filter { $0.error(validation).isFinite }.min {
      $0.error(validation) < $1.error(validation)
    }
    self = validation.isEmpty ? PooledRidge(tasks, strength: 1e-3) : best ?? candidates[0]
  }

  /// What it says of inputs, one a row.
  public func predictions(_ inputs: Matrix) -> Matrix { inputs.withOnes.matmul(weights) }

  private func error(_ tasks: [LearningTask]) -> Double {
    tasks.reduce(0) { sum, task in
      let residuals = predictions(task.query.inputs) - task.query.targets
      return sum + residuals.elements.reduce(0) { $0 + $1 * $1 } / Double(residuals.shape.count)
    }
  }
}

extension Matrix {
  /// The matrix with a column of ones behind its own.
  fileprivate var withOnes: Matrix {
    Matrix(Shape(rows, columns + 1)) { $1 < columns ? self[$0, $1] : 1 }
  }
}

extension MetaProblem {
  /// By task, the query loss of given predictions of its query inputs.
  public func queryLosses(_ predictions: (Matrix) -> Matrix) -> [Double] {
    tasks.map { task in
      let tape = GradientTape()
      return queryLoss(
        tape.constant(predictions(task.query.inputs)), tape.constant(task.query.targets)
      ).value.elements[0]
    }
  }
}
