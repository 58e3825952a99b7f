import Nets
public import Tape

/// What a meta-gradient was said to take before it ran, and what it took.
public struct CostCertificate: Sendable {
  /// What was differentiated.
  public let order: Order
  /// The route.
  public let route: Route
  /// The number of inner steps.
  public let steps: Int
  /// All else, which can be written down and read.
  package let figures: Figures

  package struct Figures: Codable, Sendable {
    let method: String
    let predicted: Cost
    let predictedMemory: Int
    let predictedSeconds: Double
    let measured: Cost?
    let measuredSeconds: Double?
    let forwardSteps, countedForwardSteps: Int?
  }

  package init(order: Order, route: Route, steps: Int, figures: Figures) {
    (self.order, self.route, self.steps, self.figures) = (order, route, steps, figures)
  }

  /// What the problem is called, with `fo-` before it if the order is first order.
  public var method: String { figures.method }
  /// What the tape says beforehand.
  public var predicted: Cost { figures.predicted }
  /// The bytes that the programs would take as well, said beforehand.
  public var predictedMemory: Int { figures.predictedMemory }
  /// The seconds that runs of one and four steps let expect.
  public var predictedSeconds: Double { figures.predictedSeconds }
  /// What was counted of the programs that ran, at the full number of steps, and the memory that was
  /// reserved for them; nil if it was not run.
  public var measured: Cost? { figures.measured }
  /// The seconds that it took, the fastest of some runs on one thread; nil if it was not run.
  public var measuredSeconds: Double? { figures.measuredSeconds }
  /// With checkpoints, the steps that one task takes forward, those that are taken again among them, by the formula of
  /// Griewank and Walther; nil for other routes.
  public var forwardSteps: Int? { figures.forwardSteps }
  /// The same, counted; nil for what was not run, too.
  public var countedForwardSteps: Int? { figures.countedForwardSteps }
}

extension BilevelProblem {
  /// Predicts what a meta-gradient takes, then computes it and counts.
  ///
  /// Costs are predicted as ``predictedCost(order:by:)`` says, times from runs of one and four steps, in proportion to
  /// the multiply-adds where points are computed again; neither grows with the number of steps that is asked about.
  ///
  /// - Parameters:
  ///   - order: What is differentiated.
  ///   - route: How it is computed.
  ///   - memoryLimit: The bytes beyond which the full number of steps is not run: then the certificate
  ///     has no measurement.
  ///   - repeats: Of how many runs the fastest counts: at least one, and no more than a tenth of a second.
  public func certificate(
    order: Order = .exact, by route: Route = .unrolled, memoryLimit: Int = .max, repeats: Int = 20
  ) -> CostCertificate {
    let predicted = predictedCost(order: order, by: route)
    let (short, long) = (1, 4)
    func seconds(_ steps: Int) -> Double {
      varied(steps: steps).run(order, route, repeats).seconds
    }
    let (quick, slow) = (seconds(short), seconds(long))
    let perStep = max(0, (slow - quick) / Double(long - short))
    let memory = predictedMemory(order: order, by: route)
    let forwardSteps =
      route.name == "checkpointed"
      ? Differentiation(self, order).taskGradient(route, taskData[0]).forwardSteps : nil
    // Steps that are taken again are seen in the work alone.
    let expected =
      forwardSteps == nil
      ? max(0, quick + Double(steps - short) * perStep)
      : slow * Double(predicted.multiplyAdds)
        / Double(max(1, varied(steps: long).predictedCost(order: order, by: route).multiplyAdds))
    let run = memory <= memoryLimit ? run(order, route, repeats) : nil
    return CostCertificate(
      order: order, route: route, steps: steps,
      figures: .init(
        method: Differentiation(self, order).label, predicted: predicted, predictedMemory: memory,
        predictedSeconds: expected, measured: run?.cost, measuredSeconds: run?.seconds,
        forwardSteps: forwardSteps, countedForwardSteps: run?.forwardSteps))
  }

  fileprivate func run(
    _ order: Order, _ route: Route, _ repeats: Int
  ) -> (cost: Cost, seconds: Double, forwardSteps: Int?) {
    let evaluator = MetaGradientEvaluator(self, order: order, by: route)
    let clock = ContinuousClock()
    let start = clock.now
    var times: [Double] = []
    var answer: MetaGradient?
    repeat {
      times.append(clock.measure { answer = evaluator.evaluate() } / .seconds(1))
    } while times.count < repeats && clock.now - start < .milliseconds(100)
    var cost = evaluator.cost
    cost.peakBytes = evaluator.reservedBytes
    var forwardSteps: Int?
    if case .recomputation(let found) = answer?.evidence.first {
      forwardSteps = found.forwardSteps
    }
    return (cost, times.min() ?? 0, forwardSteps)
  }
}

extension CostCertificate: CustomStringConvertible {
  /// What was predicted beside what was counted, as the command `cost` prints it.
  public var description: String { Self.table([self]) }

  /// Several certificates as a table.
  package static func table(_ certificates: [CostCertificate]) -> String {
    var table = TextTable(
      header: [
        "method", "route", "steps", "instructions", "counted", "multiply-adds", "counted", "memory",
        "reserved", "time", "measured",
      ], leftAligned: [0, 1])
    let isCheckpointed = certificates.contains { $0.forwardSteps != nil }
    if isCheckpointed { table.header += ["forward", "counted"] }
    for one in certificates {
      let (said, counted) = (one.predicted, one.measured)
      table.rows.append([
        one.method, one.route.name, one.steps.grouped,
        said.instructions.grouped, counted?.instructions.grouped ?? "–",
        said.multiplyAdds.grouped, counted?.multiplyAdds.grouped ?? "–",
        said.peakBytes.bytes, counted?.peakBytes.bytes ?? "–",
        (1e6 * one.predictedSeconds).duration,
        one.measuredSeconds.map { (1e6 * $0).duration } ?? "–",
      ])
      if isCheckpointed {
        table.rows[table.rows.count - 1] += [one.forwardSteps, one.countedForwardSteps].map {
          $0?.grouped ?? "–"
        }
      }
    }
    return table.text
  }
}

extension CostCertificate: Encodable {
  /// Writes both costs with their times; null is what was not measured.
  public func encode(to encoder: any Encoder) throws {
    func numbers(_ cost: Cost, _ seconds: Double) -> JSONObject {
      [
        "instructions": cost.instructions, "multiplyAdds": cost.multiplyAdds,
        "peakBytes": cost.peakBytes, "seconds": seconds,
      ]
    }
    var object: JSONObject = [
      "method": method, "route": route, "steps": steps,
      "predicted": numbers(predicted, predictedSeconds),
      "measured": measured.flatMap { cost in measuredSeconds.map { numbers(cost, $0) } },
    ]
    if let forwardSteps {
      object["forwardSteps"] = forwardSteps
      object["countedForwardSteps"] = countedForwardSteps
    }
    try object.encode(to: encoder)
  }
}
