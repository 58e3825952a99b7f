import Foundation

/// A pair of axes of a drawn figure and what is between them.
struct PanelOfDrawing {
  private let panel: Element

  init(_ panel: Element) { self.panel = panel }

  private struct Box {
    var x: ClosedRange<Double>
    var y: ClosedRange<Double>

    func contains(_ point: (x: Double, y: Double), within room: Double) -> Bool {
      point.x >= x.lowerBound - room && point.x <= x.upperBound + room
        && point.y >= y.lowerBound - room && point.y <= y.upperBound + room
    }
  }

  private var frame: Box? {
    panel.all("frame").first.map {
      let (x, y) = ($0.number("x"), $0.number("y"))
      return Box(x: x...x + $0.number("width"), y: y...y + $0.number("height"))
    }
  }

  var faults: [String] {
    guard let frame else { return ["no frame"] }
    var faults = axisFaults("x", frame.x) + axisFaults("y", frame.y)
    let lines = panel.all("line")
    for path in lines + panel.all("band")
    where !points(path).allSatisfy({ frame.contains($0, within: 0.02) }) {
      faults.append("the frame cuts \(path["class"]) \(path["stroke"])\(path["fill"])")
    }
    for dot in panel.all(named: "circle")
    where !frame.contains((dot.number("cx"), dot.number("cy")), within: -dot.number("r")) {
      faults.append("the frame cuts a dot")
    }
    let colors = Set(lines.map { $0["stroke"] } + panel.all(named: "circle").map { $0["fill"] })
    for band in panel.all("band") where !colors.contains(band["fill"]) {
      faults.append("a band \(band["fill"]) of no line")
    }
    for (index, upper) in lines.enumerated() {
      for lower in lines[..<index] where isOn(upper, lower) && !shows(lower, under: upper) {
        faults.append("\(upper["stroke"]) hides \(lower["stroke"])")
      }
    }
    let dots = panel.all(named: "circle")
    for (index, lower) in dots.enumerated() {
      let above = dots[(index + 1)...].filter {
        hypot($0.number("cx") - lower.number("cx"), $0.number("cy") - lower.number("cy")) < 0.1
      }
      if above.contains(where: { $0["fill"] == lower["fill"] }) { continue }
      if above.contains(where: { $0.number("r") >= lower.number("r") }) {
        faults.append("a dot hides a dot")
      }
    }
    return faults
  }

  private func points(_ path: Element) -> [(x: Double, y: Double)] {
    path["d"].split { "MLZ".contains($0) }.map { pair in
      let numbers = pair.split(separator: " ").compactMap { Double($0) }
      return numbers.count == 2 ? (numbers[0], numbers[1]) : (.nan, .nan)
    }
  }

  /// Whether two lines go the same way.
  private func isOn(_ a: Element, _ b: Element) -> Bool {
    let (a, b) = (points(a), points(b))
    return a.count == b.count && a.count > 1
      && zip(a, b).allSatisfy { hypot($0.x - $1.x, $0.y - $1.y) < 0.5 }
  }

  /// Whether a line can be seen under another in the same place: the other has gaps, and gaps elsewhere.
  private func shows(_ lower: Element, under upper: Element) -> Bool {
    let same = ["stroke-dasharray", "stroke-dashoffset"].allSatisfy { lower[$0] == upper[$0] }
    return lower["stroke"] == upper["stroke"] || !upper["stroke-dasharray"].isEmpty && !same
  }

  /// Three numbers at least, where they belong, whole where something is counted.
  private func axisFaults(_ name: String, _ range: ClosedRange<Double>) -> [String] {
    guard let axis = panel.all("axis \(name)").first, let label = panel.all("label \(name)").first
    else { return ["no axis \(name)"] }
    let texts = axis.all(named: "text")
    let places = axis.all(named: "line").map { $0.number(name == "x" ? "x1" : "y1") }
    let numbers = texts.compactMap { Self.number($0.text) }
    var faults: [String] = []
    if texts.count < 3 { faults.append("\(texts.count) ticks") }
    if numbers.count < texts.count || places.count != texts.count {
      return faults + ["ticks \(texts.map(\.text)) at \(places)"]
    }
    if Set(texts.map(\.text)).count < texts.count { faults.append("ticks read alike") }
    if !places.allSatisfy({ range.lowerBound - 0.02 <= $0 && $0 <= range.upperBound + 0.02 }) {
      faults.append("a tick beside the frame")
    }
    let counts =
      label.text.contains(
        /^(inner|outer|environment) steps|^(updates|trajectories|tasks|points|multiply-adds)|evaluations|iterations/
      )
    if counts && !numbers.allSatisfy({ $0 == $0.rounded() }) {
      faults.append("\(label.text) counts \(numbers)")
    }
    if !isStraight(numbers, places) && !isStraight(numbers.map(log), places) {
      faults.append("ticks \(numbers) at \(places) are of no scale")
    }
    return (faults + overlaps(texts, name)).map { "axis \(name): \($0)" }
  }

  private func overlaps(_ texts: [Element], _ name: String) -> [String] {
    if name == "y" {
      // The label stands left of them.
      return texts.filter { 72 - 7 - Ink.width($0.text, size: 11) < 15 }.map {
        "\($0.text) is too long"
      }
    }
    return zip(texts, texts.dropFirst()).filter { left, right in
      let room = (Ink.width(left.text, size: 11) + Ink.width(right.text, size: 11)) / 2
      return right.number("x") - left.number("x") < room + 2
    }.map { "\($0.text) and \($1.text) collide" }
  }

  /// Whether places are a linear function of numbers, to a pixel or what the rounding of labels makes of it.
  private func isStraight(_ numbers: [Double], _ places: [Double]) -> Bool {
    guard numbers.count > 1, numbers.allSatisfy(\.isFinite),
      numbers[0] != numbers[numbers.count - 1]
    else { return false }
    let last = numbers.count - 1
    let slope = (places[last] - places[0]) / (numbers[last] - numbers[0])
    return zip(numbers, places).allSatisfy {
      abs(places[0] + slope * ($0 - numbers[0]) - $1) < 1
    }
  }

  /// A marked number, read back.
  static func number(_ text: String) -> Double? {
    let digits: [Character: Character] = [
      "⁻": "-", "⁰": "0", "¹": "1", "²": "2", "³": "3", "⁴": "4", "⁵": "5", "⁶": "6", "⁷": "7",
      "⁸": "8", "⁹": "9",
    ]
    let plain = text.filter { $0 != " " && $0 != "\u{202F}" && $0 != "\u{A0}" }
    guard let first = plain.firstIndex(where: { digits[$0] != nil }) else { return Double(plain) }
    let exponent = Double(String(plain[first...].map { digits[$0] ?? "x" }))
    let base = plain[..<first]
    guard base.hasSuffix("10"), let exponent else { return nil }
    let factor = base.dropLast(2)
    if factor.isEmpty { return pow(10, exponent) }
    return factor.hasSuffix("·") ? Double(factor.dropLast()).map { $0 * pow(10, exponent) } : nil
  }
}
