import Meta
import Nets
import Studies
import Tape
import TestSupport
import Testing

/// The claims of Yüksel and others (2024), on shortened studies, and the closed forms they rest on.
@Suite struct OverparametrizationTests {
  static func study(_ change: (inout OverparametrizationStudy) -> Void = { _ in })
    -> OverparametrizationStudy
  {
    var study = OverparametrizationStudy()
    study.dimension = 8
    study.width = 8
    study.spectrum = [1, 2]
    study.noiseVariance = 0.5
    study.innerSamples = 6
    study.steps = 2000
    study.records = 20
    change(&study)
    return study
  }

  /// First order on the tape, by `stopGradient` in the expected loss, is the recursion of the paper.
  @Test(arguments: 0..<5) func theExpectedGradientIsTheRecursion(_ seed: UInt64) {
    let study = Self.study()
    var (truth, _, _, generator) = study.start(seed: seed)
    let loss = study.expectedLoss(truth)
    let values = [
      Matrix.gaussian(Shape(8, 8), using: &generator),
      Matrix.gaussian(Shape(8, 1), using: &generator),
    ]
    let tape = GradientTape()
    let (b, w) = (tape.input(values[0]), tape.input(values[1]))
    let slope = gradient(of: loss(b, w, order: .firstOrder), wrt: [b, w]).map(\.value)
    let rate = 0.3
    let expected = OverparametrizationTheory.step(
      loss, body: values[0], head: values[1], outerRate: rate)
    let stepped = zip(values, slope).map { $0 - rate * $1 }
    #expect(relativeDistance(stepped, [expected.body, expected.head]) < 1e-12)
    // Exact order is another function.
    let exact = gradient(of: loss(b, w, order: .exact), wrt: [b, w]).map(\.value)
    #expect(relativeDistance(slope, exact) > 1e-2)
  }

