import Meta

/// A subcommand: what it takes, what its help says, and what it does.
struct Command: Sendable {
  let name: String
  let summary: String
  /// What stands after the options, for instance `[FILE]`; empty for nothing.
  let operands: String
  /// How many operands are taken.
  let operandCount: ClosedRange<Int>
  let options: [Option]
  let details: String
  let example: String
  let run: @Sendable (Arguments) throws -> Answer

  /// An option: a switch, or, with a placeholder, one that takes a value.
  struct Option: Sendable {
    let name: String
    var value: String?
    let help: String
    /// The option without which this one says nothing.
    var needs: String?
    /// Whether the help of the command lists it.
    var isListed = true
    var role = Role.setting

    /// What an option decides.
    enum Role {
      /// What is computed.
      case setting
      /// What is written of it, which shards leave to `merge`.
      case output
      /// How it is computed.
      case conduct
    }

    /// What is done with the file that it names, where it names one.
    enum Kind { case input, output, none }

    /// Told from the placeholder, which says it to the user.
    var kind: Kind {
      switch value {
      case "DATA": .input
      case "FILE", "OUT.html": .output
      default: .none
      }
    }

    static let help = Option(name: "--help", help: "print this")
    static let json = Option(
      name: "--json", help: "print JSON instead of a table", role: .output)
    static func seed(_ help: String) -> Option {
      Option(name: "--seed", value: "N", help: "\(help) (default \(defaultSeed))")
    }
  }

  static let defaultSeed: UInt64 = 1

  /// Whether `--csv` names a table in place of FILE.
  var takesTables: Bool { options.contains { $0.needs == "--csv" } }

  func answer(to words: [String]) throws -> Answer {
    let arguments = try Arguments(words, for: self)
    return arguments.has("--help") ? Answer(help) : try run(arguments)
  }

  private var help: String {
    let all = options.filter(\.isListed) + [.help]
    let spelled = all.map { [$0.name, $0.value].compactMap(\.self).joined(separator: " ") }
    let width = spelled.map(\.count).max() ?? 0
    let list = zip(spelled, all).map { "  \($0.padded(to: width))  \($1.help)\n" }.joined()
    let usage = ["usage: autodiff-demo", name, operands, "[OPTIONS]"].filter { !$0.isEmpty }
    return """
      \(summary).

      \(usage.joined(separator: " "))

      \(list)
      \(details)

      example: \(example)

      """
  }
}

/// The words after a command, sorted into options and operands.
struct Arguments {
  private(set) var operands: [String] = []
  private var values: [String: String] = [:]
  private let command: Command
  /// What is computed here, where that is not the whole run.
  private(set) var part: RunPart?

  /// The name of the command.
  var name: String { command.name }

