extension Operation {
  /// The one table: what each operation computes, on which domain it is checked, and its pullbacks.
  ///
  /// A pullback is written in `Variable` arithmetic, operand by operand, and is itself recorded:
  /// differentiating it again needs no further rule. Matrix rules follow Giles, *Collected Matrix
  /// Derivative Results* (2008). At a kink the derivative is the one of the flat side: relu′(0) = 0,
  /// step′ = 0, and sqrt′(0) = 0, so that a norm at zero has derivative zero, never NaN.
  var rule: Rule {
    switch self {
    case .input, .constant: Rule(.given, kernel: .vectorized(.copy))

    case .add:
      Rule(.elementwise, kernel: .vectorized(.add), pullback: { $0.upstream }, { $0.upstream })

    case .subtract:
      Rule(
        .elementwise, kernel: .vectorized(.subtract), pullback: { $0.upstream }, { -$0.upstream })

    case .multiply:
      Rule(
        .elementwise, kernel: .vectorized(.multiply),
        pullback: { $0.upstream * $0[1] }, { $0.upstream * $0[0] })

    case .divide:
      Rule(
        .elementwise, domain: 0.5...2, kernel: .vectorized(.divide),
        pullback: { $0.upstream / $0[1] }, { -($0.upstream * $0.output / $0[1]) })

    case .matmul:
      Rule(
        .product(transposed: .none),
        kernel: .vectorized(.product(transposed: .none)),
        pullback: { $0.upstream.matmulTransposed($0[1]) }, { $0[0].transposedMatmul($0.upstream) })

    case .matmulTN:
      Rule(
        .product(transposed: .first),
        kernel: .vectorized(.product(transposed: .first)),
        pullback: { $0[1].matmulTransposed($0.upstream) }, { $0[0].matmul($0.upstream) })

    case .matmulNT:
      Rule(
        .product(transposed: .second),
        kernel: .vectorized(.product(transposed: .second)),
        pullback: { $0.upstream.matmul($0[1]) }, { $0.upstream.transposedMatmul($0[0]) })

    case .transpose:
      Rule(.transposed, kernel: .common(.transpose), pullback: { $0.upstream.transposed() })

    case .sum:
      Rule(
        .reduced, kernel: .vectorized(.sum), pullback: { $0.upstream.broadcast(to: $0[0].shape) })

    case .broadcast:
      Rule(.expanded, kernel: .vectorized(.copy), pullback: { $0.upstream.sum(to: $0[0].shape) })

    case .solve:
      Rule(
        .solution, domain: -1...1, kernel: .vectorized(.solve),
        pullback: { -$0[0].transposed().solve($0.upstream).matmulTransposed($0.output) },
        { $0[0].transposed().solve($0.upstream) })

    case .gather:
      Rule(
        .gathered, kernel: .vectorized(.gather),
        pullback: { $0.upstream.scatterAdd(at: $0[1], into: $0[0].shape) }, nil)

    case .scatterAdd:
      Rule(
        .scattered, kernel: .vectorized(.scatterAdd), pullback: { $0.upstream.gather($0[1]) }, nil)

    case .relu:
      Rule(
        .elementwise, kernel: .vectorized(.relu),
        pullback: { $0.output.select($0.upstream, elseWhereNotPositive: 0) })

    case .step: Rule(.elementwise, kernel: .vectorized(.step), pullback: nil)

    case .tanh:
      Rule(
        .elementwise, kernel: .map { scalarTanh($0) },
        pullback: { $0.upstream * (1 - $0.output * $0.output) })

    case .exp:
      Rule(.elementwise, kernel: .map { scalarExp($0) }, pullback: { $0.upstream * $0.output })

    case .log:
      Rule(
        .elementwise, domain: 0.5...2, kernel: .map { scalarLog($0) },
        pullback: { $0.upstream / $0[0] })

    case .sqrt:
      // The inner choice keeps 1/0 off the tape, where a later sweep would turn it into NaN.
      Rule(
        .elementwise, domain: 0.5...2, kernel: .vectorized(.sqrt),
        pullback: {
          let root = $0.output
          let slope = 0.5 / root.select(root, elseWhereNotPositive: 1)
          return root.select($0.upstream * slope, elseWhereNotPositive: 0)
        })

    case .sin:
      Rule(
        .elementwise, kernel: .map { scalarSin($0) }, pullback: { $0.upstream * $0[0].cos() })

    case .cos:
      Rule(
        .elementwise, kernel: .map { scalarCos($0) }, pullback: { -($0.upstream * $0[0].sin()) })

    case .logSumExp:
      // Not exp(x − output): where x is large, that difference has lost its digits.
      Rule(.column, kernel: .common(.logSumExp), pullback: { $0.upstream * $0[0].softmax() })

    case .logSoftmax:
      Rule(
        .elementwise, kernel: .common(.logSoftmax),
        pullback: { node in
          let rows = Shape(node.output.shape.rows, 1)
          return node.upstream - node.output.exp() * node.upstream.sum(to: rows)
        })

    case .softplus:
      Rule(
        .elementwise,
        kernel: .map { max($0, 0) + scalarLogOnePlus(scalarExp(-abs($0))) },
        pullback: { $0.upstream * $0[0].sigmoid() })

    case .select:
      Rule(
        .elementwise, kernel: .vectorized(.select),
        pullback: nil, { $0[0].select($0.upstream, elseWhereNotPositive: 0) },
        { $0[0].select(0, elseWhereNotPositive: $0.upstream) })

    case .stopGradient:
      Rule(.elementwise, cutsDerivatives: true, kernel: .vectorized(.copy), pullback: nil)
    }
  }
}
