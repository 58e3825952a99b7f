import Meta
import Nets
import Tape

extension BilevelProblem {
  /// Bytes that tell everything that its answers depend on apart from anything else.
  ///
  /// - Parameter others: Other tasks that count, in groups.
  func numbers(and others: [[Parameters<Matrix>]] = []) -> [UInt8] {
    let numbers = ([taskData] + others).flatMap { part in
      [Double(part.count)]
        + part.flatMap {
          $0.shapes.flatMap { [Double($0.rows), Double($0.columns)] } + $0.flattened
        }
    }
    let words = "\(summary) \(learned) " + outer.names.joined(separator: " ")
    return Array(words.utf8)
      + (numbers + outer.flattened).flatMap { number in
        (0..<8).map { UInt8(truncatingIfNeeded: number.bitPattern >> (8 * $0)) }
      }
  }
}
