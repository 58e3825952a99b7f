import Foundation
import Meta
import Nets
import Tape
import TestSupport
import Testing

/// Training on many tasks: what is drawn, what is recorded, what is kept, and that nothing shows of an interruption.
@Suite struct MetaTrainingTests {
  private static let network = ReLUNetwork(sizes: [1, 6, 1])

  /// Tasks of two sizes.
  private static func problem(tasks count: Int = 12) throws -> MetaProblem {
    var generator = SeededGenerator(seed: 5)
    let tasks = (0..<count).map {
      Sinusoids().task(support: 4 + $0 % 2, query: 5, using: &generator)
    }
    return try MetaProblem(
      network: network, loss: .meanSquaredError,
      parameters: network.initialParameters(using: &generator).values, steps: 2,
      learningRate: 0.01, tasks: tasks)
  }

  private static var training: MetaTraining {
    var training = MetaTraining()
    (training.iterations, training.batch, training.records) = (30, 3, 5)
    training.optimizer = .adam(AdamOptimizer(rate: 0.01))
    return training
  }

  @Test func itIsTheTrainerOnDrawnTasks() throws {
    let problem = try Self.problem()
    let data = problem.taskData
    var run = Self.training.start(problem, .maml, seed: 3)
    var steps: [TrainingStep] = []
    Self.training.train(&run, problem, tasks: .given(data)) { step, _ in
      steps.append(step)
      return true
    }
    let names = data.map(\.flattened)
    var drawn: [Int: Int] = [:]
    for step in steps {
      let numbers = step.tasks.compactMap { names.firstIndex(of: $0.flattened) }
      #expect(numbers.count == 3 && Set(numbers).count == 3, "none twice in a step")
      for number in numbers { drawn[number, default: 0] += 1 }
    }
    #expect(drawn.count == 12, "each comes")
    // The same steps by hand.
    var (adam, values) = (AdamOptimizer(rate: 0.01), problem.parameters.values)
    for step in steps {
      let own = try problem.with(
        parameters: values,
        tasks: step.tasks.compactMap { names.firstIndex(of: $0.flattened) }.map {
          problem.tasks[$0]
        })
      let result = own.metaGradient(.maml)
      #expect(abs(step.loss - result.loss) <= 1e-12 * result.loss)
      var numbers = values.flattened
      adam.step(&numbers, gradient: step.gradient.flattened)
      #expect(relativeDistance(step.gradient.values, result.gradient.values) < 1e-12)
      values = Self.network.matrices(numbers)
    }
    #expect(run.state.parameters == values.flattened)
    #expect(Self.training.isFinished(run) && run.divergedAfter == nil)
    #expect(run.records.map(\.iteration) == [0, 6, 12, 18, 24, 30])
    let losses = steps.map(\.loss)
    #expect(run.records[0].loss == losses[0])
    let mean = losses[1...6].reduce(0, +) / 6
    #expect(abs((run.records[1].loss ?? 0) - mean) < 1e-12)
  }

  @Test func aBatchOfAllIsAllOfThem() throws {
    let problem = try Self.problem(tasks: 3)
    var run = Self.training.start(problem, .anil, seed: 1)
    Self.training.train(&run, problem, tasks: .given(problem.taskData)) { step, _ in
      #expect(step.tasks == problem.taskData)
      return true
    }
  }

