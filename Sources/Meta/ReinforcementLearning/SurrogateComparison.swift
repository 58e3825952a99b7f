public import Tape

/// The meta-policy-gradient of a problem, exact and with what each surrogate's second derivative gives in the place
/// of the value's.
///
/// Gradients are those of values, to be ascended.
public struct SurrogateComparison: Sendable {
  /// One way to differentiate the inner steps.
  public struct Row: Sendable {
    /// `exact`, `first-order`, or the name of a ``PolicySurrogate``.
    public let name: String
    /// What it takes for the derivative of the mean adapted value by the logits, *S*×*A*.
    public let gradient: Matrix
    /// How far that is from the exact one.
    public let gap: GradientGap
    /// What of the second derivative it leaves out, in words.
    public let dropped: String
  }

  /// The problem in a line.
  public let summary: String
  /// The route by which all was computed.
  public let route: Route
  /// The mean value over tasks before adaptation.
  public let value: Double
  /// The mean value over tasks after it.
  public let adaptedValue: Double
  /// The derivative of the mean value before adaptation, *S*×*A*: what joint training ascends.
  public let policyGradient: Matrix
  /// Exact, first order, then each surrogate.
  public let rows: [Row]

  /// The exact derivative of the mean adapted value.
  public var exact: Matrix { rows[0].gradient }

  /// What gradients are called in files.
  static let gradientNames = ["policyGradient"] + rowNames

  private static let rowNames: [String] =
    ["exact", "first-order"]
    + PolicySurrogate.allCases.filter { $0 != .exact }.map(\.rawValue)
}

extension TabularPolicyProblem {
  /// Differentiates the adaptation exactly, to first order, and with each surrogate's expected second derivative.
  ///
  /// The steps are those of the exact gradient in each case.
  ///
  /// - Parameter route: One that differentiates along the steps: `unrolled`, `adjoint`, `checkpointed` or `forward`;
  ///   another stops with a message, since to it all surrogates are the same.
  /// - Complexity: Six meta-gradients.
  public func surrogateComparison(by route: Route = .adjoint) -> SurrogateComparison {
    switch route {
    case .unrolled, .adjoint, .checkpointed, .forward: break
    default: stop("surrogateComparison(by:): \(route) does not see what a surrogate changes")
    }
    var problem = self
    problem.learned = ["logits"]
    func result(
      _ surrogate: PolicySurrogate, _ order: Order = .exact, steps: Int? = nil
    ) -> (value: Double, gradient: Matrix) {
      problem.surrogate = surrogate
      problem.steps = steps ?? self.steps
      let result = problem.metaGradient(order: order, by: route)
      // Not −x: what is zero stays without a sign.
      return (0 - result.loss, result.gradient[0].map { 0 - $0 })
    }
    let before = result(.exact, steps: 0)
    let exact = result(.exact)
    func row(_ name: String, _ gradient: Matrix, _ dropped: String) -> SurrogateComparison.Row {
      .init(
        name: name, gradient: gradient,
        gap: GradientGap(exact: [exact.gradient], other: [gradient]),
        dropped: dropped)
    }
    return SurrogateComparison(
      summary: summary, route: route, value: before.value, adaptedValue: exact.value,
      policyGradient: before.gradient,
      rows: [
        row("exact", exact.gradient, PolicySurrogate.exact.dropped),
        row(
          "first-order", result(.exact, .firstOrder).gradient,
          "the whole second derivative of the value"),
      ]
        + PolicySurrogate.allCases.filter { $0 != .exact }.map {
          row($0.rawValue, result($0).gradient, $0.dropped)
        })
  }
}

extension SurrogateComparison: CustomStringConvertible {
  /// The values, a table and a sentence, as the command `mdp` prints them.
  public var description: String {
    var table = TextTable(
      header: ["second derivative", "‖gradient‖", "angle", "relative error", "what is dropped"],
      leftAligned: [0, 4])
    table.rows = rows.map { row in
      // The other two cells are the cosine and the ratio of norms.
      let gap = row.gap.cells
      return [row.name, row.gradient.norm.significant(5), gap[1], gap[3], row.dropped]
    }
    return """
        \(summary)
        value \(value.significant(6)), after adaptation \(adaptedValue.significant(6))

      \(table.text)
      \(conclusion)

      """
  }

  /// Which rows are exact here, which of the others is nearest, and which are worse than first order, in a sentence.
  public var conclusion: String {
    // Far above rounding, also where the equations are badly conditioned; far below what is dropped.
    let rounding = 1e-8
    func error(_ row: Row) -> Double { row.gap.relativeError ?? .infinity }
    let first = rows[1]
    let others = rows.dropFirst()
    let same = others.filter { error($0) < rounding }
    if same.count == others.count {
      return "All agree with the exact meta-gradient here: there is nothing to drop."
    }
    let different = others.filter { error($0) >= rounding }
    let equal = different.filter { one in
      let gap = GradientGap(exact: [first.gradient], other: [one.gradient])
      return one.name != first.name && (gap.relativeError ?? 1) < rounding
    }
    let rest = different.filter { one in !equal.contains { $0.name == one.name } }
    var parts = ["Exact here: \(same.map(\.name).list)"]
    if let nearest = rest.min(by: { error($0) < error($1) }) {
      let off = nearest.gap.relativeError.map { ", off by \($0.significant(3))" } ?? ""
      parts.append("nearest of the others is \(nearest.name)\(off)")
    }
    if !equal.isEmpty { parts.append("\(equal.map(\.name).list) is first order") }
    let worse = rest.filter { error($0) > error(first) }
    if !worse.isEmpty { parts.append("further off than first order: \(worse.map(\.name).list)") }
    return parts.joined(separator: "; ") + "."
  }
}

/// As JSON, under the keys of reference files: `value`, `adaptedValue`, `policyGradient`, then each row by its name;
/// gradients as lists of rows.
extension SurrogateComparison: Encodable {
  /// Writes values and gradients.
  public func encode(to encoder: any Encoder) throws {
    func lists(_ matrix: Matrix) -> [[Double]] {
      (0..<matrix.rows).map { row in (0..<matrix.columns).map { matrix[row, $0] } }
    }
    var object: JSONObject = [
      "value": value, "adaptedValue": adaptedValue, "policyGradient": lists(policyGradient),
    ]
    for row in rows { object[row.name] = lists(row.gradient) }
    try object.encode(to: encoder)
  }
}
