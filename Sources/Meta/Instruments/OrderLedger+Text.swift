import Nets
import Tape

extension OrderLedger: CustomStringConvertible {
  private static let mostRows = 50

  /// The lengths of the terms by step and variable, and that they add up, as the command `ledger` prints it.
  public var description: String { text(titled: method) }

  /// The answer under a title.
  package func text(titled title: String) -> String {
    let (exact, firstOrder) = (comparison.exact, comparison.firstOrder)
    let cuts = firstOrder.cuts.count
    if cuts == 0 { return "\(title)\n\(nothingToCut)\n" }
    var table = TextTable(
      header: ["‖term‖"] + byParameters.map { "by \($0.parameter)" } + ["together"])
    let steps = bySteps
    for (step, entries, term) in steps.suffix(Self.mostRows) {
      table.rows.append(
        ["step \(step)"] + entries.map { $0.norm.significant(4) } + [term.norm.significant(4)])
    }
    table.rows.append(
      ["all steps"] + byParameters.map { $0.term.norm.significant(4) }
        + [difference.norm.significant(4)])
    let more =
      steps.count > Self.mostRows
      ? "  The last \(Self.mostRows) steps are shown; --json has all.\n" : ""
    let unseen = firstOrder.unseenNote.map { "  \($0).\n" } ?? ""
    return """
      \(title)
        \(summary)

      \(exact.method) keeps \("path".counted(exact.kept.count)) through inner gradients, \
      \(firstOrder.method) cuts \(cuts): one for each step and parameter.
      What each adds to the meta-gradient:

      \(table.text)\(more)
        ‖exact‖ \(exact.gradientNorm.significant(4)), \
      ‖first order‖ \(firstOrder.gradientNorm.significant(4)), \
      ‖exact − first order‖ \(difference.norm.significant(4))
        First order plus all terms is exact to \(remainder.significant(2)) of its length.
      \(unseen)
      """
  }
}

/// What there is to say of a problem whose loop takes no step.
package let nothingToCut = "Without an inner step there is nothing to cut: first order is exact."

extension OrderLedger: Encodable {
  /// Writes the lengths and every term.
  public func encode(to encoder: any Encoder) throws {
    let terms = entries.map { entry -> JSONObject in
      [
        "step": entry.path.step, "parameter": entry.path.parameter, "norm": entry.norm,
        "term": entry.term.values.map(\.elements),
      ]
    }
    var object: JSONObject = [
      "method": method, "exactNorm": comparison.exact.gradientNorm,
      "firstOrderNorm": comparison.firstOrder.gradientNorm, "differenceNorm": difference.norm,
      "remainder": remainder, "entries": terms,
    ]
    let notSeen = comparison.firstOrder.notSeen
    if !notSeen.isEmpty { object["notSeen"] = notSeen }
    try object.encode(to: encoder)
  }
}
