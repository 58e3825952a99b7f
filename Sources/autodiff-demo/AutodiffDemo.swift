import Foundation
import Meta

/// The command line: finds the command, prints what it answers, and turns errors into one line.
@main
struct AutodiffDemo {
  static let commands: [Command] = [
    compareCommand, metagradientCommand, checkCommand, tapeCommand, benchCommand,
    importCommand, diagnoseCommand, ledgerCommand, dialCommand, curlCommand, costCommand,
    hypergradientsCommand,
    lawsCommand, mdpCommand, reportCommand,
    representCommand, overparametrizeCommand, tradeoffCommand, policyTradeoffCommand,
    sinusoidCommand, policyGradientsCommand, navigateCommand, trainCommand, predictCommand,
    museumCommand, mergeCommand,
  ]

  static func main() {
    prepareStreams()
    do {
      try checkKernels()
      let answer = try answer(to: Array(CommandLine.arguments.dropFirst()))
      // A full disk must not pass for success.
      try naming("standard output") {
        do {
          try write(answer.text, to: STDOUT_FILENO)
        } catch {
          throw UserError("cannot be written (\(error))")
        }
      }
      exit(answer.status)
    } catch {
      // Where not even this can be written, the status says it.
      try? write("autodiff-demo: \("\(error)".inOneLine)\n", to: STDERR_FILENO)
      exit(2)
    }
  }

  /// What is to be printed for the given words; nothing is printed before it is complete.
  static func answer(to words: [String]) throws -> Answer {
    guard let first = words.first else { return try compareCommand.answer(to: []) }
    if ["--help", "-h", "help"].contains(first) { return Answer(overview) }
    if first.hasPrefix("-"), first != "-" { return try compareCommand.answer(to: words) }
    guard let command = commands.first(where: { $0.name == first }) else {
      let names = commands.map(\.name).joined(separator: ", ")
      throw UserError("no command '\(first)'; there are \(names) (--help tells more)")
    }
    return try command.answer(to: Array(words.dropFirst()))
  }

  private static var overview: String {
    let width = commands.map(\.name.count).max() ?? 0
    let list = commands.map { "  \($0.name.padded(to: width))  \($0.summary)\n" }.joined()
    return """
      Exact and first-order meta-gradients, by differentiating through inner loops.

      usage: autodiff-demo [COMMAND] [--help]

      \(list)
      Without a command: compare. Each command has --help with an example.

      """
  }
}

/// What a command prints, and the exit status it asks for.
struct Answer {
  var text: String
  var status: Int32 = 0

  init(_ text: String, status: Int32 = 0) {
    self.text = text
    self.status = status
  }
}
