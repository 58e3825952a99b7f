public import Nets
public import Tape

/// Whether first order is good enough wherever a training may start, and not only at one point.
///
/// What is said at one start holds there: the angle may be 9° at one initialisation and 27° at another, on the same
/// tasks. So two things are uncertain, the tasks and the start, and are said apart.
public struct DiagnosisOverStarts: Sendable {
  /// A figure at several starts.
  public struct Spread: Encodable, Equatable, Sendable {
    /// From the smallest to the largest of all starts.
    public let range: ClosedRange<Double>
    /// The mean over starts; of ratios of lengths, the geometric one.
    public let mean: Double
    /// Where the mean over these starts may lie for the expectation over tasks; nil where that of a start is.
    ///
    /// Its ends are the means of the ends that ``Diagnosis/Estimate/interval`` has at each start: since all starts see
    /// the same tasks, their errors are taken to be of one sign, and cannot make it narrower.
    public let overTasks: ClosedRange<Double>?
    /// Where the mean over all starts may lie, on these tasks, with 95 % confidence by Student's distribution.
    public let overStarts: ClosedRange<Double>
    /// Where the mean may lie over all starts and all tasks: both margins as independent errors.
    ///
    /// - Reference: Owen, *The pigeonhole bootstrap* (2007): variances over rows and over columns, added up, are no
    ///   less than that of a mean over both.
    public let overBoth: ClosedRange<Double>?
  }

  /// A verdict over all starts asks for it at this share of them.
  public static let agreement = 0.9
  /// Of fewer starts nothing is said.
  public static let fewestStarts = 3

  /// The problem in a line.
  public let summary: String
  /// What the exact meta-gradient is called.
  public let method: String
  /// What was found at each start.
  public let records: [DiagnosisRecord]

  /// The angle between the mean gradients of both orders, in degrees; nil if fewer than three starts have one.
  public var angle: Spread? {
    Spread(records.compactMap(\.angle), within: 0...180, { $0 }, inverse: { $0 })
  }

  /// ‖first order‖ / ‖exact‖ of the mean gradients; nil if fewer than three starts have one.
  public var normRatio: Spread? {
    Spread(
      records.compactMap(\.normRatio), within: 0...(.greatestFiniteMagnitude), scalarLog,
      inverse: scalarExp)
  }

  package init(summary: String, method: String, records: [DiagnosisRecord]) {
    (self.summary, self.method, self.records) = (summary, method, records)
  }

  /// How many starts come to a verdict.
  public func count(of verdict: Diagnosis.Verdict) -> Int {
    records.count { $0.verdict == verdict }
  }

  /// What is advised: the verdict of nine starts in ten, if none says the opposite; else doubt.
  public var verdict: Diagnosis.Verdict {
    let least = Self.agreement * Double(records.count)
    let (trust, distrust) = (count(of: .trust), count(of: .distrust))
    if distrust == 0 && Double(trust) >= least { return .trust }
    return trust == 0 && Double(distrust) >= least ? .distrust : .doubt
  }
}

extension DiagnosisOverStarts.Spread {
  /// Takes estimates together, on a scale; nil if there are too few.
  fileprivate init?(
    _ estimates: [Diagnosis.Estimate], within bounds: ClosedRange<Double>,
    _ scale: (Double) -> Double, inverse: (Double) -> Double
  ) {
    let count = estimates.count
    if count < DiagnosisOverStarts.fewestStarts { return nil }
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(count) }
    func bounded(_ low: Double, _ high: Double) -> ClosedRange<Double> {
      max(bounds.lowerBound, inverse(low))...min(bounds.upperBound, inverse(high))
    }
    let values = estimates.map { scale($0.value) }
    let middle = mean(values)
    let squares = values.reduce(0) { $0 + ($1 - middle) * ($1 - middle) }
    let margin =
      studentQuantile(count - 1, normal: 1.959963984540054)
      * (squares / Double(count * (count - 1))).squareRoot()
    let own = estimates.map(\.value).sorted()
    range = own[0]...own[count - 1]
    self.mean = inverse(middle)
    overStarts = bounded(middle - margin, middle + margin)
    let ends = estimates.compactMap(\.interval)
    if ends.count < count {
      (overTasks, overBoth) = (nil, nil)
      return
    }
    let (low, high) = (
      mean(ends.map { scale($0.lowerBound) }), mean(ends.map { scale($0.upperBound) })
    )
    overTasks = bounded(low, high)
    overBoth = bounded(
      middle - norm([middle - low, margin]), middle + norm([high - middle, margin]))
  }
}

extension BilevelProblem {
  /// Looks at whether first order would do wherever a training may start.
  ///
  /// - Parameters:
  ///   - starts: At each start, the values of some outer variables, the same ones at all; the others stay.
  ///   - threads: How many tasks run at once; it does not change a bit.
  ///   - generator: Where the first directions for the curvature come from.
  /// - Precondition: There are three starts or more, and each value is that of an outer variable of its shape;
  ///   anything else stops with a message.
  /// - Complexity: A ``diagnosisRecord(threads:using:)`` for each start.
  public func diagnosis(
    startingAt starts: [Parameters<Matrix>], threads: Int = 1,
    using generator: inout some RandomNumberGenerator
  ) -> DiagnosisOverStarts {
    if starts.count < DiagnosisOverStarts.fewestStarts {
      stop(
        "diagnosis(startingAt:): \(DiagnosisOverStarts.fewestStarts) starts at least, but there "
          + "are \(starts.count)")
    }
    var records: [DiagnosisRecord] = []
    for start in starts {
      records.append(diagnosisRecord(startingAt: start, threads: threads, using: &generator))
    }
    return DiagnosisOverStarts(summary: summary, method: name, records: records)
  }

  fileprivate func diagnosisRecord(
    startingAt start: Parameters<Matrix>, threads: Int,
    using generator: inout some RandomNumberGenerator
  ) -> DiagnosisRecord {
    with(learned: start).diagnosisRecord(threads: threads, using: &generator)
  }
}

extension MetaProblem {
  /// Looks at whether first order would do at initialisations that the network draws, with what adapts here.
  ///
  /// - Parameters:
  ///   - seeds: What the parameters of each initialisation are drawn from, three or more.
  ///   - gain: That of `initialParameters(gain:using:)` of the network; by default 1 for a linear network, else √2.
  ///   - threads: How many tasks run at once; it does not change a bit.
  ///   - generator: Where the first directions for the curvature come from.
  public func diagnosis(
    initialisations seeds: [UInt64], gain: Double? = nil, threads: Int = 1,
    using generator: inout some RandomNumberGenerator
  ) -> DiagnosisOverStarts {
    diagnosis(
      startingAt: seeds.map { initialParameters($0, gain: gain) }, threads: threads,
      using: &generator)
  }

  /// One of the records of ``diagnosis(initialisations:gain:threads:using:)``.
  package func diagnosisRecord(
    initialisation seed: UInt64, gain: Double?, threads: Int,
    using generator: inout some RandomNumberGenerator
  ) -> DiagnosisRecord {
    diagnosisRecord(
      startingAt: initialParameters(seed, gain: gain), threads: threads, using: &generator)
  }

  private func initialParameters(_ seed: UInt64, gain: Double?) -> Parameters<Matrix> {
    var generator = SeededGenerator(seed: seed)
    let isLinear = network is LinearTwoLayer || network is LinearModel
    return network.initialParameters(
      gain: gain ?? (isLinear ? 1 : 2.0.squareRoot()), using: &generator)
  }
}
