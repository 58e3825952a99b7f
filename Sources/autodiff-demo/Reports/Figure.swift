/// A figure of panels side by side, as a picture in the SVG format: no script, no external font.
struct Figure {
  var title: String
  var panels: [Panel]
  /// What stands under the panels, once for all of them.
  var legend: [Style.Entry] = []
  /// What the colours of fields say, where there are any.
  var colorBar: String?

  /// A pair of axes and what is drawn between them.
  struct Panel {
    var title: String
    var x: Axis
    var y: Axis
    var lines: [Line] = []
    /// Drawn under the lines.
    var bands: [Band] = []
    var field: Field?
  }

  /// Points that are joined; a missing one, or one that a logarithmic axis cannot show, breaks it.
  struct Line {
    var style: Style
    var points: [(x: Double, y: Double)]
    var hasMarkers = false
  }

  /// An area between two curves.
  struct Band {
    var style: Style
    var points: [(x: Double, low: Double, high: Double)]
  }

  /// Values on a grid, shown as filled contours in tenths, from 0 to 1.
  ///
  /// Grid positions are the axes' numbers; `values[row][column]`, rows along y.
  struct Field {
    var x: [Double]
    var y: [Double]
    var values: [[Double]]
  }

  /// How a line looks: colours that colour-blind readers tell apart (Okabe and Ito, *Color universal
  /// design*, 2008), and dashes beside them.
  struct Style {
    var color: String
    var dash: String

    /// A style and the words that explain it.
    struct Entry {
      var style: Style
      var name: String
    }

    private static let colors = [
      "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9",
    ]
    private static let dashes = ["", "7 3", "2 2.5", "9 3 2 3", "", "5 2", "1 2"]

    init(color: String, dash: String) {
      (self.color, self.dash) = (color, dash)
    }

    init(_ index: Int) {
      color = Self.colors[index % Self.colors.count]
      dash = Self.dashes[index % Self.dashes.count]
    }
  }

  static let size = (width: 400.0, height: 280.0)
  static let margin = (left: 66.0, right: 18.0, top: 34.0, bottom: 48.0)
  private static let columns = 2

  /// The picture.
  var svg: String {
    let columns = min(Self.columns, panels.count)
    let rows = (panels.count + columns - 1) / columns
    let width = Double(columns) * Self.size.width
    let top = 34.0
    let (entries, legendHeight) = legendText(width)
    let height = top + Double(rows) * Self.size.height + legendHeight
    var parts = panels.enumerated().map { index, panel in
      panel.svg(
        x: Double(index % columns) * Self.size.width,
        y: top + Double(index / columns) * Self.size.height)
    }
    parts.append(
      "<g transform=\"translate(0 \((height - legendHeight).svg))\">\(entries)</g>\n")
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width.svg) \(height.svg)" \
      width="\(width.svg)" height="\(height.svg)" font-family="Helvetica, Arial, sans-serif" \
      font-size="12" role="img">
      <title>\(title.escaped)</title>
      <rect width="100%" height="100%" fill="white"/>
      <text x="\((width / 2).svg)" y="22" text-anchor="middle" font-size="15">\(title.escaped)</text>
      \(parts.joined())</svg>

      """
  }

  /// Entries side by side, in as many rows as they need.
  private func legendText(_ width: Double) -> (String, height: Double) {
    var (x, y) = (24.0, 16.0)
    var text = ""
    for entry in legend {
      let length = 40 + 6.6 * Double(entry.name.count) + 18
      if x + length > width, x > 24 { (x, y) = (24, y + 20) }
      text += """
        <line x1="\(x.svg)" y1="\((y - 4).svg)" x2="\((x + 32).svg)" y2="\((y - 4).svg)" \
        stroke="\(entry.style.color)" stroke-width="2" stroke-dasharray="\(entry.style.dash)"/>\
        <text x="\((x + 38).svg)" y="\(y.svg)">\(entry.name.escaped)</text>

        """
      x += length
    }
    if let colorBar {
      y += 22
      for (index, color) in Field.colors.enumerated() {
        text +=
          "<rect x=\"\(24 + 22 * index)\" y=\"\((y - 12).svg)\" width=\"22\" height=\"14\" fill=\"\(color)\"/>"
      }
      text +=
        "<text x=\"\(24 + 22 * Field.colors.count + 10)\" y=\"\(y.svg)\">\(colorBar.escaped)</text>\n"
    }
    return (text, legend.isEmpty ? 6 : y + 12)
  }
}

extension Double {
  /// The number with two decimals at most, as SVG takes it.
  var svg: String {
    let text = fixed(2)
    return text.hasSuffix(".00") ? String(text.dropLast(3)) : text
  }
}

extension String {
  /// The text with the characters that XML reserves replaced.
  var escaped: String {
    replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }
}
