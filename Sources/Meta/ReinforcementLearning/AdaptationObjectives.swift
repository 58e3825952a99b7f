public import Tape

/// The gradients of expected and of sampled adaptation, and what estimators of the second make of it in expectation.
///
/// Gradients are those of values, to be ascended. All are computed from a ``SampledAdaptationProblem``, which lists every
/// data set, so that what differs is bias and no noise.
public struct AdaptationObjectives: Sendable {
  /// One gradient by the logits.
  public struct Row: Sendable {
    /// `expected`, `sampled`, or a surrogate, with `+score` or `+linearised-score` where the path is not alone.
    public let name: String
    /// The derivative, *S*×*A*.
    public let gradient: Matrix
    /// How far it is from that of the sampled objective, B.
    public let fromSampled: GradientGap
    /// How far it is from that of the expected objective, A.
    public let fromExpected: GradientGap
  }

  /// The problem in a line.
  public let summary: String
  /// The number of trajectories of a data set.
  public let trajectories: Int
  /// The number of data sets, each order of drawing counted.
  public let dataSets: Int
  /// The mean value over tasks before adaptation.
  public let value: Double
  /// The expected objective, A: the mean value after a step up the expected gradient.
  public let expectedValue: Double
  /// The sampled objective, B: the mean value after a step up the gradient of a data set.
  public let sampledValue: Double
  /// A, B, then three for each surrogate: its path, with the score, and with the linearised score.
  public let rows: [Row]

  /// The gradient of a name; one that is not there stops with a message.
  public subscript(name: String) -> Matrix { row(name).gradient }

  func row(_ name: String) -> Row {
    guard let row = rows.first(where: { $0.name == name }) else {
      stop("AdaptationObjectives: there is no '\(name)' among \(rows.map(\.name).list)")
    }
    return row
  }

  /// What is looked at.
  static let surrogates: [(name: String, surrogate: SampledSurrogate)] = [
    ("naive", .naive), ("lvc", .lvc), ("dice", .dice), ("loaded-dice-0.5", .loadedDice(0.5)),
  ]
}

extension SampledAdaptationProblem {
  /// Differentiates both objectives, and takes the sampled one apart.
  ///
  /// - Parameter route: One that differentiates along the steps: `unrolled`, `adjoint`, `checkpointed` or `forward`;
  ///   another stops with a message, since to it all surrogates are the same.
  /// - Complexity: Seven meta-gradients over all data sets, and two of the expected problem.
  public func adaptationObjectives(by route: Route = .adjoint) -> AdaptationObjectives {
    switch route {
    case .unrolled, .adjoint, .checkpointed, .forward: break
    default: stop("adaptationObjectives(by:): \(route) does not see what a surrogate changes")
    }
    // The linearised score is no objective: its value is 0, and only its derivative is looked at.
    func result(_ problem: some BilevelProblem) -> (value: Double, gradient: Matrix) {
      let result = problem.metaGradient(by: route)
      return (0 - result.loss, result.gradient["logits"].map { 0 - $0 })
    }
    func part(_ part: Part, _ surrogate: SampledSurrogate = .naive) -> (
      value: Double, gradient: Matrix
    ) {
      var problem = self
      (problem.part, problem.surrogate, problem.learned) = (part, surrogate, ["logits"])
      return result(problem)
    }
    var exact = expected
    (exact.surrogate, exact.learned) = (.exact, ["logits"])
    let expected = result(exact)
    exact.steps = 0
    let before = result(exact)
    let whole = part(.whole)
    let (score, linear) = (part(.score).gradient, part(.linearizedScore).gradient)
    var gradients = [("expected", expected.gradient), ("sampled", whole.gradient)]
    for (name, surrogate) in AdaptationObjectives.surrogates {
      let path = part(.path, surrogate).gradient
      gradients += [
        (name, path), ("\(name)+score", path + score),
        ("\(name)+\(Part.linearizedScore.rawValue)", path + linear),
      ]
    }
    return AdaptationObjectives(
      summary: summary, trajectories: trajectories, dataSets: dataSets, value: before.value,
      expectedValue: expected.value, sampledValue: whole.value,
      rows: gradients.map { name, gradient in
        .init(
          name: name, gradient: gradient,
          fromSampled: GradientGap(exact: [whole.gradient], other: [gradient]),
          fromExpected: GradientGap(exact: [expected.gradient], other: [gradient]))
      })
  }
}

extension AdaptationObjectives: CustomStringConvertible {
  /// The values, a table and a few sentences, as the command `mdp --trajectories` prints them.
  public var description: String {
    var table = TextTable(
      header: [
        "gradient", "‖gradient‖", "angle to B", "error to B", "angle to A", "error to A",
      ])
    table.rows = rows.map { row in
      let (sampled, expected) = (row.fromSampled.cells, row.fromExpected.cells)
      let name = ["expected": "A, expected", "sampled": "B, sampled"][row.name] ?? row.name
      return [
        name.replacing("+", with: " + "), row.gradient.norm.significant(5), sampled[1], sampled[3],
        expected[1], expected[3],
      ]
    }
    return """
        \(summary)
        value \(value.significant(6)), after adaptation A \(expectedValue.significant(6)), B \
      \(sampledValue.significant(6))

      \(table.text)
      \(conclusion)

      """
  }

  /// Whether path and score make up the whole, what the path lacks, and which estimator without the score comes nearest
  /// to each objective, in a few sentences.
  public var conclusion: String {
    func error(_ name: String, _ gap: KeyPath<Row, GradientGap> = \.fromSampled) -> Double {
      row(name)[keyPath: gap].relativeError ?? .infinity
    }
    func nearest(_ names: [String], to gap: KeyPath<Row, GradientGap>) -> String {
      let best = names.min { error($0, gap) < error($1, gap) } ?? ""
      return "\(best.replacing("+", with: " + ")) (\(error(best, gap).significant(3)))"
    }
    let names = Self.surrogates.map(\.name)
    let linear = SampledAdaptationProblem.Part.linearizedScore.rawValue
    let sum = error("naive+score")
    let whole =
      sum < 1e-10
      ? "The naive path and the score are the gradient of B (relative error \(sum.significant(2)))"
      : "The naive path and the score are NOT the gradient of B (relative error \(sum.significant(2)))"
    return """
      \(whole); the path alone lacks \(error("naive").significant(3)) of it, \
      with the linearised score \(error("naive+\(linear)").significant(3)).
      Of the paths alone, nearest to B is \(nearest(names, to: \.fromSampled)), nearest to A is \
      \(nearest(names, to: \.fromExpected)). Relative errors stand in brackets.
      """
  }
}

/// As JSON: the values, the number of data sets, and under `gradients` each row by its name, as lists of rows.
extension AdaptationObjectives: Encodable {
  /// Writes values and gradients.
  public func encode(to encoder: any Encoder) throws {
    var gradients: JSONObject = [:]
    for row in rows {
      let matrix = row.gradient
      gradients[row.name] = (0..<matrix.rows).map { state in
        (0..<matrix.columns).map { matrix[state, $0] }
      }
    }
    let object: JSONObject = [
      "value": value, "expectedValue": expectedValue, "sampledValue": sampledValue,
      "trajectories": trajectories, "dataSets": dataSets, "gradients": gradients,
    ]
    try object.encode(to: encoder)
  }
}
