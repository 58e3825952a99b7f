import Foundation

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// An element of a picture, with what is in it.
final class Element {
  let name: String
  let attributes: [String: String]
  fileprivate(set) var children: [Element] = []
  fileprivate(set) var ownText = ""

  fileprivate init(_ name: String, _ attributes: [String: String]) {
    (self.name, self.attributes) = (name, attributes)
  }

  /// The root of a document; nil where it is not well-formed.
  static func root(of text: String) -> Element? {
    let reader = Reader()
    let parser = XMLParser(data: Data(text.utf8))
    parser.delegate = reader
    return parser.parse() ? reader.root : nil
  }

  subscript(attribute: String) -> String { attributes[attribute] ?? "" }

  func number(_ attribute: String) -> Double { Double(self[attribute]) ?? .nan }

  /// This element and all in it.
  var all: [Element] { [self] + children.flatMap(\.all) }

  /// The text in it.
  var text: String { all.map(\.ownText).joined() }

  /// Elements of a class, whole or a word of it.
  func all(_ class: String) -> [Element] {
    all.filter {
      $0["class"] == `class` || $0["class"].split(separator: " ").contains(where: { $0 == `class` })
    }
  }

  func all(named name: String) -> [Element] { all.filter { $0.name == name } }

  private final class Reader: NSObject, XMLParserDelegate {
    var root: Element?
    private var open: [Element] = []

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
      qualifiedName: String?, attributes: [String: String]
    ) {
      let element = Element(name, attributes)
      open.last?.children.append(element)
      if root == nil { root = element }
      open.append(element)
    }

    func parser(
      _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
    ) { open.removeLast() }

    func parser(_ parser: XMLParser, foundCharacters text: String) { open.last?.ownText += text }
  }
}

/// What a reader would miss in a drawn figure, found from the picture alone.
struct Drawing {
  let root: Element
  /// The rules for dark paper are here.
  let style: String

  /// A file of the SVG format.
  init?(svg: String) {
    guard let root = Element.root(of: svg) else { return nil }
    (self.root, style) = (root, root.all(named: "style").map(\.text).joined())
  }

  /// The figures of a page, each with the legend before it.
  static func figures(ofPage page: String) -> [Drawing] {
    let style = page.firstMatch(of: /<style>(.*?)<\/style>/.dotMatchesNewlines()).map {
      String($0.1)
    }
    return page.matches(
      of: /<ul class="legend">.*?<div class="figures">.*?<\/div>/.dotMatchesNewlines()
    ).compactMap { match in
      Element.root(of: "<page>\(match.output)</page>").map { Drawing(root: $0, style: style ?? "") }
    }
  }

  private init(root: Element, style: String) { (self.root, self.style) = (root, style) }

  /// What is wrong; empty where nothing is.
  var faults: [String] {
    let panels = root.all("panel")
    let ofPanels = panels.flatMap { panel in
      PanelOfDrawing(panel).faults.map { "\(panel.children.first?.text ?? ""): \($0)" }
    }
    return (panels.isEmpty ? ["no panel"] : []) + ofPanels + legendFaults + colorBarFaults
      + colorFaults + textFaults
  }

  /// What tells a line from others, or dots.
  private static func key(_ element: Element) -> String {
    element.name == "circle"
      ? "dots \(element["fill"])" : "\(element["stroke"]) [\(element["stroke-dasharray"])]"
  }

  /// Every line is in the legend, by one name, and no style has two.
  private var legendFaults: [String] {
    let entries = root.all("legend").flatMap(\.children).map { entry in
      (
        key: entry.all.first { ["line", "circle"].contains($0.name) }.map(Self.key) ?? "",
        name: entry.text.trimmingCharacters(in: .whitespacesAndNewlines)
      )
    }
    let keys = Set(entries.map(\.key))
    let lines = root.all("panel").flatMap { $0.all("line") }
    let dots = root.all("panel").flatMap { $0.all(named: "circle") }
    var faults: [String] = []
    if keys.count < entries.count { faults.append("a style has two meanings: \(entries)") }
    if Set(entries.map(\.name)).count < entries.count
      || entries.contains(where: { $0.name.isEmpty })
    {
      faults.append("two entries have one name: \(entries)")
    }
    for line in lines where !keys.contains(Self.key(line)) {
      faults.append("not in the legend: \(Self.key(line))")
    }
    // Dots on a line are explained by the line.
    for dot in dots where !keys.contains(where: { $0.contains(dot["fill"]) }) {
      faults.append("not in the legend: \(Self.key(dot))")
    }
    let drawn = Set((lines + dots).map(Self.key))
    for entry in entries where !drawn.contains(entry.key) {
      let color = entry.key.prefix(7)
      // A line of one point is a dot.
      if !drawn.contains("dots \(color)") { faults.append("only in the legend: \(entry)") }
    }
    return faults
  }

