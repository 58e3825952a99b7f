import Nets
public import Tape

// What every bilevel problem can be asked, by the name of a method: the method says what adapts, and the
// order if none is given.

extension MetaGradientEvaluator {
  /// Compiles the meta-gradient of a method, with the problem's parameters and rate as the first to evaluate at.
  ///
  /// - Parameters:
  ///   - problem: What the meta-gradient is of.
  ///   - method: What adapts, and what is differentiated.
  ///   - order: What is differentiated, if not what the method says.
  ///   - route: How it is computed.
  ///   - threads: How many tasks run at once, at least one.
  public convenience init(
    _ problem: MetaProblem, _ method: Method, order: Order? = nil, by route: Route = .unrolled,
    threads: Int = 1
  ) {
    self.init(
      problem.adapting(method.adaptation), order: order ?? method.order, by: route,
      threads: threads)
  }

  /// Moves to other tasks, as many as one likes, of sizes that were among the first.
  ///
  /// - Precondition: There is one, and each size is known; anything else stops with a message.
  public func setTasks(_ tasks: [LearningTask]) { setTasks(tasks.map(\.data)) }

  /// Moves to other values of what is learned, and to another learning rate, where there is one for all.
  ///
  /// - Precondition: As for ``setLearned(_:)``, and `learningRate` is an outer variable, 1×1; anything else stops
  ///   with a message.
  public func setParameters(_ values: [Matrix], rate: Double) {
    setLearned(values)
    set("learningRate", to: Matrix(rate))
  }
}

extension Trainer {
  /// Trains what a problem learns, from where the problem has it.
  ///
  /// The method says what adapts and what is differentiated; for the rest see
  /// ``init(_:order:by:optimizer:seed:threads:drawing:)``.
  public convenience init(
    _ problem: MetaProblem, _ method: Method, order: Order? = nil, by route: Route = .unrolled,
    optimizer: Rule, seed: UInt64 = 0, threads: Int = 1,
    drawing draw: ((inout SeededGenerator) -> [LearningTask])? = nil
  ) {
    self.init(
      problem.adapting(method.adaptation), order: order ?? method.order, by: route,
      optimizer: optimizer,
      seed: seed, threads: threads, drawing: draw.map { draw in { draw(&$0).map(\.data) } })
  }

  /// Goes on with a training of the same problem.
  ///
  /// The method says what adapts and what is differentiated; for the rest see
  /// ``init(_:order:by:from:threads:drawing:)``.
  public convenience init(
    _ problem: MetaProblem, _ method: Method, order: Order? = nil, by route: Route = .unrolled,
    from state: TrainingState<Rule>, threads: Int = 1,
    drawing draw: ((inout SeededGenerator) -> [LearningTask])? = nil
  ) {
    self.init(
      problem.adapting(method.adaptation), order: order ?? method.order, by: route, from: state,
      threads: threads, drawing: draw.map { draw in { draw(&$0).map(\.data) } })
  }
}

extension MetaProblem {
  /// Computes a meta-gradient; see ``BilevelProblem/metaGradient(order:by:)``.
  public func metaGradient(
    _ method: Method, order: Order? = nil, by route: Route = .unrolled
  ) -> MetaGradient {
    adapting(method.adaptation).metaGradient(order: order ?? method.order, by: route)
  }

  /// The program of the first task; see ``BilevelProblem/program(order:)``.
  public func program(_ method: Method, order: Order? = nil) -> Program {
    adapting(method.adaptation).program(order: order ?? method.order)
  }

  /// Where a meta-gradient first stops being finite; see ``BilevelProblem/nonFiniteOrigin(order:)``.
  public func nonFiniteOrigin(
    _ method: Method, order: Order? = nil
  ) -> (task: Int, origin: NonFiniteOrigin)? {
    adapting(method.adaptation).nonFiniteOrigin(order: order ?? method.order)
  }

