import Meta
import Studies

/// An option of a study, stated once: name, range, help, and the default, which is the study's own.
struct Setting<Study: DefaultStudy>: Sendable {
  let option: Command.Option
  /// Takes what is given into the study.
  let read: @Sendable (inout Study, Arguments) throws -> Void

  /// A whole number.
  ///
  /// - Parameter note: What the help says behind the default.
  init(
    _ name: String, _ value: String, _ path: any WritableKeyPath<Study, Int> & Sendable,
    in range: ClosedRange<Int>, _ help: String, note: String = ""
  ) {
    self.init(name, value, "\(help) (default \(Study()[keyPath: path])\(note))") {
      $0[keyPath: path] = try $1.wholeNumber(name, in: range) ?? $0[keyPath: path]
    }
  }

  /// A number.
  ///
  /// - Parameter note: What the help says behind the default.
  init(
    _ name: String, _ value: String, _ path: any WritableKeyPath<Study, Double> & Sendable,
    in range: ClosedRange<Double>, _ help: String, note: String = ""
  ) {
    self.init(name, value, "\(help) (default \(Study()[keyPath: path].upToSixDigits)\(note))") {
      $0[keyPath: path] = try $1.number(name, in: range) ?? $0[keyPath: path]
    }
  }

  /// Anything else; without `read` the command reads it.
  init(
    _ name: String, _ value: String, _ help: String,
    read: @escaping @Sendable (inout Study, Arguments) throws -> Void = { _, _ in }
  ) {
    option = Command.Option(name: name, value: value, help: help)
    self.read = read
  }
}

/// A study that has all its settings by default.
protocol DefaultStudy: Sendable {
  init()
}

extension RepresentationStudy: DefaultStudy {}
extension OverparametrizationStudy: DefaultStudy {}
extension TradeoffStudy: DefaultStudy {}
extension PolicyTradeoffStudy: DefaultStudy {}
extension SinusoidStudy: DefaultStudy {}
extension NavigationStudy: DefaultStudy {}

extension Arguments {
  /// Takes the options that are given into a study.
  func read<Study>(_ settings: [Setting<Study>], into study: inout Study) throws {
    for setting in settings { try setting.read(&study, self) }
  }
}
extension PolicyGradientStudy: DefaultStudy {}
