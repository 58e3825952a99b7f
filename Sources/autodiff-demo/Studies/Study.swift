import Dispatch
import Foundation
import Synchronization

/// What a study leaves: a table and a verdict for the terminal, and the same run as JSON, CSV and
/// picture.
struct StudyResult {
  var table: String
  /// One sentence that says whether the claim held in this run.
  var verdict: String
  var json: String
  var csv: CSV
  var figure: Figure
}

/// The options that every study has.
struct StudyOptions {
  let seeds: [UInt64]
  private let wantsJSON: Bool
  private let csv: OutputFile?
  private let svg: OutputFile?

  static let options: [Command.Option] = [
    .seed("where random numbers start"),
    .init(name: "--seeds", value: "N", help: "how many seeds, from there on (default 1)"),
    .json,
    .init(name: "--csv", value: "FILE", help: "also write the numbers as a table"),
    .init(name: "--svg", value: "FILE", help: "also draw them"),
  ]

  init(_ arguments: Arguments) throws {
    let first = try arguments.seed()
    let count = try arguments.wholeNumber("--seeds", in: 1...1000) ?? 1
    seeds = (0..<UInt64(count)).map { first &+ $0 }
    wantsJSON = arguments.has("--json")
    csv = try arguments.value("--csv").map { try OutputFile(path: $0, option: "--csv") }
    svg = try arguments.value("--svg").map { try OutputFile(path: $0, option: "--svg") }
  }

  /// Writes the files that were asked for, and answers.
  func answer(_ result: StudyResult) throws -> Answer {
    try csv?.write(result.csv.text)
    try svg?.write(result.figure.svg)
    return Answer(wantsJSON ? result.json : "\(result.table)\n\(result.verdict)\n")
  }
}

/// The results of `body` for each item in order, on all processors; the order in which they are
/// computed does not show.
///
/// - Throws: The error of the first item that has one.
func concurrentMap<Item: Sendable, Result: Sendable>(
  _ items: [Item], _ body: @Sendable (Item) throws -> Result
) throws -> [Result] {
  let results = Mutex<[Int: Swift.Result<Result, any Error>]>([:])
  DispatchQueue.concurrentPerform(iterations: items.count) { index in
    let result = Swift.Result { try body(items[index]) }
    results.withLock { $0[index] = result }
  }
  return try results.withLock { results in try items.indices.compactMap { try results[$0]?.get() } }
}

/// The mean of numbers and how far one standard deviation reaches.
func summary(_ values: [Double]) -> (mean: Double, deviation: Double) {
  let mean = values.reduce(0, +) / Double(max(1, values.count))
  let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
  return (mean, values.count < 2 ? 0 : (squares / Double(values.count - 1)).squareRoot())
}

/// The middle of numbers, and the ones below and above which a quarter lies.
func quartiles(_ values: [Double]) -> (low: Double, middle: Double, high: Double) {
  let sorted = values.sorted()
  func at(_ share: Double) -> Double {
    let place = share * Double(sorted.count - 1)
    let (low, high) = (Int(place.rounded(.down)), Int(place.rounded(.up)))
    return sorted[low] + (place - Double(low)) * (sorted[high] - sorted[low])
  }
  return sorted.isEmpty ? (0, 0, 0) : (at(0.25), at(0.5), at(0.75))
}
