import Meta

extension Figure.Field {
  /// Bands of one tenth, blue below one half and orange above, interpolated between grid points as
  /// the axes show them.
  func svg(
    _ plot: (x: Double, y: Double, width: Double, height: Double), _ xs: Axis.Fitted,
    _ ys: Axis.Fitted
  ) -> String {
    let (columns, rows) = (120, 80)
    let (across, up) = (x.compactMap(xs.position), y.compactMap(ys.position))
    var text = "<g class=\"field\" shape-rendering=\"crispEdges\">\n"
    for row in 0..<rows {
      var (start, band) = (0, -1)
      for column in 0...columns {
        let next =
          column == columns
          ? -2
          : value(
            (Double(column) + 0.5) / Double(columns), (Double(row) + 0.5) / Double(rows), across, up
          ).map(Self.band) ?? -1
        if next == band { continue }
        if band >= 0 {
          let width = plot.width * Double(column - start) / Double(columns)
          text += """
            <rect x="\((plot.x + plot.width * Double(start) / Double(columns)).svg)" \
            y="\((plot.y + plot.height * (1 - Double(row + 1) / Double(rows))).svg)" \
            width="\(width.svg)" height="\((plot.height / Double(rows) + 0.3).svg)" \
            fill="\(Self.colors[band])"/>

            """
        }
        (start, band) = (column, next)
      }
    }
    return text + "</g>\n"
  }

  /// From blue through white to orange, readable without telling red from green.
  static let colors = [
    "#08519c", "#3182bd", "#6baed6", "#bdd7e7", "#eff3ff", "#feedde", "#fdbe85", "#fd8d3c",
    "#e6550d", "#a63603",
  ]

  /// The colours in a row with the numbers at every second border, and what they say, from (x, y).
  static func bar(x: Double, y: Double, label: String) -> String {
    let width = 24.0
    var text = "<g class=\"colorbar\" font-size=\"11\">\n"
    for (index, color) in colors.enumerated() {
      text += """
        <rect x="\((x + width * Double(index)).svg)" y="\(y.svg)" width="\(width.svg)" height="14" \
        fill="\(color)"/>

        """
    }
    for tenths in stride(from: 0, through: colors.count, by: 2) {
      let at = (x + width * Double(tenths)).svg
      text += """
        <line x1="\(at)" y1="\((y + 14).svg)" x2="\(at)" y2="\((y + 18).svg)" stroke="#444"/>\
        <text x="\(at)" y="\((y + 29).svg)" text-anchor="middle">\((Double(tenths) / 10).upTo(2))</text>

        """
    }
    return text + """
      </g>
      <text x="\((x + width * Double(colors.count) + 14).svg)" y="\((y + 11).svg)">\(label.escaped)</text>

      """
  }

  private static func band(_ value: Double) -> Int { min(9, max(0, Int(value * 10))) }

  /// The value at a place of the panel, linear between the grid points around it; nil outside them.
  private func value(_ u: Double, _ v: Double, _ across: [Double], _ up: [Double]) -> Double? {
    func spans(_ grid: [Double], _ position: Double) -> Bool {
      (grid.first ?? 1) <= position && position <= (grid.last ?? 0)
    }
    guard spans(across, u), spans(up, v) else { return nil }
    func bracket(_ position: Double, _ grid: [Double]) -> (Int, Int, Double) {
      let high = grid.firstIndex { $0 >= position } ?? grid.count - 1
      let low = max(0, high - 1)
      if high == low { return (low, high, 0) }
      return (low, high, (position - grid[low]) / (grid[high] - grid[low]))
    }
    let (left, right, s) = bracket(u, across)
    let (below, above, t) = bracket(v, up)
    let bottom = (1 - s) * values[below][left] + s * values[below][right]
    let top = (1 - s) * values[above][left] + s * values[above][right]
    return (1 - t) * bottom + t * top
  }
}
