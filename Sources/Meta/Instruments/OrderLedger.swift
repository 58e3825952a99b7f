public import Nets
public import Tape

/// What first order leaves out of a meta-gradient, path by path.
///
/// With v carried back exactly over the later steps, the path through the inner gradient g by one
/// parameter in one step adds (∂g/∂θ)ᵀ u, where u is what of v reaches g through the update: with
/// gradient descent, −α times a block column of the Hessian times v. From there it reaches what is
/// learned as first order goes. These terms add up to exact minus first order: none is counted
/// twice, whatever the number of steps.
public struct OrderLedger: Sendable {
  /// One path and what it adds to the exact meta-gradient.
  public struct Entry: Sendable {
    /// The inner step and the parameter; its weight is 0, as first order has it.
    public let path: DerivativePath
    /// The term, by learned variable, a mean over tasks.
    public let term: Parameters<Matrix>
    /// The length of the term, all variables together.
    public var norm: Double { term.norm }
  }

  /// The problem in a line.
  public let summary: String
  /// Both meta-gradients by the route `unrolled`, which shares nothing with the terms.
  public let comparison: MetaGradientComparison
  /// What the exact meta-gradient is called that is taken apart.
  public var method: String { comparison.exact.method }
  /// The first-order meta-gradient: what is left with every path cut.
  public let firstOrder: Parameters<Matrix>
  /// The inner variables.
  public let variables: [String]
  /// The terms of the paths, by step and by inner variable within the step.
  public let entries: [Entry]

  /// Exact minus first order: the sum of all terms.
  public var difference: Parameters<Matrix> { sum(entries) }

  /// The exact meta-gradient, put together from its parts.
  public var exact: Parameters<Matrix> {
    Parameters(
      firstOrder.descriptions, zip(firstOrder.values, difference.values).map(+))
  }

  /// Each inner step with its entries and their terms added up, in order.
  public var bySteps: [(step: Int, entries: [Entry], term: Parameters<Matrix>)] {
    Dictionary(grouping: entries, by: \.path.step).sorted { $0.key < $1.key }
      .map { (step: $0.key, entries: $0.value, term: sum($0.value)) }
  }

  /// The terms of each adapted parameter's inner gradients added up over steps, in order.
  public var byParameters: [(parameter: String, term: Parameters<Matrix>)] {
    variables.compactMap { name in
      let own = entries.filter { $0.path.parameter == name }
      return own.isEmpty ? nil : (name, sum(own))
    }
  }

  /// The distance of first order plus all terms from the unrolled meta-gradient, relative to it.
  public var remainder: Double {
    GradientGap(exact: comparison.exact.gradient.values, other: exact.values).relativeError ?? 0
  }

  private func sum(_ entries: [Entry]) -> Parameters<Matrix> {
    Parameters(
      firstOrder.descriptions,
      firstOrder.descriptions.indices.map { position in
        entries.reduce(Matrix(firstOrder[position].shape, repeating: 0)) {
          $0 + $1.term[position]
        }
      })
  }
}

extension BilevelProblem {
  /// Takes the difference of exact and first-order meta-gradient apart, path by path.
  ///
  /// - Complexity: About the exact meta-gradient, and one product with a block of the Hessian for each
  ///   path; memory for the terms themselves, as many numbers as are learned for each path. With a rule
  ///   that first order does not carry back unchanged, weight decay for instance, also each term's way
  ///   back over earlier steps, so that time and memory grow with the square of the steps.
  public func ledger() -> OrderLedger { ledger(comparison()) }

  /// Takes the difference of two meta-gradients that are known apart.
  func ledger(_ comparison: MetaGradientComparison) -> OrderLedger {
    let paths = Differentiation(self, .firstOrder).paths
    let learned = learnedDescriptions
    let means = TaskPrograms(self) { loop in
      (loop.metaGradient(.firstOrder) + loop.cutTerms.flatMap(\.self), [])
    }.mean()
    let count = learned.count
    func block(_ index: Int) -> Parameters<Matrix> {
      Parameters(learned, Array(means[index * count..<(index + 1) * count]))
    }
    return OrderLedger(
      summary: summary, comparison: comparison, firstOrder: block(0),
      variables: innerDescriptions.map(\.name),
      entries: paths.enumerated().map { .init(path: $1, term: block($0 + 1)) })
  }
}

extension RecordedLoop {
  /// By path, in the order of steps and then of inner variables, the term that first order cuts.
  fileprivate var cutTerms: [[Variable]] {
    var carried = carriedFromEnd()
    var terms: [[Carried]] = []  // by step, last first
    for step in steps.reversed() {
      let (direct, upstreams) = step.split(carried, learned)
      if !direct.isSameLines(as: carried) {
        terms = terms.map { $0.map { step.split($0, learned).direct } }
      }
      let own = zip(step.gradients, upstreams).map { gradient, upstream in
        let term = step.throughGradients([gradient], at: [upstream], learned)
        return Carried(outer: term.outer, inner: term.inner, state: noState)
      }
      carried = own.reduce(direct) { sum, term in
        var sum = sum
        sum.inner = zip(sum.inner, term.inner).map { $0 + $1 }
        sum.add(toOuter: term.outer)
        return sum
      }
      terms.append(own)
    }
    return terms.reversed().flatMap { $0.map(reachingOuter) }
  }
}
