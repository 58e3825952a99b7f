import Nets
import Tape

extension DiagnosisOverStarts: CustomStringConvertible {
  /// The figures over starts, how many come to which verdict, and the verdict over all.
  public var description: String {
    text(titled: "\(method), over \("start".counted(records.count))")
  }

  /// The answer under a title.
  package func text(titled title: String) -> String {
    func cell(_ range: ClosedRange<Double>?, _ digits: (Double) -> String) -> String {
      range.map { "\(digits($0.lowerBound)) … \(digits($0.upperBound))" } ?? "–"
    }
    var table = TextTable(
      header: ["figure", "mean", "from start to start", "95 % tasks", "95 % starts", "95 % both"])
    func add(_ name: String, _ spread: Spread?, _ digits: (Double) -> String) {
      guard let spread else { return }
      table.rows.append([
        name, digits(spread.mean), cell(spread.range, digits), cell(spread.overTasks, digits),
        cell(spread.overStarts, digits), cell(spread.overBoth, digits),
      ])
    }
    func percent(_ share: Double) -> String { "\((100 * share).fixed(0)) %" }
    add("angle", angle) { "\($0.fixed(1))°" }
    add("norm ratio", normRatio) { $0.significant(3) }
    let shares = records.compactMap(\.decreaseShare).sorted()
    if let least = shares.first, let most = shares.last {
      let mean = shares.reduce(0, +) / Double(shares.count)
      table.rows.append(
        ["gain of an outer step", percent(mean), cell(least...most, percent), "–", "–", "–"])
    }
    let strengths = records.compactMap(\.curvatureTimesRate).sorted()
    if let least = strengths.first, let most = strengths.last {
      let mean = strengths.reduce(0, +) / Double(strengths.count)
      table.rows.append(
        ["curvature × rate", mean.significant(2), cell(least...most) { $0.significant(2) }]
          + ["–", "–", "–"])
    }
    return """
      \(title)

      \(table.rows.isEmpty ? "  No start has an angle: meta-gradients are zero, or not finite.\n" : table.text)
      \(advice)
        - \(counts)
      \(agreement.map { "  - \($0)\n" } ?? "")
      """
  }

  /// How many starts come to which verdict, in a sentence.
  public var counts: String {
    let (trust, doubt, distrust) = (count(of: .trust), count(of: .doubt), count(of: .distrust))
    return
      "Of \("start".counted(records.count)), \(trust) say trust, \(doubt) doubt and \(distrust) distrust."
  }

  /// The verdict over all in a sentence.
  public var advice: String {
    let first = "fo-\(method)"
    switch verdict {
    case .trust:
      return "Trust first order wherever it starts: \(first) goes where \(method) goes."
    case .doubt:
      return "Doubt first order: what \(first) is worth depends on the start, or on the tasks."
    case .distrust:
      return "Do not trust first order wherever it starts: \(first) goes somewhere else."
    }
  }

  /// What doubt rests on.
  private var agreement: String? {
    verdict == .doubt
      ? "A verdict over all asks for nine starts in ten, and for none that says the opposite." : nil
  }
}

extension DiagnosisOverStarts: Encodable {
  /// Writes the verdict, the figures, and the record of each start; null is what has no meaning.
  public func encode(to encoder: any Encoder) throws {
    let counts = Dictionary(
      uniqueKeysWithValues: [Diagnosis.Verdict.trust, .doubt, .distrust].map {
        ($0.rawValue, count(of: $0))
      })
    let object: JSONObject = [
      "family": method, "verdict": verdict.rawValue, "verdicts": counts, "angle": angle,
      "normRatio": normRatio, "starts": records,
    ]
    try object.encode(to: encoder)
  }
}

extension DiagnosisOverStarts.Spread {
  /// Writes mean, ends of the range, and the ends of each interval under `overTasks`, `overStarts` and `overBoth`.
  public func encode(to encoder: any Encoder) throws {
    func ends(_ range: ClosedRange<Double>?) -> JSONObject {
      ["low": range?.lowerBound, "high": range?.upperBound]
    }
    let object: JSONObject = [
      "mean": mean, "least": range.lowerBound, "most": range.upperBound,
      "overTasks": ends(overTasks), "overStarts": ends(overStarts), "overBoth": ends(overBoth),
    ]
    try object.encode(to: encoder)
  }
}
