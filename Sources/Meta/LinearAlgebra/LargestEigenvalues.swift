import Nets
import Tape

/// The largest eigenvalue of a symmetric operator, with how far off it may be.
package struct EigenvalueEstimate: Sendable {
  /// The largest Ritz value, never above the largest eigenvalue but for rounding.
  package var value = 0.0
  /// The length of the residual: an eigenvalue lies within this distance of the value, and the square of
  /// it over the gap to the next is nearer to the error.
  package var bound = Double.infinity
}

/// Finds the largest eigenvalues of several symmetric positive semidefinite operators at once.
///
/// - Parameters:
///   - starts: For each operator, a direction that is not orthogonal to its eigenvector: a random one.
///   - tolerance: The bound, relative to the value, at which an operator is done.
///   - iterations: The most products that are asked for.
///   - apply: The products of the operators with a vector each.
/// - Returns: An estimate for each; where a product is not finite, its length, which is not either.
/// - Complexity: *m* products and O(*m*²*n*) operations for *m* iterations in *n* dimensions, most often a few
///   dozen, at most *n*.
/// - Reference: Lanczos's iteration with every direction made orthogonal to all before it, twice: Parlett,
///   *The symmetric eigenvalue problem* (1998), chapter 13.
package func largestEigenvalues(
  from starts: [[Double]], tolerance: Double, iterations: Int,
  of apply: (_ directions: [[Double]]) -> [[Double]]
) -> [EigenvalueEstimate] {
  var searches = starts.map(LanczosSearch.init)
  for _ in 0..<iterations where searches.contains(where: { !$0.isDone }) {
    for (index, product) in apply(searches.map(\.direction)).enumerated() {
      searches[index].extend(by: product, tolerance: tolerance)
    }
  }
  return searches.map(\.estimate)
}

/// An operator as a tridiagonal matrix on the directions that it has been tried on.
private struct LanczosSearch {
  private var basis: [[Double]]
  private var matrix = TridiagonalMatrix()
  private(set) var estimate = EigenvalueEstimate()
  private(set) var isDone = false

  init(_ start: [Double]) {
    let length = norm(start)
    basis = [start.map { $0 / length }]
  }

  /// The direction that is to be tried next.
  var direction: [Double] { basis[basis.count - 1] }

  /// Takes the product of the operator with `direction`.
  mutating func extend(by product: [Double], tolerance: Double) {
    if isDone { return }
    let size = length(product)
    if !size.isFinite {
      (estimate.value, isDone) = (size, true)
      return
    }
    matrix.diagonal.append(dotInLanes(direction, product))
    var rest = product
    for earlier in basis + basis {
      let part = dotInLanes(earlier, rest)
      for index in rest.indices { rest[index] -= part * earlier[index] }
    }
    let length = length(rest)
    let (value, last) = matrix.largestEigenpair
    estimate = EigenvalueEstimate(value: value, bound: length * last)
    isDone = estimate.bound <= tolerance * value || basis.count == rest.count
    if basis.count == rest.count { estimate.bound = 0 }
    matrix.beside.append(length)
    basis.append(rest.map { $0 / length })
  }
}

/// The length of a vector, in one go where squares neither overflow nor vanish.
private func length(_ vector: [Double]) -> Double {
  let square = dotInLanes(vector, vector)
  return square > 1e-200 && square < 1e200 ? square.squareRoot() : norm(vector)
}
