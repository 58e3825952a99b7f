extension Figure {
  /// How a line or a dot looks; within a figure a style means one thing.
  ///
  /// Colours are such that colour-blind readers tell them apart (Okabe and Ito, *Color universal design*,
  /// 2008), and dashes differ beside them.
  struct Style: Hashable {
    var color: String
    /// The lengths of strokes and gaps, empty for a solid line; nil where points are not joined.
    var dash: String?
    /// Where in its dashes a line begins, so that lines in the same place can take turns.
    var phase = 0.0

    /// A style and the words that explain it.
    struct Entry {
      var style: Style
      var name: String
    }

    /// Each colour with the one that takes its place on dark paper.
    private static let colors: [(light: String, dark: String)] = [
      ("#0072B2", "#4a90e2"), ("#D55E00", "#ff8040"), ("#009E73", "#00c48c"),
      ("#CC79A7", "#d977b8"), ("#000000", "#f2f2f2"), ("#E69F00", "#f5c542"),
      ("#56B4E9", "#a6dcff"),
    ]
    private static let dashes = ["", "7 3", "2 2.5", "9 3 2 3", "14 4", "9 3 2 3 2 3", "4 4"]

    /// The colour of what belongs to no series: a formula, a level to compare with.
    static let neutral = "#707070"

    init(color: String, dash: String?, phase: Double = 0) {
      (self.color, self.dash, self.phase) = (color, dash, phase)
    }

    /// One of 49 styles that differ from each other.
    init(_ index: Int) {
      let count = Self.colors.count
      color = Self.colors[index % count].light
      dash = Self.dashes[(index + index / count) % count]
    }

    /// Dots that no line joins.
    static func dots(_ color: String) -> Style { .init(color: color, dash: nil) }

    /// The share of a line that is drawn: 1 where it is solid.
    var ink: Double {
      let lengths = (dash ?? "").split(separator: " ").compactMap { Double($0) }
      if lengths.isEmpty { return 1 }
      let strokes = stride(from: 0, to: lengths.count, by: 2).map { lengths[$0] }
      return strokes.reduce(0, +) / lengths.reduce(0, +)
    }

    /// The attributes of a line.
    var stroke: String { "stroke=\"\(color)\" stroke-dasharray=\"\(dash ?? "")\"" }

    /// What a legend shows, 32 wide, from (x, y).
    func sample(x: Double, y: Double) -> String {
      dash == nil
        ? "<circle cx=\"\((x + 16).svg)\" cy=\"\(y.svg)\" r=\"3\" fill=\"\(color)\"/>"
        : """
        <line x1="\(x.svg)" y1="\(y.svg)" x2="\((x + 32).svg)" y2="\(y.svg)" \(stroke) \
        stroke-width="2"/>
        """
    }

    /// Rules for dark paper: the ink of the text, and each colour's other one.
    static let dark = (colors + [(neutral, "#a0a0a0")]).map { light, dark in
      "  svg [stroke=\"\(light)\"] { stroke: \(dark); } svg [fill=\"\(light)\"] { fill: \(dark); }\n"
    }.joined()
  }

  /// The style of a picture that is a file of its own: black on white, or light on dark where the
  /// reader prefers that.
  static let style = """
    svg { color: #1c1c1c; } .paper { fill: #fff; } text { fill: currentColor; }
    [stroke="#444"] { stroke: currentColor; }
    @media (prefers-color-scheme: dark) {
      svg { color: #ececec; } .paper { fill: #161616; }
    \(Style.dark)}

    """
}
