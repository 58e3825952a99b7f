import Foundation
import Meta

/// What an axis shows: its label with the unit, its scale, its range and where its ticks stand.
struct Axis {
  var label: String
  var isLogarithmic = false
  /// Whether it counts something, so that only whole numbers are marked.
  var isWhole = false
  /// Numbers that it shows beside those of the data.
  var range: ClosedRange<Double>?

  /// Whether the axis has room for a number: finite, and on a logarithmic one positive.
  ///
  /// Of numbers with more than 150 digits products and ratios may not be finite any more.
  func shows(_ value: Double) -> Bool {
    abs(value) <= 1e150 && (!isLogarithmic || value >= 1e-150)
  }

  /// An axis with ends, fitted to the data that it has to show.
  struct Fitted {
    let axis: Axis
    let low: Double
    let high: Double
    /// The numbers that are marked: at least three.
    let ticks: [Double]
    /// Whether they stand at even distances, as numbers.
    private let isEven: Bool
    /// The power of ten by which even marks are divided, where they would be long.
    private let exponent: Int

    init(axis: Axis, low: Double, high: Double) {
      (self.axis, self.low, self.high) = (axis, low, high)
      let uneven = axis.isLogarithmic ? Self.uneven(low, high, isWhole: axis.isWhole) : nil
      isEven = uneven == nil
      ticks = uneven ?? Self.even(low, high, isWhole: axis.isWhole)
      let size = max(abs(low), abs(high))
      if isEven && size > 0 && !(0.01..<(axis.isLogarithmic ? 10_000 : 100_000)).contains(size) {
        // What is counted stays whole.
        let unit = axis.isWhole && ticks.count > 1 ? ticks[1] - ticks[0] : size
        exponent = Int((log10(unit) + 1e-9).rounded(.down))
      } else {
        exponent = 0
      }
    }

    /// Where a number lies between the ends, from 0 to 1; nil if the axis cannot show it.
    func position(_ value: Double) -> Double? {
      if !axis.shows(value) { return nil }
      let (value, low, high) =
        axis.isLogarithmic ? (log10(value), log10(low), log10(high)) : (value, low, high)
      return (value - low) / (high - low)
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

    /// Multiples of the widest round step that marks at least four numbers.
    private static func even(_ low: Double, _ high: Double, isWhole: Bool) -> [Double] {
      func multiples(of step: Double) -> [Double] {
        let first = (low / step - 1e-9).rounded(.up)
        let last = (high / step + 1e-9).rounded(.down)
        return stride(from: first, through: last, by: 1).map { $0 * step }
      }
      let power = Int(log10(high - low).rounded(.down))
      let steps = [power, power - 1].flatMap { power in
        (isWhole ? [5, 2, 1] : [5, 2.5, 2, 1]).map { $0 * pow(10, Double(power)) }
      }
      return steps.lazy.filter { !isWhole || $0 >= 1 }.map(multiples).first { $0.count >= 4 }
        ?? multiples(of: 1)
    }

    /// Powers of ten; where fewer than three fit, round numbers between them as well; nil where those
    /// are too few too.
    private static func uneven(_ low: Double, _ high: Double, isWhole: Bool) -> [Double]? {
      let powers = Int(log10(low).rounded(.down))...Int(log10(high).rounded(.up))
      func marks(_ digits: [Double]) -> [Double] {
        powers.flatMap { power in digits.map { $0 * pow(10, Double(power)) } }.filter {
          (low...high).contains($0) && (!isWhole || $0 == $0.rounded())
        }
      }
      let tens = marks([1])
      if tens.count >= 3 {
        return stride(from: 0, to: tens.count, by: (tens.count + 5) / 6).map { tens[$0] }
      }
      return [[1, 2, 5], [1, 1.5, 2, 3, 5, 7]].lazy.map(marks).first { $0.count >= 3 }
    }

    /// A marked number as text.
    func text(_ tick: Double) -> String {
      if isEven, abs(tick) < 1e-9 * (high - low) { return "0" }
      let tick = tick / pow(10, Double(exponent))
      let size = abs(tick)
      if !isEven, size < 0.01 || size > 10_000 {
        let power = Int((log10(size) + 1e-9).rounded(.down))
        let factor = (size / pow(10, Double(power))).upTo(5)
        return (factor == "1" ? "" : "\(factor)·") + Self.power(power)
      }
      if size >= 10_000 { return Int(tick.rounded()).grouped }
      return tick.upTo(5)
    }
  }

  /// The axis with ends: a little beyond the data, so that the frame cuts no point.
  ///
  /// - Parameter isTight: Whether the ends are those of the data, as for a field that fills its frame.
  func fitted(to values: some Sequence<Double>, isTight: Bool = false) -> Fitted {
    let shown = (Array(values) + (range.map { [$0.lowerBound, $0.upperBound] } ?? [])).filter(shows)
    var (low, high) = (shown.min() ?? (isLogarithmic ? 0.1 : 0), shown.max() ?? 1)
    // Numbers so near to each other that their marks would read alike stand in a wider frame.
    if isLogarithmic {
      if high < 1.02 * low { (low, high) = (low / 1.5, high * 1.5) }
    } else if max(abs(low), abs(high)) < 1e-150 {
      (low, high) = (-0.5, 0.5)
    } else if high - low < 2e-3 * max(abs(low), abs(high)) || high == low {
      let room = low == high && abs(low) < 1e-9 ? 0.5 : 0.05 * max(abs(low), abs(high))
      (low, high) = (low - room, high + room)
    }
    if isWhole { high = max(high, low.rounded(.up) + 2) }
    if isTight { return Fitted(axis: self, low: low, high: high) }
    if isLogarithmic {
      let room = pow(high / low, 0.05)
      return Fitted(axis: self, low: low / room, high: high * room)
    }
    let room = 0.05 * (high - low)
    return Fitted(axis: self, low: low - room, high: high + room)
  }
}
