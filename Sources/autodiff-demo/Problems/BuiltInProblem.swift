import Meta
import Nets
import Tape

/// The bilevel problems that `--problem NAME` names; each is small, and drawn from a seed.
package enum BuiltInProblem: String, CaseIterable, Sendable {
  case sinusoid
  case metaSGD = "meta-sgd"
  case imaml, ridge, reweight, digits

  /// What is learned inside, what outside, and what it shows, in a sentence.
  package var summary: String {
    switch self {
    case .sinusoid: "MAML on sinusoids: the start of a ReLU network is learned."
    case .metaSGD: "Meta-SGD on sinusoids: a rate for each entry is learned beside the start."
    case .imaml:
      "iMAML on linear networks: an anchor ties the optimum to the start; both are learned."
    case .ridge:
      "Ridge regression whose strength is learned, on slow directions: closed forms stand beside."
    case .reweight: "Classification with flipped labels: a weight for each example finds them out."
    case .digits: "Handwritten digits, five at a time, classified with a learned weight decay."
    }
  }

  /// Draws the problem; equal seeds give equal problems.
  package func problem(seed: UInt64) throws -> any BilevelProblem {
    switch self {
    case .sinusoid: try defaultProblem(seed: seed).problem
    // The routes that carry a tangent for each outer number forwards have 194 here; the network of
    // `sinusoid` would give them 3522.
    case .metaSGD: try MetaProblem.sinusoids(width: 8, tasks: 5, steps: 5, seed: seed).metaSGD
    case .imaml: try MetaProblem.anchored(seed: seed)
    case .ridge: RidgeStrength(seed: seed).problem()
    case .reweight: NoisyLabels(seed: seed).problem
    case .digits: try MetaProblem.digits(seed: seed)
    }
  }
}

extension MetaProblem {
  /// Linear networks of two layers on regressions that share a representation, held to their start.
  ///
  /// Many B and W have the same product, so that without the anchor the Hessian is singular at every optimum and
  /// indefinite where the loops end. With it the Hessian is positive definite there.
  fileprivate static func anchored(seed: UInt64) throws -> MetaProblem {
    var generator = SeededGenerator(seed: seed)
    let truth = LinearRepresentation(
      dimension: 8, rank: 2, noise: 0.1, headDeviations: [0.7, 0.7], using: &generator)
    let parameters: [Matrix] = [
      .orthonormal(Shape(8, 2), using: &generator),
      .orthonormal(Shape(2, 1), using: &generator),
    ]
    return try MetaProblem(
      network: LinearTwoLayer(inputs: 8, width: 2, outputs: 1), loss: .halfMeanSquaredError,
      parameters: parameters, steps: 40, learningRate: 0.15,
      tasks: truth.tasks(5, support: 20, query: 20, using: &generator)
    ).with(proximal: 2).learning([.parameters, .proximal])
  }

  /// Softmax regression on episodes of five handwritten digits with two examples each, from zero.
  fileprivate static func digits(seed: UInt64) throws -> MetaProblem {
    var generator = SeededGenerator(seed: seed)
    let network = ReLUNetwork(sizes: [64, 5])
    let episodes = try Episodes(of: HandwrittenDigits.classes, ways: 5, shots: 2, queries: 3)
    return try MetaProblem(
      network: network, loss: .softmaxCrossEntropy,
      parameters: network.parameters.map { Matrix($0.shape, repeating: 0) }, steps: 60,
      learningRate: 0.4,
      tasks: (0..<4).map { _ in episodes.task(using: &generator) }
    ).with(weightDecay: 0.1).learning([.weightDecay])
  }
}
