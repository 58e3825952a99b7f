import Foundation
import Meta
import Studies
import Synchronization

/// Trainings under way in a file, written whole, so that an interrupted run can go on.
final class Checkpoint: Sendable {
  private let file: OutputFile?
  private let study: SinusoidStudy
  private let state:
    Mutex<(trainings: [String: SinusoidStudy.Training], saved: ContinuousClock.Instant)>

  private struct Contents: Codable {
    var format = "sinusoid-checkpoint-1"
    var study: SinusoidStudy
    var trainings: [String: SinusoidStudy.Training]
  }

  /// Opens the file, which need not be there yet.
  ///
  /// - Throws: ``UserError`` if it is not a checkpoint, or one of a study with other settings.
  init(path: String?, study: SinusoidStudy) throws {
    self.study = study
    file = try path.map { try OutputFile(path: $0, option: "--checkpoint") }
    var trainings: [String: SinusoidStudy.Training] = [:]
    if let path, FileManager.default.fileExists(atPath: path) {
      guard let data = FileManager.default.contents(atPath: path),
        let contents = try? JSONDecoder().decode(Contents.self, from: data)
      else { throw UserError("--checkpoint \(path): is not a checkpoint of sinusoid") }
      guard contents.study == study else {
        throw UserError("--checkpoint \(path): is of a run with other settings")
      }
      trainings = contents.trainings
    }
    state = Mutex((trainings, .now))
  }

  private static func key(_ method: Method, _ seed: UInt64) -> String {
    "\(method.rawValue) \(seed)"
  }

  /// The training as it was saved, or nil.
  func training(_ method: Method, _ seed: UInt64) -> SinusoidStudy.Training? {
    state.withLock { $0.trainings[Self.key(method, seed)] }
  }

  /// Notes how far a training is, and saves all if the last time is some seconds ago.
  func update(_ training: SinusoidStudy.Training, isLast: Bool) throws {
    guard let file else { return }
    try state.withLock { state in
      state.trainings[Self.key(training.method, training.seed)] = training
      if !isLast, .now - state.saved < .seconds(3) { return }
      try file.write(json(Contents(study: study, trainings: state.trainings)))
      state.saved = .now
    }
  }
}
