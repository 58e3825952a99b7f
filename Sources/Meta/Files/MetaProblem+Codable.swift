import Nets
import Tape

extension CodingUserInfoKey {
  /// The bytes that a weight matrix of a problem file may take, an `Int`; more is refused before it is asked for.
  public static var memoryLimit: CodingUserInfoKey {
    guard let key = CodingUserInfoKey(rawValue: "tape.memoryLimit") else { stop("memoryLimit") }
    return key
  }
}

/// As a problem file, which `docs/problem-files.md` describes: format 2 is written, formats 1 and 2 are read.
///
/// What a file cannot say, a network or a rule from outside, is an encoding error that names it.
extension MetaProblem: Codable {
  private static let formats = ["metagradient-problem-1", "metagradient-problem-2"]

  /// Reads a problem.
  ///
  /// - Throws: ``MetaProblemError`` with the place and what is wrong there, or a `DecodingError`, of which
  ///   ``MetaProblemError/init(_:)`` makes one.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let format = try container.decode(String.self, forKey: "format")
    guard let version = Self.formats.firstIndex(of: format) else {
      throw MetaProblemError("format", "'\(format)' is not one of \(Self.formats.list)")
    }
    let network = try Self.network(container.object("network"), decoder)
    let loss: Loss = try container.choice("loss")
    let parameters = try inOrder(
      container.decode([NamedMatrix].self, forKey: "parameters"), of: network.parameters,
      "parameters")
    let adaptation = try container.object("adaptation")
    let steps = try adaptation.wholeNumber("steps")
    let tasks = try container.decode([RawTask].self, forKey: "tasks").map(\.task)
    if version == 0 {
      func refuse(_ key: Key, in object: KeyedDecodingContainer<Key>) throws {
        throw MetaProblemError(object.place(key), "needs the format \(Self.formats[1])")
      }
      for key in ["rule", "weightDecay", "proximal"] as [Key] where adaptation.contains(key) {
        try refuse(key, in: adaptation)
      }
      if (try? adaptation.object("learningRate")) != nil {
        try refuse("learningRate", in: adaptation)
      }
      if container.contains("outer") { try refuse("outer", in: container) }
      try self.init(
        network: network, loss: loss, parameters: parameters, steps: steps,
        learningRate: try adaptation.number("learningRate"), tasks: tasks)
      return
    }

