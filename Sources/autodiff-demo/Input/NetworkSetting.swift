import Meta
import Nets
import Tape

/// The network, the loss and the inner loop that options give to tasks of a table.
struct NetworkSetting: Sendable {
  let network: any Network
  let loss: Loss
  let steps: Int
  var rate: Double
  let rule: any UpdateRule

  /// The problem of some tasks, its parameters drawn by seed.
  func problem(_ tasks: [LearningTask], seed: UInt64) throws -> MetaProblem {
    var generator = SeededGenerator(seed: seed)
    let gain = network is LinearTwoLayer ? 1 : 2.0.squareRoot()
    return try MetaProblem(
      network: network, loss: loss,
      parameters: network.initialParameters(gain: gain, using: &generator).values, steps: steps,
      learningRate: rate, rule: rule, tasks: tasks)
  }
}

extension NetworkSetting {
  /// The rate for tasks where none is given: the largest of 0.1, 0.05, 0.02, 0.01 and so on that is not above one over
  /// the largest curvature of their support losses at the start, so that descent does not diverge at once.
  ///
  /// Some 64 tasks are looked at, evenly spread.
  fileprivate func bearableRate(_ tasks: [LearningTask], seed: UInt64) throws -> Double {
    let stride = max(1, tasks.count / 64)
    let some = Swift.stride(from: 0, to: tasks.count, by: stride).map { tasks[$0] }
    var generator = SeededGenerator(seed: seed)
    let curvature =
      try problem(some, seed: seed).with(steps: 1)
      .supportCurvature(tolerance: 1e-4, using: &generator).values.joined().max() ?? 0
    let rates = (1...9).flatMap { power in
      ["1", "0.5", "0.2"].compactMap { Double("\($0)e-\(power)") }
    }
    return rates.first { $0 * curvature <= 1 } ?? 0.01
  }
}

/// The update rules with their usual settings.
let usualRules: [any UpdateRule] = [
  GradientDescent(), Momentum(), Nesterov(), RMSProp(), Adam(),
]

/// A rule as `--rule` names it, with its settings.
func nameWithSettings(_ rule: any UpdateRule) -> String {
  let settings = rule.settings.values.map { $0.elements[0].upToSixDigits }
  return (RuleKind(rule)?.rawValue ?? "") + (settings.isEmpty ? "" : ":")
    + settings.joined(separator: ",")
}

extension Arguments {
  /// What the options say of network, loss and loop, for tasks of a table.
  func networkSetting(
    for layout: TableLayout, _ tasks: [LearningTask]
  ) throws -> NetworkSetting {
    var isOfWords = false
    if layout.targets.count == 1, case .categories = layout.targets[0].kind { isOfWords = true }
    return try networkSetting(
      inputs: layout.inputWidth, outputs: layout.targetWidth, areClasses: isOfWords, tasks)
  }

  /// The same for matrices of so many columns.
  ///
  /// - Parameters:
  ///   - areClasses: Whether the outputs are one category, which a cross-entropy takes.
  ///   - tasks: Those that the rate has to suit, if none is given.
  func networkSetting(
    inputs: Int, outputs: Int, areClasses: Bool, _ tasks: [LearningTask]
  ) throws -> NetworkSetting {
    let loss =
      try choice("--loss", among: Loss.allCases)
      ?? (areClasses ? .softmaxCrossEntropy : .meanSquaredError)
    if loss == .softmaxCrossEntropy, !areClasses {
      throw UserError(
        "\(name): --loss \(loss) is for one target column of words (--categories makes numbers words)"
      )
    }
    // Of cost, --steps is the numbers that are compared.
    let steps =
      name == costCommandName ? nil : try wholeNumber("--steps", in: 0...MetaProblem.maximumSteps)
    let rate = try number("--rate", in: -1e6...1e6)
    var setting = NetworkSetting(
      network: try network(inputs: inputs, outputs: outputs), loss: loss, steps: steps ?? 5,
      rate: rate ?? 0, rule: try rule())
    if rate == nil { setting.rate = try setting.bearableRate(tasks, seed: seed()) }
    return setting
  }

  private func network(inputs: Int, outputs: Int) throws -> any Network {
    guard let text = value("--network") else {
      return ReLUNetwork(sizes: [inputs, 40, 40, outputs])
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let sizes = parts.dropFirst().first?
      .split(separator: "-", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    let isLinear = parts[0] == "linear"
    guard parts.count == 2, isLinear || parts[0] == "relu", let sizes,
      sizes.allSatisfy({ $0 > 0 }), isLinear ? sizes.count == 3 : sizes.count >= 2
    else {
      throw UserError(
        "\(name): --network '\(text)' is neither relu:1-40-40-1 nor linear:20-3-1, with sizes of at least 1"
      )
    }
    if sizes[0] != inputs || sizes[sizes.count - 1] != outputs {
      throw UserError(
        "\(name): --network '\(text)' is from \(sizes[0]) to \(sizes[sizes.count - 1]), but the table "
          + "has \(inputs) inputs and \(outputs) targets")
    }
    let largest = zip(sizes, sizes.dropFirst()).map { $0.saturatingProduct($1) }.max() ?? 0
    try requireMemory(
      largest.saturatingProduct(MemoryLayout<Double>.stride), "\(name): --network '\(text)'",
      "a weight matrix")
    return isLinear
      ? LinearTwoLayer(inputs: sizes[0], width: sizes[1], outputs: sizes[2])
      : ReLUNetwork(sizes: sizes)
  }

  private func rule() throws -> any UpdateRule {
    guard let text = value("--rule") else { return GradientDescent() }
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let usual = usualRules.first(where: { RuleKind($0)?.rawValue == String(parts[0]) }),
      let kind = RuleKind(usual)
    else {
      throw UserError(
        "\(name): --rule '\(text)' is not one of \(usualRules.map(nameWithSettings).list)")
    }
    guard parts.count > 1 else { return usual }
    let names = usual.settings.names
    let values = parts[1].split(separator: ",", omittingEmptySubsequences: false)
    if values.count != names.count {
      throw UserError(
        "\(name): --rule '\(text)' has \("setting".counted(values.count)), but \(kind.rawValue) has "
          + (names.isEmpty ? "none" : names.list))
    }
    var settings: [String: Double] = [:]
    for (setting, word) in zip(names, values) {
      guard let number = Double(word), number.isFinite else {
        throw UserError("\(name): --rule '\(text)': '\(word)' is not a number")
      }
      if let objection = kind.objection(to: number, as: setting) {
        throw UserError("\(name): --rule '\(text)': \(setting) \(word) \(objection)")
      }
      settings[setting] = number
    }
    return kind.rule(settings)
  }
}
