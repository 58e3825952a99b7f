import Meta
import Nets
import Tape

/// `diagnose`: whether first order is good enough for a problem.
let diagnoseCommand = Command(
  name: "diagnose",
  summary: "Says whether first order is good enough for a problem, and why",
  operands: "[FILE]", operandCount: 0...1,
  options: [
    .family, .seed("of the problem made here, of resamples and of power iterations"), .json,
  ],
  details: """
    Intervals are over resamples of the tasks, at the parameters of the problem. Curvature is that of the
    support loss along the inner path. Trust asks for angles up to \(Diagnosis.trustedAngle)°, lengths \
    alike within a factor of \(Diagnosis.trustedRatio), and
    nine tenths of the decrease by an outer step; distrust for \(Diagnosis.distrustedAngle)° and more, or less than
    half of the decrease; both for \(Diagnosis.fewestTasks) tasks at least.
    \(NamedProblem.help)
    """,
  example: "autodiff-demo diagnose Tests/Fixtures/digits-5way-1shot.json"
) { arguments in
  let family = try arguments.family()
  let named = try arguments.problem(for: family.bothOrders, memory: 5, seedsMore: true)
  var generator = SeededGenerator(seed: try arguments.seed())
  let report = DiagnosisReport(
    named: named, diagnosis: named.problem.diagnosis(family, using: &generator))
  return Answer(
    arguments.has("--json") ? try json(report.document, namesInfinity: true) : report.text)
}

/// A diagnosis as text and JSON.
struct DiagnosisReport {
  let named: NamedProblem
  let diagnosis: Diagnosis

  private var strength: Double { abs(diagnosis.curvature.rate) * diagnosis.curvature.largest }

  var text: String {
    if !diagnosis.hasSteps { return "\(named.name)\n\(reasons.joined())\n" }
    var growth = TextTable(header: ["rate", "steps", "angle", "norm ratio", "relative error"])
    growth.leftAligned = []
    for entry in diagnosis.byRate + diagnosis.bySteps {
      let cells = entry.gap.map { Array($0.cells.dropFirst()) } ?? ["not finite", "–", "–"]
      growth.rows.append(["\(entry.rate)", "\(entry.steps)"] + cells)
    }
    let reasons = reasons.map { "  - \($0)\n" }.joined()
    return """
      \(named.name), \(diagnosis.method)
        \(named.problem.summary)

      How the gap grows with the rate and with the steps
      \(growth.text)
      \(verdict)
      \(reasons)
      """
  }

  var verdict: String {
    let method = "fo-" + diagnosis.method
    switch diagnosis.verdict {
    case .trust:
      return "Trust first order here: \(method) goes where \(diagnosis.method) goes."
    case .doubt where diagnosis.taskAngles.count < Diagnosis.fewestTasks:
      return "Doubt first order here: there are too few tasks for a verdict."
    case .doubt:
      return "Doubt first order here: \(method) is neither clearly close nor clearly far."
    case .distrust: return "Do not trust first order here: \(method) goes somewhere else."
    }
  }

  var reasons: [String] {
    let tasks = diagnosis.taskAngles.count
    func text(
      _ estimate: Diagnosis.Estimate, _ unit: String = "", _ digits: (Double) -> String
    ) -> String {
      let range = estimate.interval.map { (digits($0.lowerBound), digits($0.upperBound)) }
      return digits(estimate.value) + unit
        + (range.map { low, high in
          tasks < 10
            ? ", over resamples from \(low) to \(high)"
            : ", with 95 % confidence between \(low) and \(high)"
        } ?? "")
    }
    if !diagnosis.hasSteps {
      return [nothingToCut]
    }
    let angles = diagnosis.taskAngles.compactMap(\.self)
    var reasons: [String] = []
    if let angle = diagnosis.angle {
      reasons.append("The angle is \(text(angle) { "\($0.fixed(1))°" }).")
    } else {
      reasons.append(
        "A meta-gradient is zero, at least to rounding, so that there is no angle to speak of.")
    }
    if angles.count > 1, let least = angles.min(), let most = angles.max() {
      reasons.append(
        "Task by task it is from \(least.fixed(1))° to \(most.fixed(1))°: what the mean over tasks hides."
      )
    }
    if let ratio = diagnosis.normRatio {
      reasons.append("Its length is \(text(ratio, " times that of exact") { $0.significant(3) }).")
    }
    if diagnosis.angle != nil, diagnosis.decreaseShare == nil {
      reasons.append("No outer step against the exact meta-gradient lowers the meta-loss.")
    }
    if let share = diagnosis.decreaseShare {
      reasons.append(
        "Along first order, an outer step as long as is best for exact "
          + (share.isFinite
            ? "lowers the meta-loss by \((100 * share).fixed(0)) % of what it does along exact."
            : "ends where the meta-loss is not finite."))
    }
    reasons.append(
      "The largest curvature of the support loss is \(diagnosis.curvature.largest.significant(3)), times "
        + "the rate \(strength.significant(3)): a step back can change a gradient by up to "
        + "\((100 * strength).fixed(0)) % of its length.")
    if tasks < Diagnosis.fewestTasks {
      reasons.append(
        "\("task".counted(tasks)) \(tasks == 1 ? "says" : "say") too little of others of the kind: give "
          + "\(Diagnosis.fewestTasks) or more, better ten, for a verdict.")
    } else if tasks < 10 {
      reasons.append(
        "Ranges of \(tasks) tasks are too narrow for 95 % confidence: give ten or more.")
    }
    return reasons
  }

  struct Document: Encodable {
    struct Interval: Encodable {
      var value: Double
      @Present var low: Double?
      @Present var high: Double?

      init(_ estimate: Diagnosis.Estimate) {
        value = estimate.value
        low = estimate.interval?.lowerBound
        high = estimate.interval?.upperBound
      }
    }
    struct Growth: Encodable {
      var rate: Double
      var steps: Int
      @Present var angle: Double?
      @Present var normRatio: Double?
    }
    var problem: String
    var family: String
    var verdict: String
    var reasons: [String]
    @Present var angle: Interval?
    @Present var normRatio: Interval?
    var taskAngles: [Double?]
    var byRate: [Growth]
    var bySteps: [Growth]
    var largestCurvature: Double
    var rateTimesCurvature: Double
    @Present var decreaseShare: Double?
  }

  var document: Document {
    func growth(_ entries: [Diagnosis.Growth]) -> [Document.Growth] {
      entries.map {
        .init(
          rate: $0.rate, steps: $0.steps, angle: $0.gap?.angle, normRatio: $0.gap?.normRatio)
      }
    }
    return Document(
      problem: named.name, family: diagnosis.method, verdict: diagnosis.verdict.rawValue,
      reasons: reasons, angle: diagnosis.angle.map(Document.Interval.init),
      normRatio: diagnosis.normRatio.map(Document.Interval.init), taskAngles: diagnosis.taskAngles,
      byRate: growth(diagnosis.byRate), bySteps: growth(diagnosis.bySteps),
      largestCurvature: diagnosis.curvature.largest, rateTimesCurvature: strength,
      decreaseShare: diagnosis.decreaseShare)
  }
}
