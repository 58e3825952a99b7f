public import Nets
public import Tape

/// A linear system with a quadratic cost: the control problem whose value is known in closed form.
///
/// The state moves as s′ = As + Bu, the input is u = −Ks for a gain *K*, and a step costs sᵀQs + uᵀRu. With
/// F = A − BK, the discounted sum of all costs is tr(PΣ₀), where P = Q + KᵀRK + γFᵀPF. It is finite where K
/// *stabilises* the system: √γ ρ(F) < 1, ρ being the largest size of an eigenvalue.
///
/// - Reference: Fazel et al., *Global convergence of policy gradient methods for the linear quadratic regulator* (2018).
public struct LinearQuadraticRegulator: Equatable, Sendable {
  /// What a state becomes without an input, A: *n*×*n*.
  public let stateMatrix: Matrix
  /// What an input adds, B: *n*×*m*.
  public let inputMatrix: Matrix
  /// The cost of a state, Q: *n*×*n*, symmetric and positive semidefinite.
  public let stateCost: Matrix
  /// The cost of an input, R: *m*×*m*, symmetric and positive definite.
  public let inputCost: Matrix
  /// The mean of ssᵀ over first states, Σ₀: *n*×*n*, symmetric and positive semidefinite.
  public let startCovariance: Matrix
  /// The factor γ on what comes a step later.
  public let discount: Double

  /// The number of entries of a state, *n*.
  public var states: Int { stateMatrix.rows }
  /// The number of entries of an input, *m*.
  public var inputs: Int { inputMatrix.columns }

  /// Creates a regulator from its matrices.
  ///
  /// - Throws: ``MetaProblemError`` with the place, the name of the parameter, where sizes do not fit, a number is not
  ///   finite, a cost or the covariance is not symmetric or not positive (semi)definite, to 10⁻¹² of its size, or the
  ///   discount is not above 0 and at most 1.
  public init(
    stateMatrix: Matrix, inputMatrix: Matrix, stateCost: Matrix, inputCost: Matrix,
    startCovariance: Matrix, discount: Double = 1
  ) throws(MetaProblemError) {
    (self.stateMatrix, self.inputMatrix) = (stateMatrix, inputMatrix)
    (self.stateCost, self.inputCost) = (stateCost, inputCost)
    (self.startCovariance, self.discount) = (startCovariance, discount)
    try check()
  }

  /// The matrices under their names, as a task of a bilevel problem has them: those of the initialiser.
  public var data: Parameters<Matrix> {
    [
      "stateMatrix": stateMatrix, "inputMatrix": inputMatrix, "stateCost": stateCost,
      "inputCost": inputCost, "startCovariance": startCovariance, "discount": Matrix(discount),
    ]
  }

  /// √γ ρ(A − BK): below one where the gain stabilises the system.
  ///
  /// - Parameter gain: K, *m*×*n*; another shape stops with both.
  public func spectralRadius(under gain: Matrix) -> Double {
    if gain.shape != Shape(inputs, states) {
      stop("spectralRadius(under:): the gain is \(gain.shape), not \(Shape(inputs, states))")
    }
    return discount.squareRoot() * (stateMatrix - inputMatrix.matmul(gain)).spectralRadius
  }
}

// MARK: - On a tape

extension LinearQuadraticRegulator {
  /// Records the cost tr(PΣ₀) of a gain, 1×1; it is NaN, and so are its derivatives, where the gain does not stabilise
  /// the system.
  ///
  /// There the equation of P has a solution too, which is finite and no cost. What tells is a second right side: the
  /// solution of S = I + γFᵀSF is at least I where the gain stabilises, and has a negative eigenvalue beyond
  /// (Lyapunov), so that elimination meets a pivot below ½.
  ///
  /// - Parameters:
  ///   - gain: K, *m*×*n*.
  ///   - regulator: The matrices as ``data`` names them, on the tape of `gain`.
  /// - Precondition: Shapes are those of a regulator; anything else stops with both. At the border of stability itself
  ///   `solve` finds the equation singular, which stops.
  /// - Complexity: O(*n*⁶) multiply-adds: the equation is *n*² linear ones.
  public static func cost(of gain: Variable, in regulator: Parameters<Variable>) -> Variable {
    let (a, b) = (regulator["stateMatrix"], regulator["inputMatrix"])
    let shape = Shape(b.shape.columns, a.shape.rows)
    if gain.shape != shape { stop("cost(of:in:): the gain is \(gain.shape), not \(shape)") }
    let (tape, count) = (gain.tape, a.shape.count)
    let closedLoop = a - b.matmul(gain)
    let stepCost =
      regulator["stateCost"]
      + gain.transposedMatmul(regulator["inputCost"].matmul(gain))
    let transposed = closedLoop.transposed()
    let system =
      tape.constant(.identity(count))
      - regulator["discount"] * kroneckerProduct(transposed, transposed)
    let identity = tape.constant(Matrix.identity(a.shape.rows))
    let column = Shape(count, 1)
    let solution = system.solve(
      concatenated(columns: [stepCost.reshaped(to: column), identity.reshaped(to: column)]))
    let costs = solution.columns(0..<1).reshaped(to: a.shape)
    let sums = solution.columns(1..<2).reshaped(to: a.shape)
    return (costs * regulator["startCovariance"]).sum() * oneOrNaN(sums.stopGradient())
  }

