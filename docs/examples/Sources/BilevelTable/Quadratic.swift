import Meta
import Tape

/// Least squares inside and outside, in plain matrices: what unrolled descent on a quadratic does is known in
/// closed form.
///
/// The inner loss is ½θᵀHθ − bᵀθ and a constant; the outer loss is one of the same kind. Nothing here
/// comes from a tape.
struct Quadratic {
  /// The Hessian H of the inner loss, and b.
  var hessian, linear: Matrix
  /// The same of the outer loss.
  let outerHessian, outerLinear: Matrix
  /// Where the descent starts.
  let start: Matrix
  /// The rate α, and the number of steps T.
  let rate: Double
  let steps: Int

  /// Half the mean square of x · θ − y, of the points inside and of those outside.
  init(
    inner: LabelledPoints<Matrix>, outer: LabelledPoints<Matrix>, start: Matrix, rate: Double,
    steps: Int
  ) {
    func gram(_ points: LabelledPoints<Matrix>) -> (Matrix, Matrix) {
      let scaled = points.inputs.transposed / Double(points.inputs.rows)
      return (scaled.matmul(points.inputs), scaled.matmul(points.targets))
    }
    (hessian, linear) = gram(inner)
    (outerHessian, outerLinear) = gram(outer)
    (self.start, self.rate, self.steps) = (start, rate, steps)
  }

  /// The same with λ/2 · ‖θ − anchor‖² added to the inner loss.
  func regularized(_ strength: Double, around anchor: Matrix) -> Quadratic {
    var copy = self
    copy.hessian += strength * Matrix.identity(hessian.rows)
    copy.linear += strength * anchor
    return copy
  }

  /// θ* = H⁻¹b.
  var optimum: Matrix { solving(linear) }

  /// H⁻¹ · `right`.
  func solving(_ right: Matrix) -> Matrix {
    guard let solution = hessian.solving(right) else { fatalError("H is singular") }
    return solution
  }

  /// Pᵏ · `vector`, P being I − αH.
  func contracted(_ vector: Matrix, times k: Int) -> Matrix {
    (0..<k).reduce(vector) { sofar, _ in sofar - rate * hessian.matmul(sofar) }
  }

  /// θ_T = θ* + P^T(θ₀ − θ*).
  var end: Matrix { optimum + contracted(start - optimum, times: steps) }

  /// V, the gradient of the outer loss at θ_T.
  var outerGradient: Matrix { outerHessian.matmul(end) - outerLinear }

  /// P^T V: the derivative by θ₀.
  var byStart: Matrix { contracted(outerGradient, times: steps) }

  /// −T · H P^(T−1)(θ₀ − θ*) · V: the derivative by α.
  var byRate: Double {
    -Double(steps)
      * hessian.matmul(contracted(start - optimum, times: steps - 1)).dot(outerGradient)
  }

  /// The derivative by λ where the inner loss has λ/2 · ‖θ − anchor‖² in it: with D = ∂θ*/∂λ = −H⁻¹(θ* − anchor),
  /// it is V · (D − P^T D − αT · P^(T−1)(θ₀ − θ*)).
  func byStrength(around anchor: Matrix) -> Double {
    let ofOptimum = -1 * solving(optimum - anchor)
    let lag = contracted(start - optimum, times: steps - 1) * (rate * Double(steps))
    return (ofOptimum - contracted(ofOptimum, times: steps) - lag).dot(outerGradient)
  }

  /// By step and entry, the derivative −gₜ ⊙ vₜ₊₁ by the rate of that entry in that step; vₜ₊₁ is P^(T−1−t) V.
  var byStepAndEntry: [Matrix] {
    (0..<steps).map { step in
      let gradient = hessian.matmul(contracted(start - optimum, times: step))
      let carried = contracted(outerGradient, times: steps - 1 - step)
      return Matrix(start.shape) { row, _ in -gradient[row, 0] * carried[row, 0] }
    }
  }
}
