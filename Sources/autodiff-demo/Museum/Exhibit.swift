import Meta
import Tape

/// One trap of the museum: the mistake as it is made, what it gives, what is right, what catches it.
struct Exhibit: Encodable {
  /// Its name on the command line.
  let id: String
  let title: String
  /// What is done wrong, and what about it misleads.
  let mistake: String
  /// What the numbers are.
  let quantity: String
  /// What the mistake gives.
  let wrong: Reading
  /// What this package gives.
  let right: Reading
  /// The right number by a way that shares nothing with the one above, with a word on it; nil where
  /// there is none.
  @Present var otherwise: Reading?
  /// What of this package finds the mistake, in a few words.
  let caughtBy: String
  /// What was found when it was run, just now.
  let findings: [Finding]
  /// The issue threads where people met it, or where a figure comes from.
  let metIn: [String]

  /// Whether everything that should find the mistake did.
  var isCaught: Bool { findings.allSatisfy(\.holds) }
}

/// A number and how it is shown, rounded to digits that are the same on every machine.
struct Reading: Encodable {
  let value: Double
  let text: String

  /// A number that is shown as `text`, by default with up to six digits.
  init(_ value: Double, _ text: String? = nil) {
    self.value = value
    self.text = text ?? value.shown
  }
}

/// What a diagnostic said, and whether it is what it should have said.
struct Finding: Encodable {
  let holds: Bool
  let text: String

  init(_ holds: Bool, _ text: String) {
    self.holds = holds
    self.text = text
  }

  /// What was measured on the way, with nothing to hold.
  static func note(_ text: String) -> Finding { Finding(true, text) }

  /// A check of derivatives that must fail, because a mistake is made.
  static func refuses(_ check: DerivativeCheck, _ name: String) -> Finding {
    let ratio = check.recorded / check.difference
    return Finding(
      !check.passes(),
      "\(name) refuses it: "
        + (ratio.isNaN
          ? "not finite" : "its slope is \(ratio.upToSixDigits) times that of differences"))
  }

  /// A check of derivatives that must pass, because all is right.
  static func accepts(_ check: DerivativeCheck, _ name: String) -> Finding {
    Finding(check.passes(), "\(name) accepts the right one, to 1e-9")
  }
}

extension Double {
  /// The number with up to six digits; what is not finite is the subject here, and stands by its name.
  var shown: String { isFinite ? upToSixDigits : isNaN ? "nan" : "\(self)" }

  /// Whether two numbers agree but for rounding.
  func agrees(with other: Double, to tolerance: Double = 1e-12) -> Bool {
    abs(self - other) <= tolerance * max(1, abs(other))
  }
}
