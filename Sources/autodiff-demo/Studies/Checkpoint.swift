import Foundation
import Meta
import Studies
import Synchronization

/// A study whose trainings take so long that they can be interrupted.
protocol LongStudy: Codable, Equatable, Sendable {
  associatedtype Training: LongTraining
  /// The name of its command.
  static var name: String { get }
  /// Whether a training can be gone on with: its parts have the sizes that the settings ask for.
  func fits(_ training: Training) -> Bool
}

/// A training that can be written down; method and seed tell one from another.
protocol LongTraining: Codable, Sendable {
  associatedtype Method: RawRepresentable<String>
  var method: Method { get }
  var seed: UInt64 { get }
}

extension SinusoidStudy: LongStudy {
  static var name: String { "sinusoid" }
}
extension SinusoidStudy.Training: LongTraining {}

extension NavigationStudy: LongStudy {
  static var name: String { "navigate" }
}
extension NavigationStudy.Training: LongTraining {}

/// Trainings under way in a file, written whole and with a checksum, so that an interrupted run can go on.
final class Checkpoint<Study: LongStudy>: Sendable {
  private let study: Study
  private let interval: Duration
  private let state: Mutex<State>

  private struct State {
    var file: LockedFile?
    var trainings: [String: Study.Training] = [:]
    /// By training, how it stands in the file.
    var written: [String: String] = [:]
    var saved: [String: ContinuousClock.Instant] = [:]
  }

  private struct Contents: Decodable {
    let study: Study
    let trainings: [String: Study.Training]
  }

  /// Opens the file, which need not be there yet, and keeps other runs out of it.
  ///
  /// - Parameters:
  ///   - path: The file; nil for none.
  ///   - study: What is trained.
  ///   - interval: How much time a training may lose.
  /// - Throws: ``UserError`` if another run has it, or if it is not a checkpoint, damaged, or one of a study with
  ///   other settings.
  init(path: String?, study: Study, every interval: Duration = .seconds(3)) throws {
    (self.study, self.interval) = (study, interval)
    var state = State()
    if let path {
      let file = try LockedFile(path: path, option: "--checkpoint")
      let data = try file.contents()
      if !data.isEmpty {
        state.trainings = try Self.trainings(in: data, path, of: study)
        state.written = try state.trainings.mapValues { try line($0) }
      }
      state.file = file
    }
    self.state = Mutex(state)
  }

  private static func trainings(
    in data: Data, _ path: String, of study: Study
  ) throws -> [String: Study.Training] {
    let seal = Seal(of: data, as: format)
    if case .foreign = seal {
      throw UserError("--checkpoint \(path): is not a checkpoint of \(Study.name)")
    }
    guard case .whole = seal,
      let contents = try? decoderOfNamedInfinity.decode(Contents.self, from: data)
    else { throw UserError("--checkpoint \(path): is damaged") }
    guard contents.study == study else {
      throw UserError("--checkpoint \(path): is of a run with other settings")
    }
    for (name, training) in contents.trainings
    where name != key(training.method, training.seed) || !study.fits(training) {
      throw UserError("--checkpoint \(path): '\(name)' is damaged")
    }
    return contents.trainings
  }

  private static var format: String { "\(Study.name)-checkpoint-2" }

  private static func key(_ method: Study.Training.Method, _ seed: UInt64) -> String {
    "\(method.rawValue) \(seed)"
  }

  /// The training as it was saved, or nil.
  func training(_ method: Study.Training.Method, _ seed: UInt64) -> Study.Training? {
    state.withLock { $0.trainings[Self.key(method, seed)] }
  }

  /// Notes how far a training is, and writes the file, unless that was done a moment ago.
  ///
  /// - Parameters:
  ///   - method: That of the training.
  ///   - seed: Its seed.
  ///   - isLast: Whether it is at its end, and is written in any case.
  ///   - training: Asked for it only if it is written.
  func update(
    _ method: Study.Training.Method, _ seed: UInt64, isLast: Bool, _ training: () -> Study.Training
  ) throws {
    let key = Self.key(method, seed)
    try state.withLock { state in
      guard let file = state.file else { return }
      let now = ContinuousClock.now
      if !isLast, let saved = state.saved[key], now - saved < interval { return }
      state.saved[key] = now
      state.written[key] = try line(training())
      let trainings = state.written.sorted { $0.key < $1.key }.map { "\"\($0)\":\($1)" }
      let object =
        "{\"study\":\(try line(study)),\"trainings\":{\(trainings.joined(separator: ","))}}\n"
      try file.write(Seal.sealed(object, as: Self.format))
    }
  }
}

/// A value as JSON without a line break at its end.
private func line(_ value: some Encodable) throws -> String {
  String(try json(value, namesInfinity: true).dropLast())
}