  /// Stopped at any step, written down and read back, on other threads, it ends with the same bits.
  @Test(arguments: [Method.maml, .firstOrderANIL, .joint]) func nothingShowsOfAnInterruption(
    _ method: Method
  ) throws {
    let problem = try Self.problem().adapting(method.adaptation)
    let (train, watch) = (Array(problem.taskData[..<8]), Array(problem.taskData[8...]))
    var training = Self.training
    training.diagnoseEvery = method == .maml ? 7 : 0
    var whole = training.start(problem, method, seed: 2)
    training.train(&whole, problem, tasks: .given(train), validation: watch)
    for stop in [0, 6, 7, 17, 29] {
      var run = training.start(problem, method, seed: 2)
      var copied: MetaTraining.Run?
      training.train(&run, problem, tasks: .given(train), validation: watch) { step, copy in
        if step.iteration == stop { copied = copy() }
        return step.iteration < stop
      }
      #expect(run.state.iteration == stop + 1)
      let file = try JSONEncoder().encode(try #require(copied))
      var resumed = try JSONDecoder().decode(MetaTraining.Run.self, from: file)
      #expect(resumed == run)
      training.train(
        &resumed, problem, tasks: .given(train), validation: watch, threads: 2)
      #expect(resumed == whole)
    }
  }

  @Test func theBestIsTheLowestRecord() throws {
    let problem = try Self.problem()
    let watch = Array(problem.taskData[8...])
    var training = Self.training
    training.optimizer = .descent(SteepestDescent(rate: 0.05, momentum: 0.9))
    var run = training.start(problem, .maml, seed: 2)
    training.train(&run, problem, tasks: .given(Array(problem.taskData[..<8])), validation: watch)
    let lowest = try #require(run.records.min { ($0.validation ?? 9e9) < ($1.validation ?? 9e9) })
    let best = try #require(run.best)
    #expect(best.iteration == lowest.iteration && best.loss == lowest.validation)
    #expect(run.chosenIteration == best.iteration)
    let there = try problem.with(learned: run.learned(of: problem))
      .with(tasks: Array(problem.tasks[8...]))
    #expect(abs(there.meanLosses()[2] - best.loss) < 1e-12)
  }

  @Test func aTrainingThatDivergesStaysFinite() throws {
    let problem = try Self.problem()
    var training = Self.training
    training.optimizer = .descent(SteepestDescent(rate: 1e200))
    var run = training.start(problem, .maml, seed: 2)
    training.train(&run, problem, tasks: .given(problem.taskData))
    let after = try #require(run.divergedAfter)
    #expect(after < 30 && training.isFinished(run))
    #expect(run.state.parameters.allSatisfy { $0.isFinite })
    _ = try JSONEncoder().encode(run)
    let before = run
    training.train(&run, problem, tasks: .given(problem.taskData))
    #expect(run == before)
  }

  /// What is trained beside the parameters: a rate for each entry.
  @Test func ratesAreTrainedToo() throws {
    let problem = try Self.problem().metaSGD
    var run = Self.training.start(problem, .maml, seed: 1)
    Self.training.train(&run, problem, tasks: .given(problem.taskData))
    let trained = try problem.with(learned: run.learned(of: problem))
    guard case .byEntry(let rates) = trained.rates else { return #expect(Bool(false)) }
    #expect(Set(rates.values.flatMap(\.elements)).count > 10)
  }

  @Test func momentumIsTheFormula() {
    var descent = SteepestDescent(rate: 0.5, momentum: 0.25)
    var values = [1.0, -2]
    descent.step(&values, gradient: [1, 2])
    #expect(values == [0.5, -3])
    descent.step(&values, gradient: [1, 0])
    #expect(values == [0.5 - 0.5 * 1.25, -3 - 0.5 * 0.5])
  }

  @Test func accuracyCountsWhatIsRight() throws {
    var generator = SeededGenerator(seed: 1)
    let network = ReLUNetwork(sizes: [4, 5, 3])
    let problem = try randomProblem(
      network, loss: .softmaxCrossEntropy, steps: 3, rate: 0.5, tasks: 4, using: &generator)
    let judged = problem.judgements()
    let losses = problem.losses()
    for (index, task) in problem.tasks.enumerated() {
      for step in 0...3 {
        let outputs = problem.predictions(for: task.query.inputs, after: task, steps: step)
        let right = (0..<outputs.rows).count { row in
          func largest(_ matrix: Matrix) -> Int {
            (0..<3).max { matrix[row, $0] < matrix[row, $1] } ?? 0
          }
          return largest(outputs) == largest(task.query.targets)
        }
        #expect(judged[index][step].accuracy == Double(right) / Double(outputs.rows))
        #expect(judged[index][step].loss == losses[index][step])
      }
    }
    #expect(try Self.problem().judgements()[0][0].accuracy == nil)
  }

  @Test func sharesDealAllTasksOnce() throws {
    for count in [3, 10, 61, 1000] {
      let split = try TaskSplit(of: count, validation: 0.1, test: 0.2, seed: 7)
      let parts = [split.training, split.validation, split.test]
      #expect(parts.flatMap(\.self).sorted() == Array(0..<count))
      #expect(parts.allSatisfy { $0 == $0.sorted() && !$0.isEmpty })
      let again = try TaskSplit(of: count, validation: 0.1, test: 0.2, seed: 7)
      #expect(split == again)
    }
    let other = try TaskSplit(of: 1000, validation: 0.1, test: 0.2, seed: 8)
    #expect(other.validation.count == 100 && other.test.count == 200)
    let all = try TaskSplit(of: 4, validation: 0, test: 0, seed: 7)
    #expect(all.training == [0, 1, 2, 3] && all.test.isEmpty)
    #expect(throws: MetaProblemError.self) {
      try TaskSplit(of: 2, validation: 0.1, test: 0.2, seed: 1)
    }
    #expect(throws: MetaProblemError.self) { try TaskSplit(of: 9, validation: 1, test: 0, seed: 1) }
    #expect(throws: MetaProblemError.self) {
      try TaskSplit(of: 9, validation: 0, test: .nan, seed: 1)
    }
  }

