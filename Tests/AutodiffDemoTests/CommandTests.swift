import Foundation
import Tape
import TestSupport
import Testing

@Suite struct CommandTests {
  static let methods = ["maml", "fo-maml", "anil", "fo-anil", "joint"]

  @Test func withoutACommandItCompares() throws {
    let run = try Demo()
    #expect(run.status == 0 && run.error.isEmpty)
    #expect(run.output == (try Demo("compare")).output)
    #expect(run.output == (try Demo("--seed", "1")).output)
    #expect(run.output != (try Demo("--seed", "2")).output)
    for name in ["linear-20x3-m25-s1-t10", "sinusoid-1x40x40x1-m10-s5-t25", "first-order"] {
      #expect(run.output.contains(name))
    }
    #expect(
      run.output.split(separator: "\n").last?.hasPrefix(
        "All parameters together, first order points") == true)
  }

  @Test func comparesAsJSON() throws {
    let run = try Demo("compare", "--json")
    #expect(run.status == 0 && run.error.isEmpty)
    #expect(run.output == (try Demo("compare", "--json")).output)
    let problems = try #require(try run.json()["problems"] as? [[String: Any]])
    #expect(
      problems.compactMap { $0["name"] as? String } == [
        "linear-20x3-m25-s1-t10", "sinusoid-1x40x40x1-m10-s1-t25", "sinusoid-1x40x40x1-m10-s5-t25",
      ])
    for problem in problems {
      let methods = try #require(problem["methods"] as? [String: [String: Any]])
      #expect(Set(methods.keys) == ["maml", "fo-maml", "anil", "fo-anil"])
      for (name, method) in methods {
        for key in ["loss", "gradientNorm", "instructions", "multiplyAdds", "peakBytes"] {
          #expect((method[key] as? Double ?? 0) > 0, "\(name) \(key)")
        }
        let cuts = method["cuts"] as? [String]
        #expect(cuts?.isEmpty == !name.hasPrefix("fo-"))
      }
      let gaps = try #require(problem["gaps"] as? [String: [String: Any]])
      #expect(Set(gaps.keys) == ["maml", "anil"])
      for gap in gaps.values {
        let parameters = try #require(gap["parameters"] as? [[String: Any]])
        for part in [gap] + parameters {
          #expect(abs(part["cosine"] as? Double ?? 2) <= 1)
          #expect((part["normRatio"] as? Double ?? -1) > 0)
          #expect((part["relativeError"] as? Double ?? -1) > 0)
        }
        #expect(parameters.compactMap { $0["name"] as? String }.count == parameters.count)
      }
    }
  }

  @Test func comparesAFileOfRealDigits() throws {
    let run = try Demo("compare", path("digits-5way-1shot"))
    #expect(run.status == 0 && run.error.isEmpty)
    #expect(
      run.output.contains(
        "digits-5way-1shot\n  ReLU network 64-12-5, softmax-cross-entropy, 3 tasks of 5 + 15 points"
      ))
    // The meta-loss of the reference.
    #expect(run.output.contains("1.5577"))
    let bare = try Demo("compare", "-", "--json", input: DocumentTests.exampleProblem())
    #expect(bare.status == 0)
  }

  @Test(arguments: references, methods)
  func metagradientAgreesWithTheReference(_ reference: String, _ method: String) throws {
    for route in ["unrolled", "adjoint"] {
      let run = try Demo("metagradient", path(reference), "--method", method, "--route", route)
      #expect(run.status == 0 && run.error.isEmpty)
      let answer = try run.json()
      #expect(answer["method"] as? String == method)
      #expect(answer["route"] as? String == route)
      guard method != "joint" else { continue }
      let file = try JSONSerialization.jsonObject(
        with: Data(contentsOf: fixtures.appendingPathComponent("\(reference).json")))
      let table = (file as? [String: Any])?["references"] as? [String: [String: Any]]
      let expected = try #require(table?[method])
      let loss = try #require(expected["loss"] as? Double)
      #expect(abs((answer["loss"] as? Double ?? .nan) / loss - 1) < 1e-12)
      let ours = try #require(answer["gradient"] as? [[String: Any]])
      let theirs = try #require(expected["gradient"] as? [[String: Any]])
      #expect(ours.count == theirs.count)
      for (a, b) in zip(ours, theirs) {
        for key in ["name", "rows", "columns"] {
          #expect("\(a[key] ?? "-")" == "\(b[key] ?? "+")")
        }
        let (x, y) = (a["values"] as? [Double] ?? [], b["values"] as? [Double] ?? [])
        #expect(x.count == y.count)
        let size = y.map(abs).max() ?? 0
        #expect(zip(x, y).allSatisfy { abs($0 - $1) <= 1e-12 * size })
      }
    }
  }

  @Test func checksReferences() throws {
    let run = try Demo(["check"] + references.map(path))
    #expect(run.status == 0 && run.error.isEmpty)
    #expect(run.output.contains("Worst of 56:"))
    let json = try Demo("check", path("linear-1step"), "--json")
    let list = try #require(
      try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]])
    #expect(list.count == 8)
    #expect(list.allSatisfy { ($0["relativeError"] as? Double ?? 1) <= 1e-12 })
  }

  @Test func aWrongReferenceFailsTheCheck() throws {
    let url = fixtures.appendingPathComponent("linear-1step.json")
    var text = try String(contentsOf: url, encoding: .utf8)
    let range = try #require(text.range(of: "\"loss\": 0.7"))
    text.replaceSubrange(range, with: "\"loss\": 0.70000001")
    let run = try Demo("check", "-", input: text)
    #expect(run.status == 1)
    #expect(run.output.contains("OVER 1e-10"))
  }

  @Test func aReferenceThatIsOffInTheEighthDigitFails() throws {
    let url = fixtures.appendingPathComponent("linear-1step.json")
    let text = try String(contentsOf: url, encoding: .utf8)
    let edited = text.replacing("\"loss\": 0.7804070", with: "\"loss\": 0.7804071")
    #expect(edited != text)
    #expect(try Demo("check", "-", input: edited).status == 1)
  }

  @Test func withoutStepsThereIsNothingToCut() throws {
    let problem = try DocumentTests.exampleProblem().replacing("\"steps\": 1", with: "\"steps\": 0")
    for command in ["compare", "tape"] {
      #expect(try Demo(command, "-", input: problem).output.contains("there is nothing to cut"))
    }
  }

  @Test func checksEveryOperation() throws {
    let run = try Demo("check")
    #expect(run.status == 0 && run.error.isEmpty)
    #expect(run.output.contains(" operations are within 1e-09"))
    for operation in Operation.allCases
    where ![.input, .constant, .stopGradient].contains(operation) {
      #expect(run.output.contains("  \(operation) "))
    }
    #expect(try Demo("check", "--json", "--seed", "3").status == 0)
  }

  @Test func benchTimesWorkloads() throws {
    let run = try Demo(
      "bench", "--workload", "linear-20x3-m25-s1-t1", "--seconds", "0.01", "--threads", "2",
      "--json")
    #expect(run.status == 0 && run.error.isEmpty)
    let list = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [[String: Any]])
    #expect(list.count == 8)
    for timing in list {
      for key in [
        "microseconds", "compileMicroseconds", "instructions", "multiplyAdds", "workspaceBytes",
      ] { #expect((timing[key] as? Double ?? 0) > 0) }
      #expect(timing["route"] as? String == "unrolled")
    }
    let table = try Demo("bench", "--method", "anil", "--seconds", "0.01", "--threads", "1")
    #expect(table.output.contains("on 1 thread, ") && !table.output.contains("sinusoid"))
  }

  @Test func listsTapes() throws {
    let run = try Demo("tape")
    #expect(run.status == 0 && run.error.isEmpty)
    #expect(run.output.contains("maml, order exact\n"))
    #expect(run.output.contains("fo-maml, order first-order\n"))
    #expect(run.output.contains("    2  matmul"))
    #expect(run.output.contains("stopGradient"))
    let single = try Demo("tape", path("linear-1step"), "--method", "fo-anil")
    #expect(single.output.contains("inner step 1 / gradient of W"))
    #expect(!single.output.contains("inner step 1 / gradient of B"))
    let dot = try Demo("tape", "--dot", "--method", "fo-maml")
    #expect(dot.output.hasPrefix("digraph tape {") && dot.output.contains("style=dashed"))
    #expect(try Demo("tape", "--dot").output.contains("#f5b95f"))
  }

  @Test(arguments: ["compare", "metagradient", "check", "tape", "bench", "mdp"])
  func everyCommandHasHelpWithAnExample(_ command: String) throws {
    let help = try Demo(command, "--help")
    #expect(help.status == 0 && help.error.isEmpty)
    #expect(help.output.contains("usage: autodiff-demo \(command)"))
    let example = help.output.split(separator: "\n").last { $0.hasPrefix("example: ") }
    #expect(example?.hasPrefix("example: autodiff-demo \(command)") == true)
    #expect(try Demo("--help").output.contains(command))
  }
}
