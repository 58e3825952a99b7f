import Foundation
import Meta
import Nets
import Tape
import TestSupport
import Testing

/// Surrogates on fixed trajectories, and the meta-gradient through them, against JAX.
@Suite struct SampledReferenceTests {
  private struct File: Decodable {
    struct Reference: Decodable {
      var value, outerValue: Double
      var gradient, hessianTimesDirection: [String: [[Double]]]
      var metaGradient, firstOrderMetaGradient: [String: [[Double]]]
    }
    var sizes: [Int]
    var parameters, direction: [String: [[Double]]]
    var innerRate: Double
    var inner, outer: [String: [[Double]]]
    var references: [String: Reference]
  }

  private static let surrogates: [(name: String, surrogate: SampledSurrogate)] = [
    ("naive", .naive), ("lvc", .lvc), ("dice", .dice), ("loaded-dice-0", .loadedDice(0)),
    ("loaded-dice-0.5", .loadedDice(0.5)), ("loaded-dice-1", .loadedDice(1)),
  ]

  private static func file() throws -> File {
    let url = fixtures.appendingPathComponent("policy/sampled-policy.json")
    return try JSONDecoder().decode(File.self, from: Data(contentsOf: url))
  }

  /// The matrices of a batch, whose names get a prefix.
  private static func named(
    _ batch: [String: [[Double]]], _ prefix: String = ""
  ) throws -> Parameters<Matrix> {
    let sorted = try batch.sorted { $0.key < $1.key }.map {
      (prefix + $0.key, try Matrix($0.value))
    }
    return Parameters(
      sorted.map { ParameterDescription(name: $0, shape: $1.shape) }, sorted.map(\.1))
  }

  @Test(arguments: surrogates.indices) func agree(_ index: Int) throws {
    let (name, surrogate) = Self.surrogates[index]
    let file = try Self.file()
    #expect(file.references.count == Self.surrogates.count)
    let known = try #require(file.references[name])
    let policy = GaussianPolicy(ReLUNetwork(sizes: file.sizes))
    func ordered(_ parts: [String: [[Double]]]) throws -> [Matrix] {
      try policy.parameters.map { try Matrix(#require(parts[$0.name], "\($0.name)")) }
    }
    let parameters = Parameters(policy.parameters, try ordered(file.parameters))
    var navigation = Navigation()
    navigation.horizon = file.inner["mask"]?[0].count ?? 0
    let problem = SampledPolicyProblem(
      navigation, policy, parameters, tasks: [[0, 0]], trajectories: file.inner["mask"]?.count ?? 0,
      learningRate: file.innerRate, surrogate: surrogate, seed: 1)
    let (inner, outer) = (try Self.named(file.inner), try Self.named(file.outer))
    func objective(_ values: [Variable]) -> Variable {
      -problem.innerLoss(
        Parameters(policy.parameters, values), [:], inner.map(values[0].tape.constant))
    }
    let result = valueWithGradient(at: parameters.values, of: objective)
    #expect(abs(result.value / known.value - 1) < 1e-12)
    #expect(relativeDistance(result.gradient, try ordered(known.gradient)) < 1e-12)
    let product = hessianVectorProduct(
      at: parameters.values, along: try ordered(file.direction), of: objective)
    #expect(relativeDistance(product, try ordered(known.hessianTimesDirection)) < 1e-12)

    let both = try [Self.named(file.inner, "inner/"), Self.named(file.outer, "outer/")]
    #expect(both[0].count == inner.count && both[1].count == outer.count)
    let bilevel = Bilevel(
      name, outer: problem.outer, learned: problem.learned,
      tasks: [Parameters(both.flatMap(\.descriptions), both.flatMap(\.values))], steps: 1,
      start: { problem.start($0) },
      innerLoss: { values, _, task in
        problem.innerLoss(
          values, [:],
          Parameters(inner.descriptions, inner.names.map { task["inner/\($0)"] }))
      },
      outerLoss: { values, _, task in
        problem.outerLoss(
          values, [:],
          Parameters(outer.descriptions, outer.names.map { task["outer/\($0)"] }))
      })
    for route in [Route.unrolled, .adjoint] {
      for (order, gradient) in [
        (Order.exact, known.metaGradient), (.firstOrder, known.firstOrderMetaGradient),
      ] {
        let ours = bilevel.metaGradient(order: order, by: route)
        #expect(abs(-ours.loss / known.outerValue - 1) < 1e-12)
        let ascent = ours.gradient.values.map { -1 * $0 }
        #expect(relativeDistance(ascent, try ordered(gradient)) < 1e-12, "\(route) \(order)")
      }
    }
  }
}