    let known = ["format", "network", "loss", "parameters", "adaptation", "outer", "tasks"]
    for key in container.allKeys where !known.contains(key.stringValue) {
      // What stands in the wrong place, or in capitals, would be taken for the default.
      let isMisplaced =
        known.contains(key.stringValue.lowercased())
        || ["steps", "learningRate", "rule", "weightDecay", "proximal"].contains(key.stringValue)
      if isMisplaced {
        throw MetaProblemError(
          container.place(key), "is not known here; there are \(known.list)")
      }
    }
    try adaptation.refuseOthers(than: ["steps", "learningRate", "rule", "weightDecay", "proximal"])
    let problem = try MetaProblem(
      network: network, loss: loss, parameters: parameters, steps: steps, learningRate: 0,
      tasks: tasks
    ).with(
      rates: try Self.rates(adaptation, network, steps: steps), rule: try Self.rule(adaptation),
      weightDecay: adaptation.contains("weightDecay") ? try adaptation.number("weightDecay") : 0,
      proximal: adaptation.contains("proximal") ? try adaptation.number("proximal") : 0)
    self = problem.learning(try Self.outer(container))
    if learned.isEmpty {
      throw MetaProblemError(
        "outer", "it names only the rule, but \(RuleKind.gradientDescent.rawValue) has no settings")
    }
  }

  private static func outer(_ container: KeyedDecodingContainer<Key>) throws -> Set<Learned> {
    guard container.contains("outer") else { return [.parameters] }
    var outer: Set<Learned> = []
    for (index, name) in try container.decode([String].self, forKey: "outer").enumerated() {
      let path = "\(container.place("outer"))[\(index)]"
      guard let kind = Learned(rawValue: name) else {
        throw MetaProblemError(path, "'\(name)' is not one of \(names(Learned.self))")
      }
      if !outer.insert(kind).inserted { throw MetaProblemError(path, "'\(name)' is given twice") }
    }
    if outer.isEmpty { throw MetaProblemError("outer", "the list is empty") }
    return outer
  }

  private static func rates(
    _ adaptation: KeyedDecodingContainer<Key>, _ network: any Network, steps: Int
  ) throws -> LearningRate {
    enum Kind: String, CaseIterable { case parameter, step, entry }
    guard let object = try? adaptation.object("learningRate") else {
      return .one(try adaptation.number("learningRate"))
    }
    try object.refuseOthers(than: ["by", "values"])
    let path = object.place("values")
    switch try object.choice("by") as Kind {
    case .parameter:
      let values = try object.object("values")
      let names = network.parameters.map(\.name)
      try values.refuseOthers(than: names, "is not a parameter of the network")
      return .byParameter(
        Dictionary(
          uniqueKeysWithValues: try names.map { ($0, try values.number(Key(stringValue: $0))) }))
    case .step:
      let values = try object.numbers("values")
      if steps == 0 { throw MetaProblemError(path, "without steps there is no rate by step") }
      if values.count != steps {
        throw MetaProblemError(path, "\("rate".counted(values.count)) for \("step".counted(steps))")
      }
      return .byStep(values)
    case .entry:
      let values = try inOrder(
        object.decode([NamedMatrix].self, forKey: "values"), of: network.parameters, path)
      return .byEntry(
        Dictionary(uniqueKeysWithValues: zip(network.parameters.map(\.name), values)))
    }
  }

  private static func rule(
    _ adaptation: KeyedDecodingContainer<Key>
  ) throws -> any UpdateRule {
    guard adaptation.contains("rule") else { return GradientDescent() }
    let object = try adaptation.object("rule")
    let kind: RuleKind = try object.choice("kind")
    let names = kind.rule([:]).settings.names
    try object.refuseOthers(than: ["kind"] + names)
    var settings: [String: Double] = [:]
    for name in names {
      let key = Key(stringValue: name)
      let value = try object.number(key)
      if let reason = kind.objection(to: value, as: name) {
        throw MetaProblemError(object.place(key), "\(value) \(reason)")
      }
      settings[name] = value
    }
    return kind.rule(settings)
  }

  private static func network(
    _ container: KeyedDecodingContainer<Key>, _ decoder: any Decoder
  ) throws -> any Network {
    let limit = decoder.userInfo[.memoryLimit] as? Int ?? .max
    func checkMemory(of sizes: [Int], _ path: String) throws {
      let weights = zip(sizes, sizes.dropFirst()).map { $0.saturatingProduct($1) }
      let bytes = (weights.max() ?? 0).saturatingProduct(MemoryLayout<Double>.stride)
      if bytes > limit {
        throw MetaProblemError(
          path,
          "a weight matrix of these sizes would need \(bytes.bytes), but this machine has "
            + limit.bytes)
      }
    }
    func positive(_ size: Int, _ path: String) throws -> Int {
      if size < 1 { throw MetaProblemError(path, "\(size) is not at least 1") }
      return size
    }
    switch try container.choice("kind") as NetworkKind {
    case .linear:
      let sizes = try (["inputs", "width", "outputs"] as [Key]).map { key in
        try positive(try container.wholeNumber(key), container.place(key))
      }
      try checkMemory(of: sizes, "network")
      return LinearTwoLayer(inputs: sizes[0], width: sizes[1], outputs: sizes[2])
    case .relu:
      let sizes = try container.decode([Double].self, forKey: "sizes").enumerated().map {
        try positive(whole($1, "network.sizes[\($0)]"), "network.sizes[\($0)]")
      }
      if sizes.count < 2 {
        throw MetaProblemError("network.sizes", "\(sizes.count) sizes, but at least 2 are needed")
      }
      try checkMemory(of: sizes, "network.sizes")
      return ReLUNetwork(sizes: sizes)
    }
  }

  /// Writes the problem in format 2; which parameters adapt is for the reader to say.
  public func encode(to encoder: any Encoder) throws {
    func refuse(_ what: String) -> EncodingError {
      .invalidValue(
        self,
        .init(codingPath: encoder.codingPath, debugDescription: "no problem file knows \(what)"))
    }
    if adapting(.all).learned.isEmpty { throw refuse("a problem that learns nothing") }
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(Self.formats[1], forKey: "format")
    var net = container.nestedContainer(keyedBy: Key.self, forKey: "network")
    switch network {
    case let linear as LinearTwoLayer:
      try net.encode(NetworkKind.linear.rawValue, forKey: "kind")
      try net.encode(linear.inputWidth, forKey: "inputs")
      try net.encode(linear.width, forKey: "width")
      try net.encode(linear.outputWidth, forKey: "outputs")
    case let relu as ReLUNetwork:
      try net.encode(NetworkKind.relu.rawValue, forKey: "kind")
      try net.encode(relu.sizes, forKey: "sizes")
    default: throw refuse("the network \(network)")
    }
    guard Loss(rawValue: loss.name) != nil, loss == queryLoss else {
      throw refuse(
        loss == queryLoss ? "the loss \(loss.name)" : "a query loss of its own, \(queryLoss.name)")
    }
    try container.encode(loss.name, forKey: "loss")
    try container.encode(named(parameters), forKey: "parameters")

    var loop = container.nestedContainer(keyedBy: Key.self, forKey: "adaptation")
    try loop.encode(steps, forKey: "steps")
    if case .one(let rate) = rates {
      try loop.encode(rate, forKey: "learningRate")
    } else {
      var object = loop.nestedContainer(keyedBy: Key.self, forKey: "learningRate")
      switch rates {
      case .one: break
      case .byParameter(let values):
        try object.encode("parameter", forKey: "by")
        try object.encode(values, forKey: "values")
      case .byStep(let values):
        if values.count != steps {
          throw refuse("\("rate".counted(values.count)) for \("step".counted(steps))")
        }
        try object.encode("step", forKey: "by")
        try object.encode(values, forKey: "values")
      case .byEntry(let values):
        try object.encode("entry", forKey: "by")
        try object.encode(
          parameters.names.compactMap { name in
            values[name].map { NamedMatrix(name: name, matrix: $0) }
          }, forKey: "values")
      }
    }
    guard let kind = RuleKind(rule) else { throw refuse("the update rule \(rule)") }
    for (name, value) in zip(rule.settings.names, rule.settings.values) {
      if let reason = kind.objection(to: value.elements[0], as: name) {
        throw refuse("\(kind.rawValue) whose \(name) \(value.elements[0]) \(reason)")
      }
    }
    var ruled = loop.nestedContainer(keyedBy: Key.self, forKey: "rule")
    try ruled.encode(kind.rawValue, forKey: "kind")
    for (name, value) in zip(rule.settings.names, rule.settings.values) {
      try ruled.encode(value.elements[0], forKey: Key(stringValue: name))
    }
    try loop.encode(weightDecay, forKey: "weightDecay")
    try loop.encode(proximal, forKey: "proximal")
    try container.encode(
      Learned.allCases.filter(learning.contains).map(\.rawValue), forKey: "outer")
    try container.encode(tasks.map(RawTask.init), forKey: "tasks")
  }
}

/// The networks that problem files know.
private enum NetworkKind: String, CaseIterable { case linear, relu }

private func named(_ matrices: Parameters<Matrix>) -> [NamedMatrix] {
  zip(matrices.names, matrices.values).map(NamedMatrix.init)
}

private struct RawTask: Codable {
  var task: LearningTask

  init(_ task: LearningTask) { self.task = task }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    func points(_ key: Key) throws -> LabelledPoints<Matrix> {
      let points = try container.object(key)
      return LabelledPoints(
        inputs: try points.decode(RawMatrix.self, forKey: "inputs").matrix,
        targets: try points.decode(RawMatrix.self, forKey: "targets").matrix)
    }
    task = LearningTask(support: try points("support"), query: try points("query"))
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    for (name, points) in [("support", task.support), ("query", task.query)] {
      var object = container.nestedContainer(keyedBy: Key.self, forKey: Key(stringValue: name))
      try object.encode(points.inputs, forKey: "inputs")
      try object.encode(points.targets, forKey: "targets")
    }
  }
}
