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

  static let size = (width: 400.0, height: 280.0)
  static let margin = (left: 72.0, right: 18.0, top: 34.0, bottom: 48.0)
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
      <style>
      \(Self.style)</style>
      <rect class="paper" width="100%" height="100%" fill="white"/>
      <text x="\((width / 2).svg)" y="22" text-anchor="middle" font-size="15">\(title.escaped)</text>
      \(parts.joined())</svg>

      """
  }

  /// The entries of what is drawn.
  var shownLegend: [Style.Entry] {
    let drawn = Set(panels.flatMap(\.lines).filter { !$0.points.isEmpty }.map(\.style))
    return legend.filter { drawn.contains($0.style) }
  }

  /// Entries side by side, in as many rows as they need, and the bar of colours.
  private func legendText(_ width: Double) -> (String, height: Double) {
    var (x, y) = (24.0, shownLegend.isEmpty ? -4.0 : 16)
    var text = "<g class=\"legend\">\n"
    for entry in shownLegend {
      let length = 40 + 6.6 * Double(entry.name.count) + 18
      if x + length > width, x > 24 { (x, y) = (24, y + 20) }
      text += """
        <g>\(entry.style.sample(x: x, y: y - 4))\
        <text x="\((x + 38).svg)" y="\(y.svg)">\(entry.name.escaped)</text></g>

        """
      x += length
    }
    text += "</g>\n"
    if let colorBar {
      text += Field.bar(x: 24, y: y + 10, label: colorBar)
      y += 40
    }
    return (text, y + 12)
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
  /// The text with the characters that XML reserves replaced, and those that it does not know as �.
  var escaped: String {
    printable.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(
      ">", with: "&gt;"
    )
    .replacing("\"", with: "&quot;")
  }
}