  init(_ words: [String], for command: Command) throws {
    self.command = command
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--" {
        operands += rest
        break
      }
      guard word.hasPrefix("-"), word != "-" else {
        operands.append(word)
        continue
      }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = parts[0] == "-h" ? "--help" : String(parts[0])
      guard let option = (command.options + [.help]).first(where: { $0.name == name }) else {
        throw UserError("\(command.name): no option '\(name)' (--help lists them)")
      }
      if values[name] != nil { throw UserError("\(command.name): \(name) is given twice") }
      if let placeholder = option.value {
        guard let value = parts.count > 1 ? String(parts[1]) : rest.popFirst() else {
          throw UserError("\(command.name): \(name) needs a value, \(placeholder)")
        }
        values[name] = value
      } else {
        if parts.count > 1 { throw UserError("\(command.name): \(name) takes no value") }
        values[name] = ""
      }
    }
    if has("--help") { return }
    if operands.count > command.operandCount.upperBound {
      throw UserError(
        "\(command.name): '\(operands[command.operandCount.upperBound])' is one operand too many")
    }
    for option in command.options {
      if let other = option.needs, has(option.name), !has(other) {
        throw UserError("\(command.name): \(option.name) is for \(other), which is not given")
      }
    }
    if has("--csv"), command.takesTables {
      if !operands.isEmpty {
        throw UserError("\(command.name): --csv and FILE are two problems")
      }
    } else if operands.count < command.operandCount.lowerBound {
      throw UserError("\(command.name): \(command.operands) is missing (--help tells more)")
    }
    part = try shard().map(RunPart.shard)
  }

  /// The words of a run whose pieces shards have computed, with those that say what is written of it.
  init(_ shards: MergedShards, output: [String], for command: Command) throws {
    try self.init(output + shards.setting.words, for: command)
    part = .merged(shards)
  }

  /// The words that decide what is computed, in an order that does not depend on how they were given.
  var settingWords: [String] {
    let given = command.options.filter { $0.role == .setting && has($0.name) }
    let options = given.map { $0.value == nil ? $0.name : "\($0.name)=\(values[$0.name] ?? "")" }
    return options + (operands.isEmpty ? [] : ["--"] + operands)
  }

  /// The options that are given and decide what is written.
  var outputsGiven: [Command.Option] {
    command.options.filter { $0.role == .output && has($0.name) }
  }

  /// Whether the option is given.
  func has(_ name: String) -> Bool { values[name] != nil }

  /// The value of the option as a name in `Value`, or nil if it is not given.
  func choice<Value: RawRepresentable<String> & CaseIterable>(_ name: String) throws -> Value? {
    try choice(name, among: Array(Value.allCases))
  }

  /// The value of the option as the name of one of some values, or nil if it is not given.
  func choice<Value: RawRepresentable<String>>(
    _ name: String, among choices: [Value]
  ) throws -> Value? {
    guard let text = values[name] else { return nil }
    guard let value = choices.first(where: { $0.rawValue == text }) else {
      throw UserError(
        "\(command.name): \(name) '\(text)' is not one of \(choices.map(\.rawValue).list)")
    }
    return value
  }

  /// The options that are given and name files of a kind, with the names of the files.
  func values(ofKind kind: Command.Option.Kind) -> [(name: String, value: String)] {
    command.options.filter { $0.kind == kind }.compactMap { option in
      values[option.name].map { (option.name, $0) }
    }
  }

  /// The text of the option, or nil if it is not given.
  func value(_ name: String) -> String? { values[name] }

  /// The value of the option as a number in a range, or nil if it is not given.
  func number(_ name: String, in range: ClosedRange<Double>) throws -> Double? {
    guard let text = values[name] else { return nil }
    guard let number = Double(text), range.contains(number) else {
      throw UserError(
        "\(command.name): \(name) '\(text)' is not a number from \(range.lowerBound) to \(range.upperBound)"
      )
    }
    return number
  }

  /// The value of the option as numbers in a range with commas between them, or nil if it is not given.
  func numbers(_ name: String, in range: ClosedRange<Double>) throws -> [Double]? {
    try values[name]?.split(separator: ",", omittingEmptySubsequences: false).map { word in
      guard let number = Double(word), range.contains(number) else {
        throw UserError(
          "\(command.name): \(name) has '\(word)', which is not a number from \(range.lowerBound) to \(range.upperBound)"
        )
      }
      return number
    }
  }

  /// The value of the option as a whole number in a range, or nil if it is not given.
  func wholeNumber(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
    guard let text = values[name] else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw UserError(
        "\(command.name): \(name) '\(text)' is not a whole number from \(range.lowerBound) to \(range.upperBound)"
      )
    }
    return number
  }

  /// The seed, by default ``Command/defaultSeed``.
  func seed() throws -> UInt64 {
    guard let text = values["--seed"] else { return Command.defaultSeed }
    guard let seed = UInt64(text) else {
      throw UserError("\(command.name): --seed '\(text)' is not a whole number from 0 to 2⁶⁴ − 1")
    }
    return seed
  }
}
