import Meta
import Nets
import Studies
import Tape
import TestSupport
import Testing

/// The claims of Finn and others (2017) on a shortened study, and that it can be interrupted.
@Suite struct SinusoidStudyTests {
  private static func study(_ change: (inout SinusoidStudy) -> Void = { _ in }) -> SinusoidStudy {
    var study = SinusoidStudy()
    study.iterations = 400
    study.metaBatch = 4
    study.width = 8
    study.testTasks = 60
    study.records = 8
    change(&study)
    return study
  }

  @Test func anInterruptedTrainingEndsWithTheSameBits() throws {
    let study = Self.study { $0.iterations = 60 }
    for method in Method.allCases {
      var whole = study.start(method, seed: 1)
      try study.train(&whole)
      var parts = study.start(method, seed: 1)
      try study.train(&parts) { $0 != 23 }
      #expect(parts.state.iteration == 23)
      try study.train(&parts)
      #expect(parts == whole)
      #expect(whole.state.iteration == 60)
      let other = study.start(method, seed: 2)
      #expect(other.state.parameters != study.start(method, seed: 1).state.parameters)
    }
  }

  /// After one step on the task MAML is far below joint training, which is what it was trained for.
  @Test func adaptationIsLearntAndPoolingIsNot() throws {
    let study = Self.study {
      $0.iterations = 1500
      $0.outerRate = 0.005
    }
    func errors(_ method: Method) throws -> [Double] {
      var training = study.start(method, seed: 1)
      try study.train(&training)
      return try study.test(training, points: 10, steps: 1).map(\.mean)
    }
    let (maml, joint) = (try errors(.maml), try errors(.joint))
    #expect(maml[1] < 0.85 * joint[1], "\(maml), \(joint)")
    // Without the inner loop nothing is gained by its training.
    #expect(maml[0] > 0.9 * joint[0])
  }

  /// Exact and first order are told apart: a step goes along the method's own meta-gradient.
  @Test(arguments: Method.allCases) func aStepIsThatOfTheMethod(_ method: Method) throws {
    let study = Self.study { $0.iterations = 1 }
    var training = study.start(method, seed: 4)
    var generator = SeededGenerator(seed: training.state.generatorState)
    let tasks = (0..<4).map { _ in Sinusoids().task(support: 10, query: 10, using: &generator) }
    let network = ReLUNetwork(sizes: [1, 8, 8, 1])
    var rest = training.state.parameters[...]
    let parameters = network.parameters.map { description in
      Matrix(description.shape) { _, _ in rest.removeFirst() }
    }
    let problem = try MetaProblem(
      network: network, loss: .meanSquaredError, parameters: parameters, steps: 1,
      learningRate: 0.01, tasks: tasks)
    func stepped(_ method: Method) -> [Double] {
      var (numbers, adam) = (
        training.state.parameters,
        AdamOptimizer(rate: 0.001, count: training.state.parameters.count)
      )
      adam.step(
        &numbers, gradient: problem.metaGradient(method).gradient.flattened)
      return numbers
    }
    let expected = stepped(method)
    let others = Method.allCases.filter { $0 != method }.map(stepped)
    try study.train(&training)
    let distance = zip(training.state.parameters, expected).map { abs($0 - $1) }.max() ?? 1
    #expect(distance < 1e-9)
    for other in others {
      #expect(zip(training.state.parameters, other).contains { abs($0 - $1) > 1e-6 })
    }
  }

  @Test func whatIsNotFiniteIsNamedByItsPlace() throws {
    let study = Self.study {
      $0.innerRate = 1000
      $0.innerSteps = 300
      $0.width = 20
    }
    var training = study.start(.maml, seed: 1)
    let expected = MetaProblemError("parameters", "one is not finite after outer step 1 of maml")
    #expect(throws: expected) { try study.train(&training) }
    #expect(training.state.iteration == 1)
  }

  @Test func cosinesAreRecordedForEachLayer() throws {
    let study = Self.study { $0.iterations = 40 }
    var training = study.start(.maml, seed: 3)
    try study.train(&training)
    #expect(training.records.count == 9)
    for record in training.records {
      #expect(record.layers.count == 3)
      #expect(abs(try #require(record.cosine)) <= 1)
    }
    #expect(training.records.contains { ($0.cosine ?? 1) < 0.999 })
    var joint = study.start(.joint, seed: 3)
    try study.train(&joint)
    #expect(joint.records.allSatisfy { $0.cosine == nil && $0.layers == [nil, nil, nil] })
  }
}
