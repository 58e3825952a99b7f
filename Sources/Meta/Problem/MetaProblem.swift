public import Nets
public import Tape

/// The bilevel problem of meta-learning: a network that adapts to the support set of each task, judged on its
/// query set.
///
/// ``adaptation`` splits the parameters: those that adapt are inner variables, whose start is learned; the
/// others stay, and both losses read them. Its sizes agree: that is checked when it is made or changed.
public struct MetaProblem: BilevelProblem {
  /// The network that adapts.
  public let network: any Network
  /// The loss on the support set, which is descended.
  public let loss: Loss
  /// The loss on the query set, which is the meta-loss; by default the same.
  public let queryLoss: Loss
  /// Where the inner loop starts, and what stays.
  public private(set) var parameters: Parameters<Matrix>
  /// Which parameters adapt.
  public private(set) var adaptation: Adaptation
  /// The number of inner steps.
  public private(set) var steps: Int
  /// The rate or rates of the inner loop.
  public private(set) var rates: LearningRate
  /// How an inner step moves a parameter along its gradient.
  public private(set) var rule: any UpdateRule
  /// λ of the decay λ/2 · Σθ² that the inner loss adds over the parameters that adapt.
  public private(set) var weightDecay: Double
  /// λ of the anchor λ/2 · Σ(θ − θ₀)² that the inner loss adds over the parameters that adapt.
  ///
  /// - Reference: Rajeswaran et al., *Meta-learning with implicit gradients* (2019).
  public private(set) var proximal: Double
  /// By what is differentiated.
  public private(set) var learning: Set<Learned>
  /// The tasks, whose query losses are averaged.
  public private(set) var tasks: [LearningTask]

  /// The largest number of inner steps that is accepted.
  public static let maximumSteps = 1_000_000

  /// Collects a problem in which all parameters adapt and are learned, and checks that its parts fit.
  ///
  /// - Throws: ``MetaProblemError`` if a parameter or data matrix has the wrong size or holds a value
  ///   that is not finite, if the network's outputs are not as wide as it says, if there is no task, or if steps
  ///   or rate are out of range.
  public init(
    network: any Network, loss: Loss, queryLoss: Loss? = nil,
    parameters: [Matrix], steps: Int, learningRate: Double,
    rule: any UpdateRule = GradientDescent(), tasks: [LearningTask]
  ) throws(MetaProblemError) {
    self.network = network
    self.loss = loss
    self.queryLoss = queryLoss ?? loss
    self.parameters = Parameters([], [])
    self.steps = steps
    self.rule = rule
    self.tasks = tasks
    (adaptation, rates, learning) = (.all, .one(learningRate), [.parameters])
    (weightDecay, proximal) = (0, 0)
    self.parameters = try Self.checked(parameters, of: network)
    try check()
  }
}

// MARK: - The same problem, changed in one place

extension MetaProblem {
  /// The same problem with another inner loop, other parameters or other tasks.
  ///
  /// - Parameters:
  ///   - parameters: One matrix for each parameter of the network.
  ///   - steps: The number of inner steps.
  ///   - learningRate: One rate for all.
  ///   - rates: The rate or rates.
  ///   - rule: How a step moves a parameter.
  ///   - weightDecay: λ of the decay in the inner loss.
  ///   - proximal: λ of the anchor in the inner loss.
  ///   - tasks: The tasks.
  /// - Throws: ``MetaProblemError`` if something does not fit or is out of range.
  public func with(
    parameters: [Matrix]? = nil, steps: Int? = nil, learningRate: Double? = nil,
    rates: LearningRate? = nil, rule: (any UpdateRule)? = nil, weightDecay: Double? = nil,
    proximal: Double? = nil, tasks: [LearningTask]? = nil
  ) throws(MetaProblemError) -> MetaProblem {
    var problem = self
    if let parameters { problem.parameters = try Self.checked(parameters, of: network) }
    problem.steps = steps ?? self.steps
    problem.rates = rates ?? learningRate.map(LearningRate.one) ?? self.rates
    problem.rule = rule ?? self.rule
    problem.weightDecay = weightDecay ?? self.weightDecay
    problem.proximal = proximal ?? self.proximal
    problem.tasks = tasks ?? self.tasks
    try problem.check()
    return problem
  }

