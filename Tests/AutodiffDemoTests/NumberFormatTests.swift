import Foundation
import Meta
import Nets
import Testing

/// Numbers as text without Foundation, against Foundation.
@Suite struct NumberFormatTests {
  static let numbers: [Double] = {
    var generator = SeededGenerator(seed: 1)
    let special = [
      0, -0.0, 0.5, 1, 9.995, 99.95, 999.5, 1000, 1e6, 1e15, 1e22, -1e300, .pi,
      .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude,
    ]
    // Every size, then those that tables are made of.
    let any = (0..<3000).map { _ in Double(bitPattern: generator.next()) }
    let usual = (0..<2000).map { _ in Double.random(in: -2000...2000, using: &generator) }
    return (special + any + usual).filter(\.isFinite)
  }()

  @Test func digitsAreThoseOfFoundation() {
    for number in Self.numbers {
      for digits in 0...9 {
        #expect(number.fixed(digits) == String(format: "%.\(digits)f", number))
        let text = String(format: "%#.\(digits)g", number)
        #expect(
          number.significant(digits)
            == (text.hasSuffix(".")
              ? String(text.dropLast()) : text.replacingOccurrences(of: ".e", with: "e")))
      }
      #expect(number.upToSixDigits == String(format: "%.6g", number == 0 ? 0 : number))
    }
    #expect(Self.numbers.count > 4900)
  }

  /// More digits than any first guess of the room that they take.
  @Test func longTextsAreWhole() {
    for number in [.greatestFiniteMagnitude, -Double.leastNonzeroMagnitude, 1 / 3] {
      #expect(number.fixed(900) == String(format: "%.900f", number))
    }
  }

  @Test func whatIsNotFiniteIsADash() {
    for number in [Double.nan, -Double.nan, .infinity, -.infinity] {
      #expect(
        [number.significant(3), number.upToSixDigits, number.fixed(2)]
          == Array(repeating: "–", count: 3))
    }
  }

  @Test func unitsAndCounts() {
    #expect([1, 0, -12_345, 1_000_000].map(\.grouped) == ["1", "0", "-12 345", "1 000 000"])
    #expect(
      [999, 1000, 123_456, 5_000_000].map(\.bytes) == ["999 B", "1.0 kB", "123 kB", "5.0 MB"])
    #expect(
      [9.96, 123, 4560, 7.8e6].map(\.duration) == ["10.0 µs", "123 µs", "4.56 ms", "7.80 s"])
    #expect("step".counted(1) == "1 step" && "step".counted(0) == "0 steps")
  }
}
