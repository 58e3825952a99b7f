import Foundation
import Meta

/// What an axis shows: its label with the unit, its scale, its range and where its ticks stand.
struct Axis {
  var label: String
  var isLogarithmic = false
  /// Whether only whole numbers are marked.
  var isWhole = false
  /// The numbers at its ends; by default those of the data.
  var range: ClosedRange<Double>?

  /// An axis with ends, fitted to the data that it has to show.
  struct Fitted {
    let axis: Axis
    let low: Double
    let high: Double

    /// Where a number lies between the ends, from 0 to 1; nil if the axis cannot show it.
    func position(_ value: Double) -> Double? {
      if !value.isFinite || axis.isLogarithmic && value <= 0 { return nil }
      let (value, low, high) =
        axis.isLogarithmic ? (log10(value), log10(low), log10(high)) : (value, low, high)
      return (value - low) / (high - low)
    }

    /// The power of ten by which the marks of a linear axis are divided, where they would be long.
    private var exponent: Int {
      let size = max(abs(low), abs(high))
      if axis.isLogarithmic || size == 0 || (0.01..<100_000).contains(size) { return 0 }
      return Int(log10(size).rounded(.down))
    }

    /// The label, with that power.
    var label: String {
      exponent == 0 ? axis.label : "\(axis.label), × \(Self.power(exponent))"
    }

    private static func power(_ exponent: Int) -> String {
      let digits: [Character: Character] = [
        "-": "⁻", "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷",
        "8": "⁸", "9": "⁹",
      ]
      return "10" + String("\(exponent)".map { digits[$0] ?? $0 })
    }

    /// The numbers that are marked.
    var ticks: [Double] {
      if axis.isLogarithmic {
        let (first, last) = (Int(log10(low).rounded(.up)), Int(log10(high).rounded(.down)))
        if last - first >= 1 {
          let step = max(1, (last - first + 5) / 6)
          return Swift.stride(from: first, through: last, by: step).map { pow(10, Double($0)) }
        }
        // Within a decade or two: also twos and fives.
        return (first - 1...last + 1).flatMap { power in
          [1, 2, 5].map { $0 * pow(10, Double(power)) }
        }.filter { $0 >= low * 0.999 && $0 <= high * 1.001 }
      }
      let raw = (high - low) / 5
      let power = pow(10, log10(raw).rounded(.down))
      let steps = (axis.isWhole ? [1, 2, 5, 10] : [1, 2, 2.5, 5, 10]).map { $0 * power }
      let fitting = steps.first { $0 >= raw * 0.999 } ?? raw
      let step = axis.isWhole ? max(1, fitting) : fitting
      let first = (low / step - 1e-9).rounded(.up)
      let last = (high / step + 1e-9).rounded(.down)
      return Swift.stride(from: first, through: last, by: 1).map { $0 * step }
    }

    /// A marked number as text.
    func text(_ tick: Double) -> String {
      let tick = tick / pow(10, Double(exponent))
      let size = abs(tick)
      if size < 1e-12, !axis.isLogarithmic { return "0" }
      if axis.isLogarithmic, size < 0.01 || size > 10_000 {
        let power = Int((log10(size) + 1e-9).rounded(.down))
        let digit = Int((size / pow(10, Double(power))).rounded())
        return (digit == 1 ? "" : "\(digit)·") + Self.power(power)
      }
      if size >= 10_000 { return Int(tick).grouped }
      return tick.upTo(4)
    }
  }

  /// The axis with ends, a little beyond the data where no range is given.
  func fitted(to values: some Sequence<Double>) -> Fitted {
    if let range { return Fitted(axis: self, low: range.lowerBound, high: range.upperBound) }
    let shown = values.filter { $0.isFinite && (!isLogarithmic || $0 > 0) }
    var (low, high) = (shown.min() ?? 0.1, shown.max() ?? 1)
    if isLogarithmic {
      if high / low < 1.5 { (low, high) = (low / 2, high * 2) }
      return Fitted(axis: self, low: low / 1.15, high: high * 1.15)
    }
    if high - low < 1e-12 * max(1, abs(high)) { (low, high) = (low - 0.5, high + 0.5) }
    let room = 0.04 * (high - low)
    return Fitted(axis: self, low: low == 0 ? 0 : low - room, high: high + room)
  }
}
