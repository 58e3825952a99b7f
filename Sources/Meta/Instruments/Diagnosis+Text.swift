import Nets
import Tape

extension Diagnosis: CustomStringConvertible {
  /// The growth of the gap, the verdict and what speaks for it, as the command `diagnose` prints them.
  public var description: String { text(titled: method) }

  /// The answer under a title.
  package func text(titled title: String) -> String {
    if !hasSteps { return "\(title)\n\(nothingToCut)\n" }
    var growth = TextTable(
      header: ["rate", "steps", "angle", "norm ratio", "relative error"], leftAligned: [])
    for entry in byRate + bySteps {
      let cells = entry.gap.map { Array($0.cells.dropFirst()) } ?? ["not finite", "–", "–"]
      growth.rows.append([entry.rate.upToSixDigits, "\(entry.steps)"] + cells)
    }
    return """
      \(title)
        \(summary)

      How the gap grows with the rate and with the steps
      \(growth.text)
      \(advice)
      \(reasons.map { "  - \($0)\n" }.joined())
      """
  }

  /// The verdict in a sentence.
  public var advice: String {
    let first = "fo-\(method)"
    switch verdict {
    case .trust: return "Trust first order here: \(first) goes where \(method) goes."
    case .doubt where taskAngles.count < Self.fewestTasks:
      return "Doubt first order here: there are too few tasks for a verdict."
    case .doubt: return "Doubt first order here: \(first) is neither clearly close nor clearly far."
    case .distrust where !notSeen.isEmpty:
      return "Do not trust first order here: \(first) says nothing of \(notSeen.list)."
    case .distrust: return "Do not trust first order here: \(first) goes somewhere else."
    }
  }

  /// What speaks for the verdict and what it rests on, a sentence each.
  public var reasons: [String] {
    if !hasSteps { return [nothingToCut] }
    let tasks = taskAngles.count
    func text(_ estimate: Estimate, _ unit: String = "", _ digits: (Double) -> String) -> String {
      let range = estimate.interval.map { (digits($0.lowerBound), digits($0.upperBound)) }
      return digits(estimate.value) + unit
        + (range.map { low, high in
          ", with \(tasks < 10 ? "some 85" : "95") % confidence between \(low) and \(high)"
        } ?? "")
    }
    let angles = taskAngles.compactMap(\.self)
    var reasons: [String] = []
    if !notSeen.isEmpty {
      reasons.append("Only what first order cuts reads \(notSeen.list).")
    }
    if let angle {
      reasons.append("The angle is \(text(angle) { "\($0.fixed(1))°" }).")
    } else {
      reasons.append(
        "A meta-gradient is zero, at least to rounding, so that there is no angle to speak of.")
    }
    if angle != nil, angles.count > 1, let least = angles.min(), let most = angles.max() {
      reasons.append(
        "Task by task it is from \(least.fixed(1))° to \(most.fixed(1))°: what the mean over tasks hides."
      )
    }
    if let normRatio {
      reasons.append(
        "Its length is \(text(normRatio, " times that of exact") { $0.significant(3) }).")
    }
    if angle != nil, decreaseShare == nil {
      reasons.append("No outer step against the exact meta-gradient lowers the meta-loss.")
    }
    if let decreaseShare {
      reasons.append(
        "Along first order, an outer step as long as is best for exact "
          + (!decreaseShare.isFinite
            ? "ends where the meta-loss is not finite."
            : decreaseShare < 0
              ? "raises the meta-loss."
              : "lowers the meta-loss by \((100 * decreaseShare).fixed(0)) % of what it does along exact.")
      )
    }
    reasons.append(
      !strength.isFinite
        ? "The curvature of the \(innerLossName) is not finite."
        : "The largest curvature of the \(innerLossName) is \(curvature.largest.significant(3)), times "
          + "the rate \(strength.significant(3))"
          + (curvatureBounds
            ? ": a step back can change a gradient by up to \((100 * strength).fixed(0)) % of its length."
            : "."))
    if angle?.interval != nil || normRatio?.interval != nil {
      reasons.append(
        "Intervals are over tasks, at this one start; at another, angles may be others.")
    }
    if tasks < Self.fewestTasks {
      reasons.append(
        "\("task".counted(tasks)) \(tasks == 1 ? "says" : "say") too little of others of the kind: give "
          + "\(Self.fewestTasks) or more, better ten, for a verdict.")
    } else if tasks < 10 {
      reasons.append(
        "Intervals of \(tasks) tasks are wide, and cover less often than 95 %: give ten or more.")
    }
    return reasons
  }

  private var strength: Double { abs(curvature.rate) * curvature.largest }
}

extension Diagnosis: Encodable {
  /// Writes figures, verdict and reasons; null is what has no meaning.
  public func encode(to encoder: any Encoder) throws {
    var object: JSONObject = [
      "family": method, "verdict": verdict.rawValue, "reasons": reasons, "angle": angle,
      "normRatio": normRatio, "taskAngles": taskAngles, "byRate": byRate, "bySteps": bySteps,
      "largestCurvature": curvature.largest, "rateTimesCurvature": strength,
      "decreaseShare": decreaseShare,
    ]
    if !notSeen.isEmpty { object["notSeen"] = notSeen }
    try object.encode(to: encoder)
  }
}

extension Diagnosis.Estimate: Codable {
  private enum Keys: String, CodingKey { case value, low, high }

  /// Reads the value and the ends of the interval.
  ///
  /// - Throws: `DecodingError` if there is no value, or if the ends are in the wrong order.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Keys.self)
    value = try container.decode(Double.self, forKey: .value)
    let low = try container.decodeIfPresent(Double.self, forKey: .low)
    let high = try container.decodeIfPresent(Double.self, forKey: .high)
    if let low, let high, !(low <= high) {
      throw DecodingError.dataCorruptedError(
        forKey: .low, in: container, debugDescription: "\(low) is above \(high)")
    }
    interval = low.flatMap { low in high.map { low...$0 } }
  }

  /// Writes the value and the ends of the interval.
  public func encode(to encoder: any Encoder) throws {
    let object: JSONObject = [
      "value": value, "low": interval?.lowerBound, "high": interval?.upperBound,
    ]
    try object.encode(to: encoder)
  }
}

extension Diagnosis.Growth: Encodable {
  /// Writes rate, steps and the gap there.
  public func encode(to encoder: any Encoder) throws {
    let object: JSONObject = [
      "rate": rate, "steps": steps, "angle": gap?.angle, "normRatio": gap?.normRatio,
    ]
    try object.encode(to: encoder)
  }
}