  /// The same problem with other parameters that adapt.
  ///
  /// - Precondition: The network has every parameter that is named; anything else stops with a message.
  public func adapting(_ adaptation: Adaptation) -> MetaProblem {
    if case .named(let names) = adaptation,
      let unknown = names.subtracting(parameters.names).min()
    {
      stop("adapting: '\(unknown)' is not a parameter of the network (\(parameters.names.list))")
    }
    var problem = self
    problem.adaptation = adaptation
    return problem
  }

  /// The same problem, differentiated by the given kinds of outer variables.
  ///
  /// A strength of zero becomes an outer variable when it is learned. A rule without settings adds none.
  public func learning(_ learning: Set<Learned>) -> MetaProblem {
    var problem = self
    problem.learning = learning
    return problem
  }

  /// The same problem with a rate for each entry of each parameter, all equal at first, that is learned beside
  /// the parameters.
  ///
  /// The rates start at ``learningRate``; those of parameters that do not adapt are not read.
  ///
  /// - Reference: Li et al., *Meta-SGD: learning to learn quickly for few-shot learning* (2017).
  public var metaSGD: MetaProblem {
    var problem = learning(learning.union([.learningRate]))
    problem.rates = .byEntry(
      Dictionary(
        uniqueKeysWithValues: zip(parameters.names, parameters.shapes).map {
          ($0, Matrix($1, repeating: rates.largest))
        }))
    return problem
  }

  /// The same problem at other values of what is learned, as a training leaves them; it can be written to a file.
  ///
  /// - Throws: ``MetaProblemError`` if a value is not finite or of another shape, or belongs to a rule from outside.
  public func with(learned values: Parameters<Matrix>) throws(MetaProblemError) -> MetaProblem {
    let moved = outer.replacing(values)
    for (name, value) in zip(values.names, values.values) where outer[name].shape != value.shape {
      throw MetaProblemError(name, "it is \(value.shape), but was \(outer[name].shape)")
    }
    func number(_ name: String, _ other: Double) -> Double {
      moved.contains(name) ? moved[name].elements[0] : other
    }
    let rates: LearningRate =
      switch self.rates {
      case .one(let rate): .one(number("learningRate", rate))
      case .byStep: .byStep(moved["learningRate"].elements)
      case .byParameter(let rates):
        .byParameter(
          Dictionary(
            uniqueKeysWithValues: rates.map { ($0, number("learningRate/\($0)", $1)) }))
      case .byEntry(let rates):
        .byEntry(
          Dictionary(
            uniqueKeysWithValues: rates.map { name, own in
              let key = "learningRate/\(name)"
              return (name, moved.contains(key) ? moved[key] : own)
            }))
      }
    var rule = self.rule
    if learning.contains(.rule), rule.settings.count > 0 {
      guard let kind = RuleKind(rule) else {
        throw MetaProblemError("adaptation.rule", "\(rule) cannot take other settings")
      }
      rule = kind.rule(
        Dictionary(
          uniqueKeysWithValues: rule.settings.names.map { ($0, moved["rule/\($0)"].elements[0]) }))
    }
    return try with(
      parameters: parameters.names.map { moved[$0] }, rates: rates, rule: rule,
      weightDecay: number("weightDecay", weightDecay), proximal: number("proximal", proximal))
  }

  /// The rate of all parameters and steps; where rates differ, the largest by its absolute value.
  public var learningRate: Double { rates.largest }
}

// MARK: - As a bilevel problem

extension MetaProblem {
  /// What the split is called: `maml`, `anil`, `boil`, `joint`.
  public var name: String { adaptation.name }

