import Foundation
import TestSupport
import Testing

@testable import autodiff_demo

/// A number that does not exist is absent from every answer: a dash, null, or an empty cell.
@Suite struct NonFiniteTests {
  private func expectNone(in run: Demo, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(run.status == 0 && run.error.isEmpty, "\(run.error)", sourceLocation: sourceLocation)
    let words = run.output.split { !$0.isLetter }.map { $0.lowercased() }
    #expect(
      !words.contains("nan") && !words.contains("inf") && !words.contains("infinity"),
      "\(run.output)", sourceLocation: sourceLocation)
  }

  /// The worked example of the documents with other numbers in it.
  private func problem(_ edits: (String, String)...) throws -> String {
    try edits.reduce(DocumentTests.exampleProblem()) { text, edit in
      #expect(text.contains(edit.0))
      return text.replacing(edit.0, with: edit.1)
    }
  }

  @Test func curvatureThatOverflows() throws {
    let large = try problem(
      ("[0.5, -0.25]", "[1e70, -0.25]"), ("[2, 1, 1, -1]", "[1e70, 1, 1, -1]"))
    let text = try Demo("diagnose", "-", input: large)
    if text.status == 0 { expectNone(in: text) }
    let answer = try Demo("diagnose", "-", "--json", input: large)
    #expect(answer.status == text.status)
    if answer.status == 0 { expectNone(in: answer) }
  }

  @Test func errorsThatOverflow() throws {
    let words = [
      "sinusoid", "--iterations", "1", "--inner-rate", "1000", "--test-tasks", "2",
    ]
    let file = StudyCommandTests.temporary(".csv")
    defer { try? FileManager.default.removeItem(atPath: file) }
    let table = try Demo(words + ["--csv", file])
    expectNone(in: table)
    #expect(table.output.contains("  – ± –"), "\(table.output)")
    expectNone(in: try Demo(words + ["--json"]))
    let rows = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\r\n")
    #expect(rows.contains { $0.hasSuffix(",,") } && !rows.contains { $0.contains("nan") })
  }

  /// Sums of such squares are not finite, so there is no regression to compare with.
  @Test func regressionsOfLargeNumbers() throws {
    let large = try problem(("[1, 2, -1, 1, 2, -1]", "[1e160, 2, -1, 1, 2, -1]"), ("0.1", "0"))
    let words = [
      "train", "-", "--iterations", "1", "--validate", "0", "--test", "0", "--method", "joint",
    ]
    let run = try Demo(words, input: large)
    if run.status == 0 {
      expectNone(in: run)
      #expect(!run.output.contains("ridge on all rows"))
    } else {
      #expect(run.error.contains("not finite"), "\(run.error)")
    }
  }

  /// One over the length of this gradient is infinite, its direction is not.
  @Test func gradientsNearTheSmallestNumber() throws {
    let small = try problem(("[1, 0, -1]", "[0, 0, 0]"), ("[0.5, -0.25]", "[1e-160, -1e-160]"))
    let run = try Demo("dial", "-", "--step-length", "1", input: small)
    expectNone(in: run)
    expectNone(in: try Demo("dial", "-", "--step-length", "1", "--json", input: small))
  }

  @Test func numbersInJSON() throws {
    let numbers = [Double.nan, 1, .infinity, -.infinity]
    #expect(try json(["a": numbers]) == "{\"a\":[null,1,null,null]}\n")
    let named = try json(numbers, namesInfinity: true)
    #expect(named == "[\"nan\",1,\"inf\",\"-inf\"]\n")
    let read = try decoderOfNamedInfinity.decode([Double].self, from: Data(named.utf8))
    #expect(read[0].isNaN && read[1...] == numbers[1...])
  }

  /// Whatever is to be shown, the ends of an axis are numbers, and it marks some.
  @Test func axesOfAnyNumbers() {
    let smallest = Double.leastNonzeroMagnitude
    let extremes = [
      0, 1, smallest, 2000 * smallest, .leastNormalMagnitude, 1e-300, 1e-9, 1e17, 1e300, 1.7e308,
      .greatestFiniteMagnitude, .infinity, .nan,
    ].flatMap { [$0, -$0, $0.nextUp] }
    for low in extremes {
      for high in extremes {
        for (isLogarithmic, isWhole) in [
          (false, false), (true, false), (false, true), (true, true),
        ] {
          let axis = Axis(label: "x", isLogarithmic: isLogarithmic, isWhole: isWhole)
          let fitted = axis.fitted(to: [low, high])
          #expect(fitted.low.isFinite && fitted.high.isFinite && fitted.low < fitted.high)
          #expect(!fitted.ticks.isEmpty && fitted.ticks.count < 50)
          for tick in fitted.ticks {
            #expect(fitted.position(tick)?.isFinite ?? true, "\(low) \(high) \(axis)")
          }
          for value in [low, high] {
            if let position = fitted.position(value) {
              #expect((-1e-9...1.000_000_001).contains(position), "\(low) \(high) \(axis)")
            }
          }
          _ = fitted.ticks.map(fitted.text)
          _ = fitted.label
        }
      }
    }
  }
}
