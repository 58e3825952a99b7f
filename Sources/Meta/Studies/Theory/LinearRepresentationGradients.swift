import Meta
import Nets
import Tape

/// The closed-form meta-gradients of one step on one linear task, in expectation over its points.
///
/// The loss is ½‖Bw − B*w*‖², that of inputs with identity covariance and no noise. These are an
/// oracle for the engine: they are derived by hand, and no sweep takes part.
///
/// With v = Bw − B*w*, the adapted head is wᵢ = w − αBᵀv, and MAML's adapted body Bᵢ = B − αvwᵀ.
/// - joint: ∂B = vwᵀ, ∂w = Bᵀv.
/// - FO-ANIL: with u = Bwᵢ − B*w*, ∂B = uwᵢᵀ, ∂w = Bᵀu.
/// - ANIL: ∂B = uwᵢᵀ − αBBᵀuwᵀ − αvuᵀB, ∂w = (I − αBᵀB)Bᵀu.
/// - FO-MAML: with u = Bᵢwᵢ − B*w*, ∂B = uwᵢᵀ =: F, ∂w = Bᵢᵀu =: f.
/// - MAML: ∂B = F − α(Fwwᵀ + Bfwᵀ + vfᵀ), ∂w = f − α(Fᵀv + BᵀFw + BᵀBf).
///
/// - Reference: the set-up of Collins et al., *MAML and ANIL provably learn representations* (2022);
///   the exact gradients follow by the product rule from the Hessian of the loss.
public enum LinearRepresentationGradients {
  /// The meta-gradient at `body` (d×k) and `head` (k×1) for the task with regression vector `truth`,
  /// which is B*w* (d×1).
  ///
  /// - Returns: The gradients with respect to body and head, of their shapes.
  /// - Precondition: Shapes fit; otherwise the operation that finds it stops with a message.
  public static func gradient(
    _ method: Method, body: Matrix, head: Matrix, truth: Matrix, rate: Double
  ) -> (body: Matrix, head: Matrix) {
    // A tape serves as a calculator here: nothing on it is differentiated.
    let tape = GradientTape()
    let (b, w, target) = (tape.constant(body), tape.constant(head), tape.constant(truth))
    let v = b.matmul(w) - target
    let adaptedHead = w - rate * b.transposedMatmul(v)

    switch method {
    case .joint:
      return (v.matmulTransposed(w).value, b.transposedMatmul(v).value)
    case .firstOrderANIL, .anil:
      let u = b.matmul(adaptedHead) - target
      let headGradient = b.transposedMatmul(u)
      let bodyGradient = u.matmulTransposed(adaptedHead)
      if method == .firstOrderANIL { return (bodyGradient.value, headGradient.value) }
      let cut =
        b.matmul(headGradient).matmulTransposed(w) + v.matmul(u.transposedMatmul(b))
      return (
        (bodyGradient - rate * cut).value,
        (headGradient - rate * b.transposedMatmul(b.matmul(headGradient))).value
      )
    case .firstOrderMAML, .maml:
      let adaptedBody = b - rate * v.matmulTransposed(w)
      let u = adaptedBody.matmul(adaptedHead) - target
      let outer = u.matmulTransposed(adaptedHead)
      let inner = adaptedBody.transposedMatmul(u)
      if method == .firstOrderMAML { return (outer.value, inner.value) }
      let outerW = outer.matmul(w)
      let cutBody =
        outerW.matmulTransposed(w) + b.matmul(inner).matmulTransposed(w)
        + v.matmulTransposed(inner)
      let cutHead =
        outer.transposedMatmul(v) + b.transposedMatmul(outerW)
        + b.transposedMatmul(b.matmul(inner))
      return ((outer - rate * cutBody).value, (inner - rate * cutHead).value)
    }
  }
}
