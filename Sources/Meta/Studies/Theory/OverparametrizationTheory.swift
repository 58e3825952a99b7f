import Meta
import Tape

/// What is known of first-order ANIL with a wide linear network and infinitely many tasks.
///
/// With G = BᵀB, D = I − αG, M = B*Σ*B*ᵀ and R = tr Σ* + σ²:
/// w⁺ = w − βGDw and B⁺ = B − βBS + αβMB, where
/// S = Dwwᵀ D + α²BᵀMB + (α²/m)[Bᵀ(BwwᵀBᵀ + M)B + (‖Bw‖² + R)G].
///
/// - Reference: the recursion and its limits in Yüksel, Boursier and Flammarion, *First-order ANIL
///   provably learns representations despite overparametrization* (2024).
public enum OverparametrizationTheory {
  /// The eigenvalues of Λ*, to which B*ᵀBBᵀB* goes, in the order of the spectrum of Σ*:
  /// (1/α)(m/(m+1))(1 − 1/((m+1)c/R + 1)) for each eigenvalue c.
  public static func limit(
    spectrum: [Double], noiseVariance: Double, innerRate: Double, samples: Int
  ) -> [Double] {
    let m = Double(samples)
    let total = spectrum.reduce(0, +) + noiseVariance
    return spectrum.map { m / (m + 1) * (1 - 1 / ((m + 1) * $0 / total + 1)) / innerRate }
  }

  /// How much the inverse square of a singular value of the orthogonal part grows in each outer step
  /// once the signal has converged, 2βα²R/m: so the square itself falls as 1/t.
  public static func unlearning(
    spectrum: [Double], noiseVariance: Double, innerRate: Double, outerRate: Double, samples: Int
  ) -> Double {
    let total = spectrum.reduce(0, +) + noiseVariance
    return 2 * outerRate * innerRate * innerRate * total / Double(samples)
  }

  /// One outer step by the recursion, an oracle for the engine.
  public static func step(
    _ loss: ExpectedANILLoss, body: Matrix, head: Matrix, outerRate: Double
  ) -> (body: Matrix, head: Matrix) {
    let (alpha, m) = (loss.innerRate, Double(loss.samples))
    let gram = body.transposed.matmul(body)
    let shrink = Matrix.identity(body.columns) - alpha * gram
    let output = body.matmul(head)
    let trace = (0..<body.rows).reduce(0) { $0 + loss.covariance[$1, $1] }
    let size = output.dot(output) + trace + loss.noiseVariance
    let kept = shrink.matmul(head)
    let signal = body.transposed.matmul(loss.covariance).matmul(body)
    let spread = body.transposed.matmul(output)
    let inner = spread.matmul(spread.transposed) + signal + size * gram
    let s =
      kept.matmul(kept.transposed) + (alpha * alpha) * signal + (alpha * alpha / m) * inner
    let pull = (alpha * outerRate) * loss.covariance.matmul(body)
    return (body - outerRate * body.matmul(s) + pull, head - outerRate * gram.matmul(kept))
  }
}
