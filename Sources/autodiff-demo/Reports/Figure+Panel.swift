extension Figure.Panel {
  /// The panel with its upper left corner at (x, y).
  ///
  /// - Parameter id: What the names of its parts begin with; unique in a page.
  func svg(id: String = "", x left: Double = 0, y top: Double = 0) -> String {
    let (size, margin) = (Figure.size, Figure.margin)
    let plot = (
      x: margin.left, y: margin.top, width: size.width - margin.left - margin.right,
      height: size.height - margin.top - margin.bottom
    )
    let xs = x.fitted(
      to: lines.flatMap { $0.points.map(\.x) } + bands.flatMap { $0.points.map(\.x) }
        + (field?.x ?? []))
    let ys = y.fitted(
      to: lines.flatMap { $0.points.map(\.y) }
        + bands.flatMap { $0.points.flatMap { [$0.low, $0.high] } }
        + (field?.y ?? []))
    func place(_ x: Double, _ y: Double) -> (x: Double, y: Double)? {
      guard let u = xs.position(x), let v = ys.position(y) else { return nil }
      return (plot.x + u * plot.width, plot.y + (1 - v) * plot.height)
    }

    var text = "<g transform=\"translate(\(left.svg) \(top.svg))\">\n"
    let clip = "\(id)p\(Int(left))-\(Int(top))"
    text += """
      <clipPath id="\(clip)"><rect x="\(plot.x.svg)" y="\(plot.y.svg)" width="\(plot.width.svg)" \
      height="\(plot.height.svg)"/></clipPath>
      <text x="\((plot.x + plot.width / 2).svg)" y="\((plot.y - 10).svg)" text-anchor="middle" \
      font-size="13">\(title.escaped)</text>

      """
    text += "<g clip-path=\"url(#\(clip))\">\n"
    if let field { text += field.svg(plot, xs, ys) }
    for band in bands {
      let points = band.points.compactMap { point in
        place(point.x, point.low).flatMap { low in
          place(point.x, point.high).map { (low: low, high: $0) }
        }
      }
      if points.isEmpty { continue }
      let outline = points.map(\.high) + points.map(\.low).reversed()
      text +=
        "<path d=\"\(path(outline))Z\" fill=\"\(band.style.color)\" fill-opacity=\"0.18\"/>\n"
    }
    // The first on top: solid lines, which come late, must not hide dashes.
    for line in lines.reversed() {
      let runs = line.points.split { place($0.x, $0.y) == nil }
      for run in runs {
        let points = run.compactMap { place($0.x, $0.y) }
        text += """
          <path d="\(path(points))" fill="none" stroke="\(line.style.color)" stroke-width="1.8" \
          stroke-dasharray="\(line.style.dash)" stroke-linejoin="round"/>

          """
        if line.hasMarkers || points.count == 1 {
          for point in points {
            text +=
              "<circle cx=\"\(point.x.svg)\" cy=\"\(point.y.svg)\" r=\"2.8\" fill=\"\(line.style.color)\"/>\n"
          }
        }
      }
    }
    return text + "</g>\n" + frame(plot, xs, ys) + "</g>\n"
  }

  private func path(_ points: [(x: Double, y: Double)]) -> String {
    points.enumerated().map { "\($0 == 0 ? "M" : "L")\($1.x.svg) \($1.y.svg)" }.joined()
  }

  /// The frame, the ticks and the labels.
  private func frame(
    _ plot: (x: Double, y: Double, width: Double, height: Double), _ xs: Axis.Fitted,
    _ ys: Axis.Fitted
  ) -> String {
    let bottom = plot.y + plot.height
    var text = """
      <rect x="\(plot.x.svg)" y="\(plot.y.svg)" width="\(plot.width.svg)" \
      height="\(plot.height.svg)" fill="none" stroke="#444"/>

      """
    for tick in xs.ticks {
      guard let position = xs.position(tick) else { continue }
      let at = plot.x + position * plot.width
      text += """
        <line x1="\(at.svg)" y1="\(bottom.svg)" x2="\(at.svg)" y2="\((bottom + 4).svg)" stroke="#444"/>\
        <text x="\(at.svg)" y="\((bottom + 17).svg)" text-anchor="middle" font-size="11">\
        \(xs.text(tick))</text>

        """
    }
    for tick in ys.ticks {
      guard let position = ys.position(tick) else { continue }
      let at = plot.y + (1 - position) * plot.height
      text += """
        <line x1="\((plot.x - 4).svg)" y1="\(at.svg)" x2="\(plot.x.svg)" y2="\(at.svg)" stroke="#444"/>\
        <text x="\((plot.x - 7).svg)" y="\((at + 4).svg)" text-anchor="end" font-size="11">\
        \(ys.text(tick))</text>

        """
    }
    let middle = plot.y + plot.height / 2
    return text + """
      <text x="\((plot.x + plot.width / 2).svg)" y="\((bottom + 36).svg)" text-anchor="middle">\
      \(xs.label.escaped)</text>
      <text transform="translate(14 \(middle.svg)) rotate(-90)" text-anchor="middle">\
      \(ys.label.escaped)</text>

      """
  }
}

extension Figure.Field {
  /// Bands of one tenth, blue below one half and orange above, interpolated between grid points as
  /// the axes show them.
  fileprivate func svg(
    _ plot: (x: Double, y: Double, width: Double, height: Double), _ xs: Axis.Fitted,
    _ ys: Axis.Fitted
  ) -> String {
    let (columns, rows) = (120, 80)
    let (across, up) = (x.compactMap(xs.position), y.compactMap(ys.position))
    var text = "<g shape-rendering=\"crispEdges\">\n"
    for row in 0..<rows {
      var (start, band) = (0, -1)
      for column in 0...columns {
        let next =
          column == columns
          ? -2
          : Self.band(
            value(
              (Double(column) + 0.5) / Double(columns), (Double(row) + 0.5) / Double(rows), across,
              up))
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

  static func band(_ value: Double) -> Int { min(9, max(0, Int(value * 10))) }

  /// The value at a place of the panel, linear between the grid points around it.
  private func value(_ u: Double, _ v: Double, _ across: [Double], _ up: [Double]) -> Double {
    func bracket(_ position: Double, _ grid: [Double]) -> (Int, Int, Double) {
      let high = grid.firstIndex { $0 >= position } ?? grid.count - 1
      let low = max(0, high - 1)
      if high == low { return (low, high, 0) }
      let weight = (position - grid[low]) / (grid[high] - grid[low])
      return (low, high, min(1, max(0, weight)))
    }
    let (left, right, s) = bracket(u, across)
    let (below, above, t) = bracket(v, up)
    let bottom = (1 - s) * values[below][left] + s * values[below][right]
    let top = (1 - s) * values[above][left] + s * values[above][right]
    return (1 - t) * bottom + t * top
  }
}
