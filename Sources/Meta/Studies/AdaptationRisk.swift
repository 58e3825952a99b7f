import Meta
import Nets
import Tape

/// How well a learnt representation serves new tasks, beside estimates that do not use it.
public struct AdaptationRisk: Codable, Sendable {
  /// The points of the new task.
  public let points: Int
  /// What was done with them.
  public let estimate: Estimate
  /// The mean over tasks of ‖θ − B*w*‖², the excess risk for inputs from N(0, I).
  public let mean: Double
  /// The standard error of the mean.
  public let standardError: Double
  /// The expectation, where it is known in closed form.
  public let closedForm: Double?

  init(points: Int, estimate: Estimate, errors: [Double], closedForm: Double?) {
    let sample = SampleMean(errors)
    (mean, standardError) = (sample.mean, sample.standardError)
    (self.points, self.estimate, self.closedForm) = (points, estimate, closedForm)
  }

  /// An estimate of a task's regression vector.
  public enum Estimate: String, CaseIterable, Codable, Sendable {
    /// One gradient step from the learnt head, as in the inner loop.
    case oneStep = "one gradient step"
    /// Ridge regression on the learnt features XB.
    case learntRidge = "ridge on the learnt representation"
    /// Ridge regression on the features XB̂, B̂ the leading eigenvectors of the tasks' second moment.
    case moments = "method of moments"
    /// Ridge regression on the features XB*, which nobody knows.
    case oracleRidge = "ridge knowing the representation"
    /// Ridge regression on the inputs alone.
    case singleTask = "ridge on one task"
  }
}

extension OverparametrizationStudy {
  /// Measures the excess risk on fresh tasks.
  ///
  /// Every ridge penalty is the one that is optimal for an isotropic prior on its own features of the
  /// tasks' total variance: σ² tr(FFᵀ)/tr Σ* for features F.
  ///
  /// - Parameters:
  ///   - run: What was learnt.
  ///   - points: How many points of a new task are seen.
  ///   - tasks: How many tasks are drawn, at least two.
  public func risks(_ run: Run, points: Int, tasks: Int) -> [AdaptationRisk] {
    var generator = SeededGenerator(seed: run.seed &+ 0x7E57 &+ UInt64(points))
    let truth = run.truth.representation
    let moments = leadingEigenvectors(run.moment, rank, using: &generator)
    let features: [(AdaptationRisk.Estimate, Matrix)] = [
      (.learntRidge, run.body), (.moments, moments), (.oracleRidge, truth),
      (.singleTask, .identity(dimension)),
    ]
    var errors: [AdaptationRisk.Estimate: [Double]] = [:]
    for _ in 0..<tasks {
      let weights = run.truth.weights(using: &generator)
      let data = run.truth.points(points, weights, using: &generator)
      func append(_ estimate: AdaptationRisk.Estimate, _ vector: Matrix) {
        let error = (vector - weights).elements.reduce(0) { $0 + $1 * $1 }
        errors[estimate, default: []].append(error)
      }
      let residual = data.inputs.matmul(run.body.matmul(run.head)) - data.targets
      let slope = run.body.transposed.matmul(data.inputs.transposed.matmul(residual))
      append(
        .oneStep, run.body.matmul(run.head - (innerRate / Double(points)) * slope))
      for (estimate, feature) in features { append(estimate, ridge(data, feature)) }
    }
    let loss = expectedLoss(run.truth)
    return AdaptationRisk.Estimate.allCases.map { estimate in
      AdaptationRisk(
        points: points, estimate: estimate, errors: errors[estimate] ?? [],
        closedForm: estimate == .oneStep
          ? loss.risk(body: run.body, head: run.head, points: points) : nil)
    }
  }

  /// Fu with u the minimiser of ‖XFu − y‖² + λ‖u‖², solved in the smaller of both dimensions; NaN where the features
  /// are not finite.
  func ridge(_ data: LabelledPoints<Matrix>, _ features: Matrix) -> Matrix {
    let signal = spectrum.reduce(0, +)
    let size = features.elements.reduce(0) { $0 + $1 * $1 }
    let penalty = max(noiseVariance, 1e-9) * size / max(signal, 1e-12)
    let seen = data.inputs.matmul(features)
    // In the smaller of both spaces: (XF)ᵀ(XF(XF)ᵀ + λI)⁻¹y where points are few.
    let isDual = seen.rows < seen.columns
    let square = isDual ? seen.matmul(seen.transposed) : seen.transposed.matmul(seen)
    let right = isDual ? data.targets : seen.transposed.matmul(data.targets)
    let trace = (0..<square.rows).reduce(0) { $0 + square[$1, $1] }
    if trace == 0 { return Matrix(Shape(features.rows, 1), repeating: 0) }
    // Next to large features a small penalty is lost to rounding, and the equations are singular.
    for penalty in [penalty, 1e-11 * trace] {
      if let solution = (square + penalty * .identity(square.rows)).solving(right) {
        return features.matmul(isDual ? seen.transposed.matmul(solution) : solution)
      }
    }
    return Matrix(Shape(features.rows, 1), repeating: .nan)
  }

  /// Orthonormal columns that span the leading eigenvectors of a symmetric matrix, by orthogonal
  /// iteration.
  private func leadingEigenvectors(
    _ matrix: Matrix, _ count: Int, using generator: inout SeededGenerator
  ) -> Matrix {
    var basis = Matrix.orthonormal(Shape(matrix.rows, count), using: &generator)
    for _ in 0..<500 {
      guard let next = matrix.matmul(basis).orthonormalized else { break }
      basis = next
    }
    return basis
  }
}