  /// What a meta-gradient takes; see ``BilevelProblem/predictedCost(order:by:)``.
  public func predictedCost(
    _ method: Method, order: Order? = nil, by route: Route = .unrolled
  ) -> Cost {
    adapting(method.adaptation).predictedCost(order: order ?? method.order, by: route)
  }

  /// The bytes that a meta-gradient takes; see ``BilevelProblem/predictedMemory(order:by:)``.
  public func predictedMemory(
    _ method: Method, order: Order? = nil, by route: Route = .unrolled
  ) -> Int {
    adapting(method.adaptation).predictedMemory(order: order ?? method.order, by: route)
  }

  /// Predicts and counts; see ``BilevelProblem/certificate(order:by:memoryLimit:repeats:)``.
  public func certificate(
    _ method: Method, order: Order? = nil, by route: Route = .unrolled, memoryLimit: Int = .max,
    repeats: Int = 20
  ) -> CostCertificate {
    adapting(method.adaptation).certificate(
      order: order ?? method.order, by: route, memoryLimit: memoryLimit, repeats: repeats)
  }

  /// Holds a meta-gradient against differences; see ``BilevelProblem/check(order:by:using:)``.
  public func check(
    _ method: Method, order: Order? = nil, by route: Route = .unrolled,
    using generator: inout some RandomNumberGenerator
  ) -> DerivativeCheck {
    adapting(method.adaptation).check(
      order: order ?? method.order, by: route, using: &generator)
  }

  /// Measures the curl of a meta-gradient; see ``BilevelProblem/curlTest(order:directions:using:)``.
  public func curlTest(
    _ method: Method, order: Order? = nil, directions: Int = 256,
    using generator: inout some RandomNumberGenerator
  ) -> CurlTest {
    adapting(method.adaptation).curlTest(
      order: order ?? method.order, directions: directions, using: &generator)
  }

  /// Compares the exact meta-gradient of what the method adapts with another order; see
  /// ``BilevelProblem/comparison(order:by:)``.
  public func comparison(
    _ method: Method, order: Order = .firstOrder, by route: Route = .unrolled
  ) -> MetaGradientComparison {
    adapting(method.adaptation).comparison(order: order, by: route)
  }

  /// Takes the difference between the orders apart; see ``BilevelProblem/ledger()``.
  public func ledger(_ method: Method) -> OrderLedger { adapting(method.adaptation).ledger() }

  /// Turns the second-order path up; see ``BilevelProblem/dial(weights:lastSteps:stepLength:)``.
  public func dial(
    _ method: Method, weights: [Double] = Dial.weights, lastSteps: [Int]? = nil,
    stepLength: Double? = nil
  ) -> Dial {
    adapting(method.adaptation).dial(
      weights: weights, lastSteps: lastSteps, stepLength: stepLength)
  }

  /// Looks at whether first order would do; see ``BilevelProblem/diagnosis(threads:using:)``.
  public func diagnosis(
    _ method: Method, threads: Int = 1, using generator: inout some RandomNumberGenerator
  ) -> Diagnosis {
    adapting(method.adaptation).diagnosis(threads: threads, using: &generator)
  }

  /// Looks at first order at the present point; see ``BilevelProblem/diagnosisRecord(threads:using:)``.
  public func diagnosisRecord(
    _ method: Method, threads: Int = 1, using generator: inout some RandomNumberGenerator
  ) -> DiagnosisRecord {
    adapting(method.adaptation).diagnosisRecord(threads: threads, using: &generator)
  }

  /// Measures the largest curvature along the inner path; see
  /// ``BilevelProblem/supportCurvature(tolerance:iterations:threads:using:)``.
  public func supportCurvature(
    _ method: Method, threads: Int = 1, using generator: inout some RandomNumberGenerator
  ) -> SupportCurvature {
    adapting(method.adaptation).supportCurvature(threads: threads, using: &generator)
  }

  /// Records, differentiates and compiles: what an evaluator does once.
  package func compiledPrograms(_ method: Method, by route: Route) -> Int {
    adapting(method.adaptation).compiledPrograms(order: method.order, by: route)
  }
}
