import Meta
import Nets
import Studies
import Tape
import TestSupport
import Testing

/// A shortened study of navigation: what it counts, what it trains by, and that it can be interrupted.
@Suite struct NavigationStudyTests {
  private static func study(
    _ change: (inout NavigationStudy) -> Void = { _ in }
  ) -> NavigationStudy {
    var study = NavigationStudy()
    study.iterations = 6
    study.metaBatch = 3
    study.trajectories = 3
    study.horizon = 12
    study.width = 6
    study.budgets = 2
    study.updates = 2
    study.rates = [0, 0.3]
    study.testTasks = 4
    study.validationTasks = 3
    change(&study)
    return study
  }

  private static func trained(
    _ study: NavigationStudy, _ method: NavigationStudy.Method, threads: Int = 1
  ) throws -> NavigationStudy.Training {
    var training = study.start(method, seed: 1)
    try study.train(&training, threads: threads)
    return training
  }

  /// Twice the outer steps for half the draws: the budgets are the same numbers of moves.
  @Test func methodsAreJudgedAtEqualEnvironmentSteps() throws {
    let study = Self.study()
    #expect(study.judgedIterations == [3, 6])
    for method in NavigationStudy.Method.allCases {
      let training = try Self.trained(study, method)
      #expect(training.state.iteration == (method == .joint ? 12 : 6))
      #expect(training.evaluations.map(\.environmentSteps) == [648, 1296])
      #expect(
        training.state.iteration * method.draws * study.metaBatch * study.trajectories
          * study.horizon == 1296)
      #expect(training.evaluations.allSatisfy { $0.returns.count == 3 && $0.rates.count == 2 })
    }
    #expect(
      Self.study {
        $0.iterations = 5; $0.budgets = 8
      }.judgedIterations == [1, 2, 5])
  }

  @Test(arguments: NavigationStudy.Method.allCases)
  func anInterruptedTrainingEndsWithTheSameBits(_ method: NavigationStudy.Method) throws {
    let study = Self.study()
    let whole = try Self.trained(study, method)
    // Also where it is to be judged, before it has been.
    let stops = [2, 3, 5, 6, 12]
    var parts = study.start(method, seed: 1)
    for stop in stops where stop <= 12 / method.draws {
      try study.train(&parts) { $0 != stop }
      #expect(parts.state.iteration == stop)
    }
    #expect(!study.isFinished(parts))
    try study.train(&parts)
    #expect(parts == whole)
    #expect(study.isFinished(whole))
    #expect(study.start(method, seed: 2).state != study.start(method, seed: 1).state)
  }

  @Test func threadsChangeNothing() throws {
    for method in [NavigationStudy.Method.dice, .joint] {
      #expect(
        try Self.trained(Self.study(), method)
          == Self.trained(Self.study(), method, threads: 3))
    }
  }

  /// An outer step goes along the meta-gradient with the method's surrogate and order.
  @Test(arguments: NavigationStudy.Method.allCases)
  func aStepIsThatOfTheMethod(_ method: NavigationStudy.Method) throws {
    let study = Self.study {
      $0.iterations = 1; $0.budgets = 1
    }
    var training = study.start(method, seed: 4)
    let numbers = training.state.parameters
    var navigation = Navigation()
    navigation.horizon = 12
    let policy = GaussianPolicy(ReLUNetwork(sizes: [2, 6, 6, 2]))
    func stepped(_ surrogate: SampledSurrogate, _ order: Order, steps: Int) -> [Double] {
      var generator = SeededGenerator(seed: training.state.generatorState)
      let goals = navigation.goals(3, using: &generator)
      let problem = SampledPolicyProblem(
        navigation, policy, Parameters(policy.parameters, flattened: numbers), tasks: goals,
        trajectories: 3, steps: steps, learningRate: 1, surrogate: surrogate,
        advantages: .init(baseline: .ridge, isStandardized: true), seed: generator.next())
      var (moved, adam) = (numbers, AdamOptimizer(rate: study.outerRate))
      adam.step(
        &moved, gradient: problem.metaGradient(order: order, by: .adjoint).gradient.flattened)
      return moved
    }
    let all: [(NavigationStudy.Method, [Double])] = [
      (.lvc, stepped(.lvc, .exact, steps: 1)), (.dice, stepped(.loadedDice(1), .exact, steps: 1)),
      (.naive, stepped(.naive, .exact, steps: 1)),
      (.firstOrder, stepped(.lvc, .firstOrder, steps: 1)),
      (.joint, stepped(.naive, .exact, steps: 0)),
    ]
    // Joint training makes a second step.
    try study.train(&training) { _ in method != .joint }
    for (name, expected) in all {
      let distance = zip(training.state.parameters, expected).map { abs($0 - $1) }.max() ?? 1
      #expect(name == method ? distance < 1e-9 : distance > 1e-6, "\(name): \(distance)")
    }
  }

  /// The rates are those of the highest returns on the validation tasks, and nothing of them is on the test's.
  @Test func ratesAreChosenOnOtherTasks() throws {
    let study = Self.study { $0.rates = [0] }
    let standing = try Self.trained(study, .lvc)
    #expect(standing.evaluations.allSatisfy { $0.rates == [0, 0] && $0.worse == 0 })
    let chosen = try Self.trained(Self.study { $0.rates = [0.5, 0] }, .lvc)
    let (test, validation) = (study.tasks(.test, seed: 1), study.tasks(.validation, seed: 1))
    #expect(Set(test.goals).isDisjoint(with: validation.goals) && test.seed != validation.seed)
    #expect(test.goals.count == 4 && validation.goals.count == 3)
    // Steps that are far too long are not taken.
    let wild = try Self.trained(Self.study { $0.rates = [1000, 0] }, .joint)
    #expect(wild.evaluations.allSatisfy { $0.rates == [0, 0] })
    // More tests do not change what is chosen, and more to choose by does not change the tests.
    let tested = try Self.trained(
      Self.study {
        $0.rates = [0.5, 0]; $0.testTasks = 9
      }, .lvc)
    #expect(tested.evaluations.map(\.rates) == chosen.evaluations.map(\.rates))
    #expect(tested.evaluations[1].returns != chosen.evaluations[1].returns)
    let judged = try Self.trained(
      Self.study {
        $0.rates = [0]; $0.validationTasks = 9
      }, .lvc)
    #expect(judged.evaluations == standing.evaluations)
  }

  /// Adaptation is learnt: what MAML-LVC gains by an update is large beside what it had, in every task but few.
  @Test func adaptedReturnsAreAboveUnadapted() throws {
    let study = Self.study {
      $0.iterations = 25
      $0.metaBatch = 8
      $0.trajectories = 8
      $0.horizon = 40
      $0.width = 24
      $0.budgets = 1
      $0.rates = [0.3, 1]
      $0.testTasks = 20
      $0.validationTasks = 8
      $0.outerRate = 0.02
    }
    let evaluation = try Self.trained(study, .lvc).evaluations[0]
    #expect(evaluation.returns[1] > 0.75 * evaluation.returns[0], "\(evaluation)")
    #expect(evaluation.worse < 0.3, "\(evaluation)")
  }

  @Test func pathsBeginInTheMiddle() throws {
    let study = Self.study()
    let training = try Self.trained(study, .lvc)
    let examples = study.examples(training, rate: 0.3)
    #expect(examples.count == 4 && examples == study.examples(training, rate: 0.3))
    for example in examples {
      #expect(example.before[0] == [0, 0] && example.after[0] == [0, 0])
      #expect(example.before != example.after)
    }
  }

  @Test func standingStillReturnsTheMeanDistance() {
    let study = NavigationStudy()
    var generator = SeededGenerator(seed: 1)
    let goals = Navigation().goals(20_000, using: &generator)
    let distances = goals.map { ($0[0] * $0[0] + $0[1] * $0[1]).squareRoot() }
    let sample = SampleMean(distances)
    let expected = study.returnOfStandingStill / -Double(study.horizon)
    #expect(abs(sample.mean - expected) < 4 * sample.standardError)
  }

  @Test func withoutRatesThereIsNothingToChoose() async {
    await expectStop(
      #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = try Self.trained(Self.study { $0.rates = [] }, .lvc)
      }, "NavigationStudy: there are no rates to choose from")
  }

  @Test func whatIsNotFiniteIsNamedByItsPlace() throws {
    let study = Self.study { $0.outerRate = 1e300 }
    var training = study.start(.joint, seed: 1)
    #expect { try study.train(&training) } throws: {
      "\($0)".contains("one is not finite after outer step")
    }
  }
}
