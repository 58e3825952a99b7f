import Foundation
import Meta
import Nets
import Tape
import TestSupport
import Testing
import autodiff_demo

/// `train` as its users meet it: the chain from a file to a trained one, interruptions, and damaged checkpoints.
@Suite struct TrainCommandTests {
  private static func temporary(_ name: String) -> String {
    NSTemporaryDirectory() + "train-\(UUID().uuidString)\(name)"
  }

  /// A run of the command that goes on, and whose output nobody reads.
  private static func launched(_ words: [String]) throws -> Process {
    let process = Process()
    process.executableURL = Demo.products.appendingPathComponent("autodiff-demo")
    process.arguments = words
    (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
    try process.run()
    return process
  }

  private static func waves(_ count: Int) throws -> MetaProblem {
    var generator = SeededGenerator(seed: 4)
    let network = ReLUNetwork(sizes: [1, 8, 1])
    return try MetaProblem(
      network: network, loss: .meanSquaredError,
      parameters: network.initialParameters(using: &generator).values, steps: 2,
      learningRate: 0.01,
      tasks: Sinusoids().tasks(count, support: 5, query: 6, using: &generator))
  }

  private static func write(_ problem: MetaProblem) throws -> String {
    let file = temporary(".json")
    try JSONEncoder().encode(problem).write(to: URL(fileURLWithPath: file))
    return file
  }

  /// What the command writes is what the library has trained, and every other command reads it.
  @Test func theTrainedFileIsThatOfTheLibrary() throws {
    let problem = try Self.waves(30)
    let (file, out) = (try Self.write(problem), Self.temporary(".json"))
    defer { for path in [file, out] { try? FileManager.default.removeItem(atPath: path) } }
    let words = ["train", file, "--iterations", "40", "--batch", "4", "--method", "fo-maml"]
    let run = try Demo(words + ["--out", out])
    #expect(run.status == 0 && run.error.isEmpty, "\(run.error)")

    let split = try TaskSplit(of: 30, validation: 0.1, test: 0.2, seed: 1)
    var training = MetaTraining()
    (training.iterations, training.batch) = (40, 4)
    let base = try problem.with(tasks: split.training.map { problem.tasks[$0] })
    var own = training.start(base, .firstOrderMAML, seed: 1)
    training.train(
      &own, base, tasks: .given(base.taskData),
      validation: split.validation.map { problem.taskData[$0] })
    let trained = try base.with(learned: own.learned(of: base))
      .with(tasks: split.test.map { problem.tasks[$0] })
    let written = try JSONDecoder().decode(
      MetaProblem.self, from: Data(contentsOf: URL(fileURLWithPath: out)))
    #expect(bits(written.parameters.values) == bits(trained.parameters.values))
    #expect(written.tasks == trained.tasks)

    let gradient = trained.metaGradient(.maml)
    let answer = try Demo("metagradient", out, "--method", "maml")
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any])
    #expect(object["loss"] as? Double == gradient.loss)
    let page = Self.temporary(".html")
    defer { try? FileManager.default.removeItem(atPath: page) }
    for command in [
      ["diagnose"], ["compare"], ["ledger"], ["report", "--html", page],
      ["train", "--iterations", "3"],
    ] {
      let run = try Demo([command[0], out] + command.dropFirst())
      #expect(run.status == 0, "\(command): \(run.error)")
    }
  }

  /// From a table to a trained file, which says how tasks were scaled, and from there to predictions.
  @Test func aTableIsTrainedOnAndPredicted() throws {
    let (out, new) = (Self.temporary(".json"), Self.temporary(".csv"))
    defer { for path in [out, new] { try? FileManager.default.removeItem(atPath: path) } }
    let table = repository.appendingPathComponent("docs/data/elnino.csv").path
    let words = [
      "train", "--csv", table, "--task", "year", "--inputs", "month", "--targets", "temperature",
      "--support", "4", "--iterations", "20", "--out", out,
    ]
    let run = try Demo(words)
    #expect(run.status == 0, "\(run.error)")
    for command in [["diagnose", out], ["metagradient", out, "--method", "maml"]] {
      let run = try Demo(command)
      #expect(run.status == 0, "\(run.error)")
    }
    // What the command says of a year is what the library says of it.
    let file = try JSONDecoder().decode(
      ProblemFile.self, from: Data(contentsOf: URL(fileURLWithPath: out)))
    let layout = try #require(file.table)
    let text = "month,year,temperature\n1,2011,24.5\n2,2011,25.5\n3,2011,\n1,2012,\n2,2012,25\n"
    try Data(text.utf8).write(to: URL(fileURLWithPath: new))
    let predicted = try Demo("predict", out, "--csv", new)
    #expect(predicted.status == 0, "\(predicted.error)")
    let tasks = try TableTasks(Table(text), layout: layout, missingTargets: true)
    let known = try tasks.points([0, 1])
    let own = try tasks.points([4])
    let adapted = file.problem.predictions(
      for: try tasks.inputMatrix([2]), after: LearningTask(support: known, query: known))
    let other = file.problem.predictions(
      for: try tasks.inputMatrix([3]), after: LearningTask(support: own, query: own))
    let cells = [adapted, other].map { layout.unscaled($0).elements[0] }
    #expect(
      predicted.output
        == "line,year,temperature\r\n4,2011,\(cells[0])\r\n5,2012,\(cells[1])\r\n")
    // The mean of the years that were trained on is what a column was scaled by.
    guard case .number(let mean, _) = layout.inputs[0].kind else { return #expect(Bool(false)) }
    #expect(mean == 6.5)
    let refused: [([String], String)] = [
      (["nowhere.json", "--csv", new], "nowhere.json: cannot be read"),
      ([out], "--csv is missing"), ([out, "--csv", table], "nothing is to be predicted"),
      ([path("linear-1step"), "--csv", new], "does not say how it was made from a table"),
      ([out, "--csv", new, "--support", "1"], "row 5, column 'temperature'"),
    ]
    for (words, part) in refused { try BadInputTests.expectRefusal(["predict"] + words, part) }
  }

  @Test func allMethodsSideBySide() throws {
    let file = try Self.write(Self.waves(20))
    let paths = [".svg", ".csv"].map(Self.temporary)
    defer { for path in paths + [file] { try? FileManager.default.removeItem(atPath: path) } }
    let words = ["train", file, "--methods", "all", "--iterations", "10", "--seeds", "2"]
    let run = try Demo(words + ["--svg", paths[0], "--curves", paths[1]])
    #expect(run.status == 0, "\(run.error)")
    for method in Method.allCases { #expect(run.output.contains("\n  \(method.rawValue) ")) }
    #expect(run.output.contains("fo-maml against maml, task by task: loss"))
    #expect(try Demo(words).output == run.output)
    let json = try Demo(words + ["--json"])
    let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
    #expect((object?["runs"] as? [Any])?.count == 10)
    let picture = try Data(contentsOf: URL(fileURLWithPath: paths[0]))
    #expect(String(decoding: picture, as: UTF8.self).contains("</svg>"))
  }

  /// Each task judges in one fold, beside a model that knows no tasks.
  @Test func foldsAndTheModelWithoutTasks() throws {
    let file = try Self.write(Self.waves(9))
    defer { try? FileManager.default.removeItem(atPath: file) }
    let words = ["train", file, "--folds", "3", "--iterations", "5", "--methods", "maml,joint"]
    let run = try Demo(words)
    #expect(run.status == 0, "\(run.error)")
    #expect(run.output.contains("the first of 3 folds, in which each task judges once"))
    #expect(run.output.contains("\n  ridge on all rows "))
    #expect(run.output.contains("that of joint after"))
    #expect(try Demo(words).output == run.output)
    // Standard input is read once for all folds.
    let text = try String(contentsOfFile: file, encoding: .utf8)
    let piped = try Demo(["train", "-"] + words.dropFirst(2), input: text)
    #expect(piped.output.drop { $0 != ":" } == run.output.drop { $0 != ":" }, "\(piped.error)")
    try BadInputTests.expectRefusal(words + ["--seeds", "2"], "--seeds does not go with --folds")
    try BadInputTests.expectRefusal(
      ["train", file, "--folds", "10"], "9 of them for 10 folds")
  }

  @Test func badWordsAreRefused() throws {
    let file = try Self.write(Self.waves(5))
    defer { try? FileManager.default.removeItem(atPath: file) }
    let refused: [([String], String)] = [
      ([], "FILE or --csv is missing"), (["nowhere.json"], "nowhere.json: cannot be read"),
      ([file, "--method", "x"], "--method 'x' is not one of maml"),
      ([file, "--methods", "maml,x"], "--methods has 'x'"),
      ([file, "--methods", "maml,maml"], "--methods names one twice"),
      ([file, "--methods", "all", "--method", "maml"], "two ways to say one thing"),
      ([file, "--methods", "all", "--out", "x.json"], "--out is of one training"),
      ([file, "--out", file], "is the problem itself"),
      ([file, "--validate", "1"], "is not from 0 up to 1"),
      ([file, "--test", "0.9"], "leave none of 5 to train on"),
      ([file, "--outer", "rates"], "--outer has 'rates'"),
      ([file, "--optimizer", "lbfgs"], "--optimizer 'lbfgs' is not one of adam, sgd, momentum"),
      ([file, "--route", "implicit"], "by route implicit"),
      ([file, "--solver", "cg"], "--solver is for --route implicit"),
      ([file, "--checkpoint", file], "is not a checkpoint of train"),
    ]
    for (words, part) in refused { try BadInputTests.expectRefusal(["train"] + words, part) }
  }

  /// Killed at any moment and resumed, a run ends with the same bytes.
  @Test func killsDoNotShow() throws {
    let file = try Self.write(Self.waves(20))
    let (checkpoint, out) = (Self.temporary(".checkpoint"), Self.temporary(".json"))
    defer {
      for path in [file, checkpoint, out] { try? FileManager.default.removeItem(atPath: path) }
    }
    let words = ["train", file, "--iterations", "1500", "--method", "anil", "--out", out]
    let whole = try Demo(words)
    let trained = FileManager.default.contents(atPath: out)
    var generator = SeededGenerator(seed: 8)
    var iterations: [Int] = []
    for _ in 0..<6 {
      let process = try Self.launched(
        words + ["--checkpoint", checkpoint, "--checkpoint-every", "0"])
      Thread.sleep(forTimeInterval: .random(in: 0.05...0.4, using: &generator))
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      let text = String(
        decoding: FileManager.default.contents(atPath: checkpoint) ?? Data(), as: UTF8.self)
      if let match = text.firstMatch(of: #/"iteration":(\d+),"optimizer"/#) {
        iterations.append(Int(match.1) ?? 0)
      }
    }
    #expect(iterations == iterations.sorted() && Set(iterations).count > 1, "\(iterations)")
    let resumed = try Demo(words + ["--checkpoint", checkpoint])
    #expect(resumed.output == whole.output, "\(resumed.error)")
    #expect(FileManager.default.contents(atPath: out) == trained)
  }

  /// Wherever a checkpoint is damaged, it is refused in one line.
  @Test func damagedCheckpointsAreRefused() throws {
    let file = try Self.write(Self.waves(20))
    let checkpoint = Self.temporary(".checkpoint")
    defer { for path in [file, checkpoint] { try? FileManager.default.removeItem(atPath: path) } }
    let words = ["train", file, "--iterations", "20", "--checkpoint", checkpoint]
    let whole = try Demo(words)
    let sound = try #require(FileManager.default.contents(atPath: checkpoint))
    var generator = SeededGenerator(seed: 3)
    for damage in 0..<40 {
      var data = sound
      let place = Int.random(in: 0..<data.count, using: &generator)
      switch damage % 4 {
      case 0: data[place] ^= UInt8(1) << UInt8.random(in: 0..<8, using: &generator)
      case 1: data.removeSubrange(place...)
      case 2: data.insert(UInt8.random(in: 32..<127, using: &generator), at: place)
      default: data[place] = UInt8.random(in: 48..<58, using: &generator)
      }
      try data.write(to: URL(fileURLWithPath: checkpoint))
      let run = try Demo(words)
      if run.status == 0 {
        #expect(run.output == whole.output, "\(damage) at \(place)")
      } else {
        #expect(run.status == 2 && run.output.isEmpty && run.error.filter(\.isNewline).count == 1)
        #expect(run.error.contains("--checkpoint \(checkpoint): is "), "\(run.error)")
      }
    }
    // Of other tasks, of another rate.
    try sound.write(to: URL(fileURLWithPath: checkpoint))
    for other in [
      ["--seed", "2"], ["--outer-rate", "0.01"], ["--test", "0.3"], ["--route", "adjoint"],
    ] {
      try BadInputTests.expectRefusal(words + other, "is of a run with other settings")
    }
    #expect(FileManager.default.contents(atPath: checkpoint) == sound)
  }

  @Test func twoRunsDoNotShareACheckpoint() throws {
    let file = try Self.write(Self.waves(20))
    let checkpoint = Self.temporary(".checkpoint")
    defer { for path in [file, checkpoint] { try? FileManager.default.removeItem(atPath: path) } }
    let words = ["train", file, "--iterations", "1000000", "--checkpoint", checkpoint]
    let first = try Self.launched(words + ["--checkpoint-every", "0"])
    defer {
      kill(first.processIdentifier, SIGKILL)
      first.waitUntilExit()
    }
    for _ in 0..<100 where (FileManager.default.contents(atPath: checkpoint) ?? Data()).isEmpty {
      Thread.sleep(forTimeInterval: 0.05)
    }
    // Again and again, since the first replaces the file all the time.
    for _ in 0..<10 { try BadInputTests.expectRefusal(words, "another run keeps it") }
  }
}