  /// Colours that stand for numbers are beside the numbers.
  private var colorBarFaults: [String] {
    let fields = root.all("field")
    let bars = root.all("colorbar")
    if fields.isEmpty { return bars.isEmpty ? [] : ["a colour bar of nothing"] }
    guard bars.count == 1 else { return ["\(bars.count) colour bars"] }
    let numbers = bars[0].all(named: "text").compactMap { Double($0.text) }
    let colors = Set(bars[0].all(named: "rect").map { $0["fill"] })
    var faults: [String] = []
    if numbers.count < 3 || numbers.first != 0 || numbers.last != 1 || numbers != numbers.sorted() {
      faults.append("the colour bar has the numbers \(numbers)")
    }
    if !fields.flatMap({ $0.all(named: "rect") }).allSatisfy({ colors.contains($0["fill"]) }) {
      faults.append("a colour is not in the bar")
    }
    return faults
  }

  /// On white and on dark paper every line has a colour of its own that can be seen.
  private var colorFaults: [String] {
    let series = (root.all("panel") + root.all("legend")).flatMap(\.all).filter {
      ["path", "circle", "line"].contains($0.name) && $0["stroke"] != "#444"
    }
    let colors = Set(
      series.flatMap { [$0["stroke"], $0["fill"]] }.filter { !["", "none"].contains($0) })
    var faults: [String] = []
    var dark: [String: String] = [:]
    for color in colors {
      for attribute in ["stroke", "fill"] {
        let rule = "[\(attribute)=\"\(color)\"] { \(attribute): "
        guard let start = style.range(of: rule)?.upperBound else {
          faults.append("\(color) is the same on dark paper")
          continue
        }
        dark[color] = String(style[start...].prefix(7))
      }
      if contrast(color, "#ffffff") < 2 { faults.append("\(color) is faint on white") }
      if contrast(dark[color] ?? color, "#161616") < 4.5 {
        faults.append("\(color) is faint on dark")
      }
    }
    if Set(dark.values).count < dark.count { faults.append("two colours are one on dark paper") }
    return faults
  }

  /// The contrast of the Web Content Accessibility Guidelines 2, from 1 to 21.
  private func contrast(_ a: String, _ b: String) -> Double {
    func luminance(_ color: String) -> Double {
      let number = Int(color.dropFirst(), radix: 16) ?? 0
      let parts = [16, 8, 0].map { shift -> Double in
        let part = Double(number >> shift & 255) / 255
        return part <= 0.04045 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4)
      }
      return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    }
    let (light, dark) = (max(luminance(a), luminance(b)), min(luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)
  }

  /// No text sticks out of the picture.
  private var textFaults: [String] {
    let width = root.name == "svg" ? root.number("width") : 400
    let own = root.name == "svg" ? root.children + root.all("legend").flatMap(\.all) : []
    return own.filter { $0.name == "text" }.filter { text in
      let length = Ink.width(text.text, size: Double(text["font-size"]) ?? 12)
      let start = text.number("x") - (text["text-anchor"] == "middle" ? length / 2 : 0)
      return start < 0 || start + length > width
    }.map { "\($0.text) sticks out" }
  }
}

/// How wide text is, about.
enum Ink {
  static func width(_ text: String, size: Double) -> Double {
    text.reduce(0) { $0 + size * ("⁻⁰¹²³⁴⁵⁶⁷⁸⁹ .,·il".contains($1) ? 0.36 : 0.56) }
  }
}