  @Test func overAllFoldsEachTaskJudgesOnce() throws {
    for (count, folds) in [(10, 10), (61, 7), (12, 2)] {
      let splits = try (0..<folds).map {
        try TaskSplit(fold: $0, of: folds, tasks: count, validation: 0.1, seed: 3)
      }
      #expect(splits.flatMap(\.test).sorted() == Array(0..<count))
      for split in splits {
        #expect(
          (split.training + split.validation + split.test).sorted() == Array(0..<count))
        #expect(!split.validation.isEmpty)
      }
    }
    #expect(throws: MetaProblemError.self) {
      try TaskSplit(fold: 0, of: 5, tasks: 4, validation: 0, seed: 3)
    }
  }

  /// Categories alone and little strength: the mean of each; numbers: the normal equations.
  @Test func ridgeOnAllRowsIsTheFormula() throws {
    var generator = SeededGenerator(seed: 9)
    let words = try Matrix([[1, 0], [0, 1], [1, 0], [0, 1], [1, 0]] as [[Double]])
    let targets = try Matrix([[1], [10], [3], [20], [5]] as [[Double]])
    let each = try Matrix([[1, 0], [0, 1]] as [[Double]])
    let expected = try Matrix([[3], [15]] as [[Double]])
    let half = LabelledPoints(inputs: words, targets: targets)
    let means = PooledRidge([LearningTask(support: half, query: half)], strength: 1e-10)
      .predictions(each)
    #expect(relativeDistance([means], [expected]) < 1e-8)

    let problem = try randomProblem(
      ReLUNetwork(sizes: [3, 2, 2]), loss: .meanSquaredError, steps: 1, tasks: 4,
      using: &generator)
    let ridge = PooledRidge(problem.tasks, strength: 0.1)
    let points = problem.tasks.flatMap { [$0.support, $0.query] }
    // At the minimum the gradient of mean square / 2 + λ/2 Σw² is zero: residuals are orthogonal to ones, and against the
    // inputs they are the penalty, which is linear in the weights.
    let rows = Double(points.reduce(0) { $0 + $1.inputs.rows })
    let intercept = ridge.predictions(Matrix(Shape(1, 3), repeating: 0))
    for output in 0..<2 {
      var (sum, along) = (0.0, [0.0, 0, 0])
      for part in points {
        let residuals = part.targets - ridge.predictions(part.inputs)
        for row in 0..<part.inputs.rows {
          sum += residuals[row, output]
          for input in 0..<3 { along[input] += part.inputs[row, input] * residuals[row, output] }
        }
      }
      #expect(abs(sum) < 1e-10)
      for input in 0..<3 {
        let unit = Matrix(Shape(1, 3)) { $1 == input ? 1 : 0 }
        let weight = (ridge.predictions(unit) - intercept)[0, output]
        #expect(abs(along[input] - 0.1 * rows * weight) < 1e-10)
      }
    }
    let chosen = PooledRidge(
      Array(problem.tasks[..<2]), validatedOn: Array(problem.tasks[2...]))
    func error(_ ridge: PooledRidge) -> Double {
      let judge = try? problem.with(tasks: Array(problem.tasks[2...]))
      return judge?.queryLosses(ridge.predictions).reduce(0, +) ?? .nan
    }
    for power in -6...2 {
      let other = PooledRidge(Array(problem.tasks[..<2]), strength: pow(10, Double(power)))
      #expect(error(chosen) <= error(other) * (1 + 1e-9))
    }
  }
}
