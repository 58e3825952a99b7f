import Meta
import Nets
import Tape
import Testing

/// What the instruments print of a problem without a network.
@Suite struct BilevelReportTests {
  static func ridge(learned: [String]) throws -> Bilevel {
    var generator = SeededGenerator(seed: 140)
    let tasks = (0..<6).map { _ -> Parameters<Matrix> in
      let truth = Matrix.gaussian(Shape(3, 1), using: &generator)
      func inputs() -> Matrix { .gaussian(Shape(8, 3), using: &generator) }
      func targets(_ x: Matrix) -> Matrix {
        x.matmul(truth) + .gaussian(Shape(8, 1), deviation: 0.5, using: &generator)
      }
      let (x, fresh) = (inputs(), inputs())
      return ["x": x, "y": targets(x), "fresh x": fresh, "fresh y": targets(fresh)]
    }
    return Bilevel(
      "ridge",
      outer: [
        "w": Matrix(Shape(3, 1), repeating: 0), "strength": Matrix(0.2),
        "learningRate": Matrix(0.3),
      ], learned: learned, tasks: tasks, steps: 10, start: { ["w": $0["w"]] },
      innerLoss: { inner, outer, task in
        0.5 * (task["x"].matmul(inner["w"]) - task["y"]).square().mean()
          + 0.5 * outer["strength"] * inner["w"].square().sum()
      },
      outerLoss: { inner, _, task in
        0.5 * (task["fresh x"].matmul(inner["w"]) - task["fresh y"]).square().mean()
      })
  }

  @Test func everyInstrumentSaysWhatItFound() throws {
    var generator = SeededGenerator(seed: 141)
    let report = try Self.ridge(learned: ["w", "strength", "learningRate"])
      .report(using: &generator)
    let text = "\(report)"
    for phrase in [
      "ridge, 6 tasks, 10 inner steps, learned: w, strength, learningRate",
      "fo-ridge against ridge: cosine", "  learningRate: cosine",
      "fo-ridge says nothing of strength: only what is cut reads it",
      "Do not trust first order here: fo-ridge says nothing of strength.",
      "The largest curvature of the inner loss is",
      "ridge keeps 10 paths through inner gradients, fo-ridge cuts 10",
      "First order plus all terms is exact to", "last steps", "To rounding, ridge follow",
      "fo-ridge does not (", "ridge     adjoint",
    ] { #expect(text.contains(phrase), "\(phrase)") }
    #expect(!text.contains("nan") && !text.contains("support") && !text.contains("query"))
  }

  /// With λ alone first order has nothing to say at all.
  @Test func aRegulariserAloneIsOutOfFirstOrdersSight() throws {
    var generator = SeededGenerator(seed: 142)
    let report = try Self.ridge(learned: ["strength"]).report(using: &generator)
    #expect(report.comparison.firstOrder.notSeen == ["strength"])
    #expect(report.diagnosis.verdict == .distrust)
    #expect(report.ledger.remainder < 1e-13)
    #expect("\(report)".contains("there is no angle to speak of"))
  }
}
