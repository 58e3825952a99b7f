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
    let gram = body.transposed.times(body)
    let shrink = Matrix.identity(body.columns).adding(gram, scale: -alpha)
    let output = body.times(head)
    let trace = (0..<body.rows).reduce(0) { $0 + loss.covariance[$1, $1] }
    let size = output.elements.reduce(0) { $0 + $1 * $1 } + trace + loss.noiseVariance
    let kept = shrink.times(head)
    let signal = body.transposed.times(loss.covariance).times(body)
    let spread = body.transposed.times(output)
    let inner = spread.times(spread.transposed).adding(signal).adding(gram, scale: size)
    let s = kept.times(kept.transposed).adding(signal, scale: alpha * alpha)
      .adding(inner, scale: alpha * alpha / m)
    return (
      body.adding(body.times(s), scale: -outerRate)
        .adding(loss.covariance.times(body), scale: alpha * outerRate),
      head.adding(gram.times(kept), scale: -outerRate)
    )
  }
}
