import Foundation
import Meta
import Studies
import Synchronization

/// A study whose trainings take so long that they can be interrupted.
protocol LongStudy: DefaultStudy, Codable, Equatable {
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

/// Trainings under way in a file, written whole, so that an interrupted run can go on.
final class Checkpoint<Study: LongStudy>: Sendable {
  private let file: OutputFile?
  private let study: Study
  private let state: Mutex<(trainings: [String: Study.Training], saved: ContinuousClock.Instant)>

  private struct Contents: Codable {
    var format = "\(Study.name)-checkpoint-1"
    var study: Study
    var trainings: [String: Study.Training]
  }

  /// Opens the file, which need not be there yet.
  ///
  /// - Throws: ``UserError`` if it is not a checkpoint, or one of a study with other settings.
  init(path: String?, study: Study) throws {
    self.study = study
    file = try path.map { try OutputFile(path: $0, option: "--checkpoint") }
    var trainings: [String: Study.Training] = [:]
    if let path, FileManager.default.fileExists(atPath: path) {
      guard let data = FileManager.default.contents(atPath: path),
        let contents = try? JSONDecoder().decode(Contents.self, from: data)
      else { throw UserError("--checkpoint \(path): is not a checkpoint of \(Study.name)") }
      guard contents.study == study else {
        throw UserError("--checkpoint \(path): is of a run with other settings")
      }
      for (name, training) in contents.trainings
      where name != Self.key(training.method, training.seed) || !study.fits(training) {
        throw UserError("--checkpoint \(path): '\(name)' is damaged")
      }
      trainings = contents.trainings
    }
    state = Mutex((trainings, .now))
  }

  private static func key(_ method: Study.Training.Method, _ seed: UInt64) -> String {
    "\(method.rawValue) \(seed)"
  }

  /// The training as it was saved, or nil.
  func training(_ method: Study.Training.Method, _ seed: UInt64) -> Study.Training? {
    state.withLock { $0.trainings[Self.key(method, seed)] }
  }

  /// Notes how far a training is, and saves all if the last time is some seconds ago.
  func update(_ training: Study.Training, isLast: Bool) throws {
    guard let file else { return }
    try state.withLock { state in
      state.trainings[Self.key(training.method, training.seed)] = training
      if !isLast, .now - state.saved < .seconds(3) { return }
      try file.write(json(Contents(study: study, trainings: state.trainings)))
      state.saved = .now
    }
  }
}
