import Nets
import Tape

extension Dial: CustomStringConvertible {
  /// Both series of settings as tables, as the command `dial` prints them.
  public var description: String { text(titled: method) }

  /// The answer under a title.
  package func text(titled title: String) -> String {
    func table(_ header: String, _ settings: [Setting], _ name: (Order) -> String) -> String {
      var table = TextTable(
        header: [
          header, "cosine", "angle", "norm ratio", "relative error", "‖gradient‖", "decrease",
        ], leftAligned: [])
      for setting in settings {
        table.rows.append(
          [name(setting.order)] + setting.gap.cells
            + [setting.gradientNorm.significant(4), setting.decrease.significant(4)])
      }
      return table.text
    }
    return """
      \(title)
        \(summary)

      \(table("λ", byWeight) { "\($0.weight(step: 1, of: 1))" })
      \(table("last steps", byLastSteps) { "\($0.lastSteps ?? 0)" })
        \(note)
      \(notSeen.isEmpty ? "" : "  Of \(notSeen.list) first order says nothing: its zeros are no derivatives.\n")
      """
  }

  private var note: String {
    if stepLength == 0 {
      return "No step against the exact meta-gradient lowers the meta-loss, so that none was tried."
    }
    return "Decrease of the meta-loss, \(loss.significant(5)) here, by one step of length "
      + "\(stepLength.significant(3)). Short steps lower it in\n  proportion to the cosine; long ones "
      + "need not."
  }
}

extension Order {
  /// The number of last steps that are differentiated, where that is what the order says.
  package var lastSteps: Int? {
    if case .lastSteps(let count) = self { count } else { nil }
  }
}

extension Dial: Encodable {
  /// Writes both series.
  public func encode(to encoder: any Encoder) throws {
    var object: JSONObject = [
      "family": method, "loss": loss, "stepLength": stepLength, "byWeight": byWeight,
      "byLastSteps": byLastSteps,
    ]
    if !notSeen.isEmpty { object["notSeen"] = notSeen }
    try object.encode(to: encoder)
  }
}

extension Dial.Setting: Encodable {
  /// Writes the gap with the order, the length and the decrease beside it.
  public func encode(to encoder: any Encoder) throws {
    try gap.encode(to: encoder)
    let object: JSONObject = [
      "order": order, "gradientNorm": gradientNorm, "decrease": decrease,
    ]
    try object.encode(to: encoder)
  }
}
