import Extensions
import Meta
import Nets
import Tape

/// A network and an update rule, each from outside.
struct Setting: Sendable, CustomStringConvertible {
  let network: any Network
  let rule: any UpdateRule

  var description: String { "\(network), \(rule)" }

  static let all: [Setting] = [
    TanhNetwork(inputs: 2, width: 5, outputs: 3),
    ResidualNetwork(inputs: 2, width: 4, blocks: 2, outputs: 3),
  ].flatMap { (network: any Network) in
    [
      Setting(network: network, rule: QuasiHyperbolicMomentum(decay: 0.7, mix: 0.6)),
      // As soft that a step is not just the sign of the gradient.
      Setting(network: network, rule: WarmedUpSign(softness: 0.5, warmUp: 2)),
    ]
  }

  /// Three tasks of rotated clusters, with this network and rule.
  func problem(seed: UInt64, steps: Int = 3, rule: (any UpdateRule)? = nil) throws -> MetaProblem {
    var generator = SeededGenerator(seed: seed)
    let parameters = network.parameters.map {
      Matrix.gaussian($0.shape, deviation: 0.7, using: &generator)
    }
    return try MetaProblem(
      network: network, loss: .softmaxCrossEntropy, parameters: parameters, steps: steps,
      learningRate: 0.1, rule: rule ?? self.rule,
      tasks: RotatedClusters(classes: 3).tasks(3, support: 4, query: 5, using: &generator))
  }
}

/// The entries of all matrices.
func entries(_ matrices: Parameters<Matrix>) -> [Double] { matrices.flattened }

/// The distance of two lists of numbers, relative to the largest of the second.
func relativeDistance(_ a: [Double], _ b: [Double]) -> Double {
  guard a.count == b.count, (a + b).allSatisfy(\.isFinite) else { return .infinity }
  let size = b.reduce(0) { max($0, abs($1)) }
  let distance = zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
  return distance == 0 ? 0 : distance / size
}