  /// The parameters, the rates, then what of decay, anchor and rule is there or learned.
  public var outer: Parameters<Matrix> {
    let adapted = parameters.filter(adaptation.adapts)
    var named: [(String, Matrix)] = []
    switch rates {
    case .one(let rate): named.append(("learningRate", Matrix(rate)))
    case .byParameter(let rates):
      named += adapted.names.map { ("learningRate/\($0)", Matrix(rates[$0] ?? 0)) }
    case .byStep(let rates):
      named.append(("learningRate", Matrix(Shape(rates.count, 1)) { row, _ in rates[row] }))
    case .byEntry(let rates):
      named += zip(adapted.names, adapted.shapes).map {
        ("learningRate/\($0)", rates[$0] ?? Matrix($1, repeating: 0))
      }
    }
    for (kind, strength) in [(Learned.weightDecay, weightDecay), (.proximal, proximal)]
    where strength != 0 || learning.contains(kind) {
      named.append((kind.rawValue, Matrix(strength)))
    }
    if learning.contains(.rule) {
      named += zip(rule.settings.names, rule.settings.values).map { ("rule/\($0)", $1) }
    }
    return Parameters(
      parameters.descriptions
        + named.map { ParameterDescription(name: $0.0, shape: $0.1.shape) },
      parameters.values + named.map(\.1))
  }

  /// The names of the outer variables of the kinds in ``learning``.
  public var learned: [String] {
    let own = Set(parameters.names)
    return outer.names.filter { name in
      let kind =
        own.contains(name)
        ? Learned.parameters.rawValue : String(name.prefix { $0 != "/" })
      return Learned(rawValue: kind).map(learning.contains) ?? false
    }
  }

  /// The four matrices of each task.
  public var taskData: [Parameters<Matrix>] { tasks.map(\.data) }

  /// The parameters that adapt.
  public func start(_ outer: Parameters<Variable>) -> Parameters<Variable> {
    networkParameters(outer).filter(adaptation.adapts)
  }

  /// The loss on the support set, the decay and the anchor.
  public func innerLoss(
    _ inner: Parameters<Variable>, _ outer: Parameters<Variable>, _ task: Parameters<Variable>
  ) -> Variable {
    var total = loss(
      network(task["support inputs"], networkParameters(outer).replacing(inner)),
      task["support targets"])
    func halfSquares(_ variables: [Variable]) -> Variable {
      let squares = variables.map { ($0 * $0).sum() }
      return 0.5 * squares.dropFirst().reduce(squares[0], +)
    }
    if outer.contains("weightDecay") {
      total = total + outer["weightDecay"] * halfSquares(inner.values)
    }
    if outer.contains("proximal") {
      total =
        total + outer["proximal"]
        * halfSquares(zip(inner.names, inner.values).map { $1 - outer[$0] })
    }
    return total
  }

  /// The loss on the query set.
  public func outerLoss(
    _ inner: Parameters<Variable>, _ outer: Parameters<Variable>, _ task: Parameters<Variable>
  ) -> Variable {
    queryLoss(
      network(task["query inputs"], networkParameters(outer).replacing(inner)),
      task["query targets"])
  }

  private func networkParameters(_ outer: Parameters<Variable>) -> Parameters<Variable> {
    Parameters(parameters.descriptions, Array(outer.values.prefix(parameters.count)))
  }

  /// `support loss` and `query loss`.
  public var lossNames: (inner: String, outer: String) { ("support loss", "query loss") }

  /// The problem in a line: network, loss, tasks, inner loop.
  public var summary: String {
    let sizes = Set(tasks.map { "\($0.support.inputs.rows) + \($0.query.inputs.rows)" })
    let points = sizes.count == 1 ? "of \(sizes.first ?? "") points" : "of various sizes"
    let losses =
      loss.name == queryLoss.name ? loss.name : "\(loss.name) (\(queryLoss.name) outside)"
    let kind = rule is GradientDescent ? "" : ", \(RuleKind(rule)?.rawValue ?? "\(type(of: rule))")"
    let decay = weightDecay == 0 ? "" : ", weight decay \(weightDecay)"
    let anchor = proximal == 0 ? "" : ", proximal \(proximal)"
    return "\(network), \(losses), \("task".counted(tasks.count)) \(points) "
      + "(support + query), \("inner step".counted(steps)) of rate \(rates)\(kind)\(decay)\(anchor)"
  }
}
