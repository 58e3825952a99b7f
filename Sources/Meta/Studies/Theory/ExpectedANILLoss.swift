import Meta
import Tape

/// ANIL's meta-loss on linear regressions in expectation over tasks, points and noise: infinitely many
/// tasks, as a function on the tape.
///
/// Heads w* have mean zero, M = B*Σ*B*ᵀ is the covariance of B*w*, inputs are N(0, I), and the inner
/// step sees m points with noise of variance σ². With P = BBᵀ, v = Bw − B*w* and Ĉ the sample
/// covariance, the loss is ½E‖v − αP(Ĉv − ε)‖², where E ĈVĈ = (1 + 1/m)V + (tr V/m)I for Gaussian
/// inputs and Cov ε = (σ²/m)I. The noise of the query points adds a constant, which is left out.
///
/// - Reference: the set-up of Yüksel, Boursier and Flammarion, *First-order ANIL provably learns
///   representations despite overparametrization* (2024); the moment follows from Isserlis' theorem.
public struct ExpectedANILLoss: Sendable {
  /// The covariance M of regression vectors, d×d.
  public let covariance: Matrix
  /// The rate α of the inner step.
  public let innerRate: Double
  /// The points m that the inner step sees.
  public let samples: Int
  /// The variance σ² of the noise in their targets.
  public let noiseVariance: Double

  /// Describes the distribution of tasks and the inner step.
  public init(covariance: Matrix, innerRate: Double, samples: Int, noiseVariance: Double) {
    self.covariance = covariance
    self.innerRate = innerRate
    self.samples = samples
    self.noiseVariance = noiseVariance
  }

  /// Records the loss, 1×1.
  ///
  /// - Parameters:
  ///   - body: B, d×k′.
  ///   - head: w, k′×1.
  ///   - order: Exact, or first order, which takes the inner gradient for a constant: what it depends
  ///     on passes `stopGradient`.
  /// - Precondition: Nothing between the two, for which no expectation is written here; another order
  ///   stops with a message.
  public func callAsFunction(_ body: Variable, _ head: Variable, order: Order) -> Variable {
    if order != .exact, order != .firstOrder {
      stop("ExpectedANILLoss: the order is exact or first order, but is \(order)")
    }
    let tape = body.tape
    let m = Double(samples)
    let truth = tape.constant(covariance)
    let one = tape.constant(.identity(covariance.rows))
    func inner(_ variable: Variable) -> Variable {
      order == .exact ? variable : variable.stopGradient()
    }
    let output = body.matmul(head)
    let seen = inner(body).matmul(inner(head))
    let step = body.matmulTransposed(inner(body))
    let second = seen.matmulTransposed(seen) + truth
    let trace = (seen * seen).sum() + truth.trace()
    let moment = second * (1 + 1 / m) + one * ((trace + noiseVariance) * (1 / m))
    let still = (output * output).sum() + truth.trace()
    let first = (output * step.matmul(seen)).sum() + (step * truth).sum()
    let quadratic = (step.matmul(moment) * step).sum()
    return (still - 2 * innerRate * first + innerRate * innerRate * quadratic) * 0.5
  }

  /// The expected excess risk ‖Bw′ − B*w*‖² of one step on `points` points of a new task.
  public func risk(body: Matrix, head: Matrix, points: Int) -> Double {
    let tape = GradientTape()
    let test = ExpectedANILLoss(
      covariance: covariance, innerRate: innerRate, samples: points, noiseVariance: noiseVariance)
    return 2 * test(tape.constant(body), tape.constant(head), order: .exact).scalar
  }
}

extension Variable {
  /// The sum of the entries on the diagonal.
  fileprivate func trace() -> Variable { (self * tape.constant(.identity(shape.rows))).sum() }
}