  @Test func anOrderBetweenExactAndFirstIsRefused() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let study = OverparametrizationTests.study()
      let (truth, body, head, _) = study.start(seed: 1)
      let tape = GradientTape()
      _ = study.expectedLoss(truth)(
        tape.input(body), tape.input(head), order: .scaled(by: 0.5))
    }
    let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(
      message.contains(
        "ExpectedANILLoss: the order is exact or first order, but is λ = 0.5"))
  }

  /// The expected loss and its gradients, exact and first order, are means over sampled tasks.
  @Test(arguments: [Method.anil, .firstOrderANIL])
  func theExpectedGradientIsTheMeanOverTasks(_ method: Method) throws {
    let study = Self.study {
      $0.dimension = 4
      $0.width = 3
    }
    var (truth, _, _, generator) = study.start(seed: 7)
    let values = [
      Matrix.gaussian(Shape(4, 3), using: &generator),
      Matrix.gaussian(Shape(3, 1), using: &generator),
    ]
    let tape = GradientTape()
    let (b, w) = (tape.input(values[0]), tape.input(values[1]))
    let expected = gradient(
      of: study.expectedLoss(truth)(b, w, order: method.order), wrt: [b, w]
    ).map(\.value)
    let problem = try MetaProblem(
      network: LinearTwoLayer(inputs: 4, width: 3, outputs: 1), loss: .halfMeanSquaredError,
      parameters: values, steps: 1, learningRate: study.innerRate,
      tasks: (0..<40_000).map { _ in truth.task(support: 6, query: 3, using: &generator) })
    let mean = MetaGradientEvaluator(problem, method, threads: 2).evaluate().gradient.values
    #expect(relativeDistance(mean, expected) < 0.02)
    let other = method == .anil ? Method.firstOrderANIL : .anil
    let wrong = MetaGradientEvaluator(problem, other, threads: 2).evaluate().gradient.values
    #expect(relativeDistance(wrong, expected) > 0.05)
  }

  @Test(arguments: [1 as UInt64, 2]) func theSignalGoesToItsLimitFromAnyStart(_ seed: UInt64) throws
  {
    let study = Self.study()
    let run = try study.run(.firstOrderANIL, seed: seed)
    let limit = OverparametrizationTheory.limit(
      spectrum: study.spectrum, noiseVariance: study.noiseVariance, innerRate: study.innerRate,
      samples: study.innerSamples
    ).sorted(by: >)
    let signal = try #require(run.signal.last)
    for (value, wanted) in zip(signal, limit) { #expect(abs(value - wanted) < 1e-8 * wanted) }
    #expect(try #require(run.headNorm.last) < 1e-8)
  }

  /// 1/s² grows by 2βα²R/m a step: unlearning is polynomial.
  @Test func theRestIsUnlearntAtTheRateOfTheory() throws {
    let study = Self.study()
    let run = try study.run(.firstOrderANIL, seed: 1)
    let rate = OverparametrizationTheory.unlearning(
      spectrum: study.spectrum, noiseVariance: study.noiseVariance, innerRate: study.innerRate,
      outerRate: study.outerRate, samples: study.innerSamples)
    let last = run.steps.count - 1
    let middle = try #require(run.steps.lastIndex { $0 <= study.steps / 2 })
    let growth = 1 / run.orthogonal[last][0] - 1 / run.orthogonal[middle][0]
    let measured = growth / Double(run.steps[last] - run.steps[middle])
    #expect(abs(measured / rate - 1) < 1e-3)
  }

  /// With ever more inner samples nothing is unlearnt: it is their scatter that does it.
  @Test func withoutScatterNothingIsUnlearnt() throws {
    let study = Self.study { $0.innerSamples = 1_000_000 }
    let run = try study.run(.firstOrderANIL, seed: 1)
    // What shares right singular vectors with the signal is pressed out by it; the rest stays.
    let (first, last) = (run.orthogonal[0], try #require(run.orthogonal.last))
    #expect(last[0] > 0.5 * first[0])
    let scattered = try Self.study().run(.firstOrderANIL, seed: 1).orthogonal
    #expect(scattered[scattered.count - 1][0] < 0.4 * scattered[0][0])
  }

  @Test func oneStepHasTheRiskOfTheClosedForm() throws {
    let study = Self.study { $0.spectrum = [2, 2] }
    let run = try study.run(.firstOrderANIL, seed: 3)
    for points in [6, 20] {
      let risks = study.risks(run, points: points, tasks: 2000)
      let step = try #require(risks.first { $0.estimate == .oneStep })
      let expected = try #require(step.closedForm)
      #expect(abs(step.mean - expected) < 4 * step.standardError)
      // Σ* = cI and nothing orthogonal: kc[(1−s)² + s²(k+1)/m] + s²kσ²/m with s = αΛ.
      let (k, c, m) = (2.0, 2.0, Double(points))
      let s =
        study.innerRate
        * OverparametrizationTheory.limit(
          spectrum: study.spectrum, noiseVariance: study.noiseVariance,
          innerRate: study.innerRate, samples: study.innerSamples)[0]
      let simple =
        k * c * ((1 - s) * (1 - s) + s * s * (k + 1) / m) + s * s * k * study.noiseVariance / m
      #expect(abs(expected / simple - 1) < 0.05)
      let single = try #require(risks.first { $0.estimate == .singleTask })
      let oracle = try #require(risks.first { $0.estimate == .oracleRidge })
      let moments = try #require(risks.first { $0.estimate == .moments })
      #expect(abs(moments.mean / oracle.mean - 1) < 1e-6)
      #expect(oracle.mean < single.mean)
      if points == 6 { #expect(step.mean < single.mean) }
    }
  }

  @Test func sampledTasksLearnTheSignalToo() throws {
    let study = Self.study {
      $0.tasks = 400
      $0.outerSamples = 4
      $0.steps = 300
      $0.threads = 2
    }
    let run = try study.run(.firstOrderANIL, seed: 5)
    let (signal, rest) = (try #require(run.signal.last), try #require(run.orthogonal.last))
    #expect(signal[1] > 3 * rest[0])
    var single = study
    single.threads = 1
    #expect(try single.run(.firstOrderANIL, seed: 5).signal == run.signal)
    #expect(try study.run(.firstOrderMAML, seed: 5).steps.count > 1)
  }

  /// A ReLU network, too, ends with the rank of what its tasks share.
  @Test func aReLUNetworkLearnsTheSignalToo() throws {
    let study = Self.study {
      $0.noiseVariance = 0.1
      $0.innerRate = 0.05
      $0.outerRate = 0.01
      $0.steps = 600
    }
    let (run, risks) = try study.runReLU(
      .firstOrderANIL, seed: 1, hiddenLayers: 1, representation: .relu, testPoints: [20],
      testTasks: 50)
    let (signal, rest) = (try #require(run.signal.last), try #require(run.orthogonal.last))
    #expect(signal[1] > 3 * rest[0])
    #expect(run.signal[0][1] < 3 * run.orthogonal[0][0])
    let learnt = try #require(risks.first { $0.estimate == .learntRidge })
    let single = try #require(risks.first { $0.estimate == .singleTask })
    #expect(learnt.mean < 0.7 * single.mean)
  }
}
