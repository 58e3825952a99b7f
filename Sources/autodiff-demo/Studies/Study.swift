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

  static let options = options(seeds: 1)

  /// The options of a study that takes so many seeds by default.
  static func options(seeds: Int) -> [Command.Option] {
    [
      .seed("where random numbers start"),
      .init(name: "--seeds", value: "N", help: "how many seeds, from there on (default \(seeds))"),
      .json,
      .init(
        name: "--csv", value: "FILE", help: "also write the numbers as a table", role: .output),
      .init(name: "--svg", value: "FILE", help: "also draw them", role: .output),
    ] + Command.Option.shards
  }

  init(_ arguments: Arguments, seeds defaultCount: Int = 1) throws {
    seeds = try arguments.seeds(default: defaultCount)
    wantsJSON = arguments.has("--json")
    csv = try arguments.output("--csv")
    svg = try arguments.output("--svg")
  }

  /// Writes the files that were asked for, and answers.
  func answer(_ result: StudyResult) throws -> Answer {
    try csv?.write(result.csv.text)
    try svg?.write(result.figure.svg)
    return Answer(wantsJSON ? result.json : "\(result.table)\n\(result.verdict)\n")
  }
}

extension Arguments {
  /// As many seeds as are asked for, from the given one on.
  func seeds(default count: Int = 1) throws -> [UInt64] {
    let first = try seed()
    let count = try wholeNumber("--seeds", in: 1...1000) ?? count
    return (0..<UInt64(count)).map { first &+ $0 }
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

extension Figure.Panel {
  /// Draws the median over seeds, with a band between the quartiles where there are several.
  ///
  /// - Parameter seeds: For each, a number at each recorded step; a run that ended early has fewer, and
  ///   a number may be missing.
  mutating func addMedian(_ style: Figure.Style, of seeds: [[(step: Int, value: Double?)]]) {
    var line = Figure.Line(style: style, points: [])
    var band = Figure.Band(style: style, points: [])
    for record in 0..<(seeds.map(\.count).max() ?? 0) {
      let present = seeds.filter { record < $0.count }.map { $0[record] }
      let values = present.compactMap(\.value)
      guard let step = present.first?.step, !values.isEmpty else { continue }
      let (low, middle, high) = quartiles(values)
      line.points.append((Double(step), middle))
      if values.count > 1 { band.points.append((Double(step), low, high)) }
    }
    if !line.points.isEmpty { lines.append(line) }
    if !band.points.isEmpty { bands.append(band) }
  }
}

/// The middle of numbers, and the ones below and above which a quarter lies.
private func quartiles(_ values: [Double]) -> (low: Double, middle: Double, high: Double) {
  let sorted = values.sorted()
  func at(_ share: Double) -> Double {
    let place = share * Double(sorted.count - 1)
    let (low, high) = (Int(place.rounded(.down)), Int(place.rounded(.up)))
    return sorted[low] + (place - Double(low)) * (sorted[high] - sorted[low])
  }
  return sorted.isEmpty ? (0, 0, 0) : (at(0.25), at(0.5), at(0.75))
}
