public import Tape

/// The sine of the largest principal angle between the column spaces of two matrices: 0 if the first
/// lies in the second, 1 if some direction of it is orthogonal to the second.
///
/// - Parameters:
///   - estimate: d×k.
///   - truth: d×k, with orthonormal columns.
/// - Returns: Nil if the columns of the estimate are linearly dependent.
/// - Reference: dist(B, B*) in Collins et al., *MAML and ANIL provably learn representations* (2022).
public func subspaceDistance(_ estimate: Matrix, from truth: Matrix) -> Double? {
  guard let basis = estimate.orthonormalized else { return nil }
  let inside = truth.matmul(truth.transposed.matmul(basis))
  return min(1, (basis - inside).singularValues[0])
}
