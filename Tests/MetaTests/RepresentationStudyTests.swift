import Meta
import Nets
import Studies
import Tape
import TestSupport
import Testing

/// The claims of Collins and others (2022), on a shortened study.
@Suite struct RepresentationStudyTests {
  private static func study(_ change: (inout RepresentationStudy) -> Void = { _ in })
    -> RepresentationStudy
  {
    var study = RepresentationStudy()
    study.dimension = 10
    study.rank = 2
    study.steps = 600
    study.records = 10
    change(&study)
    return study
  }

  @Test(arguments: [Method.firstOrderANIL, .anil, .firstOrderMAML, .maml])
  func adaptingMethodsLearnTheRepresentation(_ method: Method) throws {
    let curve = try Self.study().run(method, seed: 1)
    #expect(try #require(curve.distance.first) > 0.3)
    #expect(try #require(curve.distance.last) < 1e-4)
    #expect(curve.diverged == nil)
    #expect(curve.steps == Array(stride(from: 0, through: 600, by: 60)))
  }

  @Test func jointTrainingDoesNot() throws {
    let curve = try Self.study().run(.joint, seed: 1)
    #expect(try #require(curve.distance.last) > 0.5 * curve.distance[0])
    #expect(curve.cosine.allSatisfy { $0 == nil })
  }

  /// With a large mean head the methods part: ANIL learns, first-order MAML diverges.
  @Test func aLargeMeanHeadPartsTheMethods() throws {
    let study = Self.study { study in
      study.dimension = 20
      study.rank = 3
      study.headMean = 1.5
      study.initialDistance = 0.43
      study.steps = 2000
    }
    let anil = try study.run(.anil, seed: 1)
    #expect(abs(anil.distance[0] - 0.43) < 1e-12)
    #expect(try #require(anil.distance.last) < 1e-6)
    #expect(try study.run(.firstOrderMAML, seed: 1).diverged != nil)
    #expect(try #require(study.run(.maml, seed: 1).distance.last) < 1e-6)
    #expect(try #require(study.run(.joint, seed: 1).distance.last) > 0.43)
  }

  @Test func lessDiverseTasksAreLearntMoreSlowly() throws {
    let poor = Self.study { $0.diversity = 0.3 }
    let (fast, slow) = (try Self.study().run(.anil, seed: 2), try poor.run(.anil, seed: 2))
    #expect(try #require(slow.distance.last) > 100 * #require(fast.distance.last))
    #expect(slow.headDiversity.reduce(0, +) < 0.5 * fast.headDiversity.reduce(0, +))
  }

  /// Where αBᵀB = I exact and first-order ANIL are the same, so at the start the cosine is one.
  @Test func theCosineIsThatOfTheFamily() throws {
    let anil = try Self.study().run(.firstOrderANIL, seed: 3)
    #expect(abs(try #require(anil.cosine[0]) - 1) < 1e-12)
    let maml = try Self.study { $0.headMean = 1 }.run(.maml, seed: 3)
    #expect(try #require(maml.cosine.compactMap(\.self).min()) < 0.99)
  }

  @Test func finiteSamplesLearnToo() throws {
    let study = Self.study {
      $0.samples = (50, 50)
      $0.noise = 0.1
    }
    let curve = try study.run(.firstOrderANIL, seed: 4)
    #expect(try #require(curve.distance.last) < 0.2)
    #expect(try study.run(.firstOrderANIL, seed: 4).distance == curve.distance)
  }

  /// The gradients that drive the study are those of the closed forms.
  @Test func oneStepIsThatOfTheClosedForm() throws {
    var generator = SeededGenerator(seed: 5)
    let truth = LinearRepresentation(dimension: 6, rank: 2, using: &generator)
    let weights = truth.weights(using: &generator)
    let (body, head) = (
      Matrix.gaussian(Shape(6, 2), using: &generator),
      Matrix.gaussian(Shape(2, 1), using: &generator)
    )
    for method in Method.allCases {
      let problem = try MetaProblem(
        network: LinearTwoLayer(inputs: 6, width: 2, outputs: 1), loss: .halfMeanSquaredError,
        parameters: [body, head], steps: 1, learningRate: 0.2,
        tasks: [truth.populationTask(weights)])
      let expected = LinearRepresentationGradients.gradient(
        method, body: body, head: head, truth: weights, rate: 0.2)
      let gradient = problem.metaGradient(method).gradient
      #expect(relativeDistance(gradient.values, [expected.body, expected.head]) < 1e-12)
    }
  }
}
