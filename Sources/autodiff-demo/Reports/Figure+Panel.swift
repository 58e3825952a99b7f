extension Figure.Panel {
  /// The panel with its upper left corner at (x, y).
  func svg(x left: Double = 0, y top: Double = 0) -> String {
    let (size, margin) = (Figure.size, Figure.margin)
    let plot = (
      x: margin.left, y: margin.top, width: size.width - margin.left - margin.right,
      height: size.height - margin.top - margin.bottom
    )
    let xs = x.fitted(
      to: lines.flatMap { $0.points.map(\.x) } + bands.flatMap { $0.points.map(\.x) }
        + (field?.x ?? []), isTight: field != nil)
    let ys = y.fitted(
      to: lines.flatMap { $0.points.map(\.y) }
        + bands.flatMap { $0.points.flatMap { [$0.low, $0.high] } }
        + (field?.y ?? []), isTight: field != nil)
    func place(_ x: Double, _ y: Double) -> (x: Double, y: Double)? {
      guard let u = xs.position(x), let v = ys.position(y) else { return nil }
      return (plot.x + u * plot.width, plot.y + (1 - v) * plot.height)
    }

    var text = """
      <g class="panel" transform="translate(\(left.svg) \(top.svg))">
      <text x="\((plot.x + plot.width / 2).svg)" y="\((plot.y - 10).svg)" text-anchor="middle" \
      font-size="13">\(title.escaped)</text>

      """
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
        "<path class=\"band\" d=\"\(path(outline))Z\" fill=\"\(band.style.color)\" fill-opacity=\"0.18\"/>\n"
    }
    // Dots over dashes over solid lines: what lies below shows in the gaps.
    let ordered = lines.reversed().enumerated().sorted {
      ($1.element.style.ink, $0.offset) < ($0.element.style.ink, $1.offset)
    }.map(\.element)
    var markers: [(x: Double, y: Double, color: String)] = []
    for line in ordered {
      for run in line.points.split(whereSeparator: { place($0.x, $0.y) == nil }) {
        let points = run.compactMap { place($0.x, $0.y) }
        if line.style.dash != nil {
          text += """
            <path class="line" d="\(path(points))" fill="none" \(line.style.stroke) \
            stroke-dashoffset="\(line.style.phase.svg)" stroke-width="1.8" stroke-linejoin="round"/>

            """
        }
        if line.hasMarkers || points.count == 1 || line.style.dash == nil {
          markers += points.map { ($0.x, $0.y, line.style.color) }
        }
      }
    }
    for (index, one) in markers.enumerated() {
      // What lies below others shows as a ring around them.
      let above = Set(
        markers[(index + 1)...].filter { abs($0.x - one.x) + abs($0.y - one.y) < 2 }.map(\.color)
      ).subtracting([one.color])
      let radius = 2.6 + 0.8 * Double(above.count)
      text +=
        "<circle cx=\"\(one.x.svg)\" cy=\"\(one.y.svg)\" r=\"\(radius.svg)\" fill=\"\(one.color)\"/>\n"
    }
    return text + frame(plot, xs, ys) + "</g>\n"
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
      <rect class="frame" x="\(plot.x.svg)" y="\(plot.y.svg)" width="\(plot.width.svg)" \
      height="\(plot.height.svg)" fill="none" stroke="#444"/>

      """
    text += "<g class=\"axis x\">\n"
    for tick in xs.ticks {
      guard let position = xs.position(tick) else { continue }
      let at = plot.x + position * plot.width
      text += """
        <line x1="\(at.svg)" y1="\(bottom.svg)" x2="\(at.svg)" y2="\((bottom + 4).svg)" stroke="#444"/>\
        <text x="\(at.svg)" y="\((bottom + 17).svg)" text-anchor="middle" font-size="11">\
        \(xs.text(tick))</text>

        """
    }
    text += "</g>\n<g class=\"axis y\">\n"
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
      </g>
      <text class="label x" x="\((plot.x + plot.width / 2).svg)" y="\((bottom + 36).svg)" \
      text-anchor="middle">\(xs.label.escaped)</text>
      <text class="label y" transform="translate(13 \(middle.svg)) rotate(-90)" text-anchor="middle">\
      \(ys.label.escaped)</text>

      """
  }
}