  /// The cost of a gain, *m*×*n*, NaN where it does not stabilise the system; another shape stops with both.
  public func cost(of gain: Matrix) -> Double {
    let tape = GradientTape()
    return Self.cost(of: tape.input(gain), in: data.map(tape.constant)).scalar
  }

  /// One if all pivots of a symmetric matrix are above ½, and else NaN.
  private static func oneOrNaN(_ matrix: Variable) -> Variable {
    let pivot = matrix.block(rows: 0..<1, columns: 0..<1)
    let here = (pivot - 0.5).select(1, elseWhereNotPositive: matrix.tape.constant(Double.nan))
    let size = matrix.shape.rows
    if size == 1 { return here }
    let row = matrix.block(rows: 0..<1, columns: 1..<size)
    let rest = matrix.block(rows: 1..<size, columns: 1..<size)
    return here * oneOrNaN(rest - row.transposedMatmul(row) / pivot)
  }
}

/// The matrix of the products of each entry of one with each of another:
/// (*i*, *k*), (*j*, *l*) ↦ left(*i*, *j*) right(*k*, *l*).
private func kroneckerProduct(_ left: Variable, _ right: Variable) -> Variable {
  let (a, b) = (left.shape, right.shape)
  let shape = Shape(a.rows * b.rows, a.columns * b.columns)
  return left.gather(
    Matrix(shape) { Double($0 / b.rows * a.columns + $1 / b.columns) })
    * right.gather(
      Matrix(shape) { Double($0 % b.rows * b.columns + $1 % b.columns) })
}

// MARK: - Checks

extension LinearQuadraticRegulator {
  private func check() throws(MetaProblemError) {
    let (n, m) = (stateMatrix.rows, inputMatrix.columns)
    let sizes: [(String, Matrix, Shape)] = [
      ("stateMatrix", stateMatrix, Shape(n, n)), ("inputMatrix", inputMatrix, Shape(n, m)),
      ("stateCost", stateCost, Shape(n, n)), ("inputCost", inputCost, Shape(m, m)),
      ("startCovariance", startCovariance, Shape(n, n)),
    ]
    for (name, matrix, shape) in sizes {
      if matrix.shape != shape {
        throw MetaProblemError(
          name,
          "is \(matrix.shape), not \(shape) as for \("state".counted(n)) and \("input".counted(m))")
      }
      if let number = matrix.elements.first(where: { !$0.isFinite }) {
        throw MetaProblemError(name, "\(number) is not finite")
      }
    }
    try Self.checkSymmetric(stateCost, "stateCost", isDefinite: false)
    try Self.checkSymmetric(inputCost, "inputCost", isDefinite: true)
    try Self.checkSymmetric(startCovariance, "startCovariance", isDefinite: false)
    if !(discount > 0 && discount <= 1) {
      throw MetaProblemError("discount", "\(discount) is not above 0 and at most 1")
    }
  }

  private static func checkSymmetric(
    _ matrix: Matrix, _ name: String, isDefinite: Bool
  ) throws(MetaProblemError) {
    let rounding = 1e-12 * matrix.norm
    if (matrix - matrix.transposed).norm > rounding {
      throw MetaProblemError(name, "is not symmetric")
    }
    let smallest = matrix.smallestSymmetricEigenvalue
    if isDefinite ? smallest <= rounding : smallest < -rounding {
      throw MetaProblemError(
        name,
        "is not positive \(isDefinite ? "definite" : "semidefinite"): its smallest eigenvalue is "
          + smallest.significant(3))
    }
  }
}
