import Foundation
import Meta
import Tape

/// The tape of an exact meta-gradient as a picture: blocks of lines by inner step and derivative level,
/// and, drawn as cut, what first order leaves out.
///
/// A column for each level, a row for each part of a step; of many steps the middle ones share a row.
struct TapePicture {
  /// Lines of one part of one step and of one level.
  private struct Block {
    var lines = 0
    var cut = 0
  }

  private struct Place: Hashable {
    var row: Int
    var level: Int
  }

  private struct Edge: Hashable {
    var from: Place
    var to: Place
    var order: [Int] { [from.row, to.row, from.level, to.level] }
  }

  private let rows: [String]
  private var blocks: [Place: Block] = [:]
  /// By edge, whether first order cuts it: nothing passes along it any more.
  private var edges: [Edge: Bool] = [:]
  private let hasCuts: Bool
  /// The program that is drawn, and the one that leaves out what is drawn as cut.
  let exact: Program
  let firstOrder: Program

  /// Draws the unrolled meta-gradient of the first task.
  init(_ problem: MetaProblem, _ family: Method) {
    let (steps, parameters) = (problem.steps, problem.parameters.count)
    exact = problem.program(family.exact)
    firstOrder = problem.program(family.firstOrder)
    let shown = Self.shownSteps(steps)
    var names = ["initial parameters"]
    // By step, the rows of its loss and of its update.
    var rowsOf: [Int: (loss: Int, update: Int)] = [:]
    for step in stride(from: 1, through: steps, by: 1) {
      let isShown = shown.contains(step)
      if isShown {
        names += ["step \(step), loss", "step \(step), update"]
      } else if shown.contains(step - 1) {
        names.append("steps \(step) to \(steps - 2)")
      }
      rowsOf[step] = (names.count - (isShown ? 2 : 1), names.count - 1)
    }
    let last = names.count
    func row(of source: [any LineSource]) -> Int? {
      let parts = source.compactMap { $0 as? LoopPart }
      switch (parts.first, parts.last) {
      case (_, .outerLoss): return last
      case (.step(let step), .innerLoss): return rowsOf[step]?.loss
      case (.step(let step), .update), (.step(let step), .gradient): return rowsOf[step]?.update
      default: return nil
      }
    }
    names.append("query loss")
    rows = names

    let missing = Set(exact.lines(missingIn: firstOrder))
    hasCuts = !missing.isEmpty
    var placeOf: [Int: Place] = [:]
    // What no parameter reaches, the negative rate for instance, would only tangle the edges.
    var isReached: [Bool] = []
    for (line, description) in exact.lineDescriptions.enumerated() {
      let isParameter = description.input.map { $0 < parameters } ?? false
      isReached.append(isParameter || description.operands.contains { isReached[$0] })
      if isParameter {
        placeOf[line] = Place(row: 0, level: 0)
      } else if isReached[line], let row = row(of: description.source) {
        placeOf[line] = Place(row: row, level: min(description.level, 2))
      }
      guard let place = placeOf[line] else { continue }
      blocks[place, default: Block()].lines += 1
      if missing.contains(line) { blocks[place, default: Block()].cut += 1 }
      for operand in description.operands {
        guard let from = placeOf[operand], from != place else { continue }
        edges[Edge(from: from, to: place), default: true] =
          edges[Edge(from: from, to: place), default: true] && missing.contains(line)
      }
    }
  }

  /// All of a few steps, or the first two and the last two.
  private static func shownSteps(_ steps: Int) -> [Int] {
    steps <= 5 ? (0..<steps).map { $0 + 1 } : [1, 2, steps - 1, steps]
  }

  private static let box = (width: 104.0, height: 34.0)
  private static let pitch = (x: 122.0, y: 62.0)
  private static let origin = (x: 12.0, y: 50.0)

  private func corner(_ place: Place) -> (x: Double, y: Double) {
    (
      Self.origin.x + Double(place.level) * Self.pitch.x,
      Self.origin.y + Double(place.row) * Self.pitch.y
    )
  }

  /// The picture as a file of its own, on paper of its own.
  var file: String {
    let opening = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"560\" "
    return svg.replacingOccurrences(of: "<svg ", with: opening)
      .replacingOccurrences(
        of: "font-family=\"inherit\"", with: "font-family=\"Helvetica, Arial, sans-serif\""
      )
      .replacingOccurrences(
        of: "<defs>",
        with:
          "<style>\(Self.style)</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<defs>"
      )
  }

  private static let style = """
    text { fill: #1c1c1c } .edge { fill: none; stroke: #5a5a5a } .edge.cut, .box.cut rect { stroke: #b3261e;
    stroke-width: 1.5; stroke-dasharray: 4 3 } .scissors { fill: #b3261e } .box rect { stroke: #1c1c1c }
    .l0 { fill: #fff } .l1 { fill: #bcdcf5 } .l2 { fill: #f5b95f }
    """

  /// The picture, styled by the page that it stands in.
  var svg: String {
    let height = Self.origin.y + Double(rows.count) * Self.pitch.y
    let arrows = edges.sorted { $0.key.order.lexicographicallyPrecedes($1.key.order) }
    var text = """
      <svg viewBox="0 0 380 \(height.svg)" role="img" aria-labelledby="picture-title picture-text" \
      font-family="inherit" font-size="11">
      <title id="picture-title">The tape of the exact meta-gradient</title>
      <desc id="picture-text">\(description.escaped)</desc>
      <defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" \
      orient="auto-start-reverse"><path d="M0 0L8 4L0 8Z" fill="context-stroke"/></marker></defs>

      """
    for (level, title) in ["level 0: forward", "level 1: gradient", "level 2: its gradient"]
      .enumerated()
    {
      let x = Self.origin.x + Double(level) * Self.pitch.x + Self.box.width / 2
      text += "<text x=\"\(x.svg)\" y=\"16\" text-anchor=\"middle\">\(title)</text>\n"
    }
    for (row, name) in rows.enumerated() {
      text +=
        "<text x=\"\((Self.origin.x + 12).svg)\" y=\"\((Self.origin.y + Double(row) * Self.pitch.y - 5).svg)\" "
        + "font-size=\"10\">\(name.escaped)</text>\n"
    }
    for (edge, isCut) in arrows { text += arrow(edge, isCut: isCut) }
    for (place, block) in blocks.sorted(by: {
      ($0.key.row, $0.key.level) < ($1.key.row, $1.key.level)
    }) {
      text += picture(place, block)
    }
    return text + "</svg>\n"
  }

  private func picture(_ place: Place, _ block: Block) -> String {
    let (x, y) = corner(place)
    let isCut = block.cut == block.lines
    let middle = (x + Self.box.width / 2).svg
    let lines =
      isCut
      ? "✂ \("line".counted(block.lines))"
      : "line".counted(block.lines) + (block.cut > 0 ? ", \(block.cut) ✂" : "")
    return """
      <g class="box\(isCut ? " cut" : "")"><rect class="l\(place.level)" x="\(x.svg)" y="\(y.svg)" \
      width="\(Self.box.width.svg)" height="\(Self.box.height.svg)" rx="4"/>\
      <text x="\(middle)" y="\((y + 15).svg)" text-anchor="middle">\(name(place))</text>\
      <text x="\(middle)" y="\((y + 28).svg)" text-anchor="middle" font-size="10">\(lines)</text></g>

      """
  }

  /// What the lines of a block do.
  private func name(_ place: Place) -> String {
    if place.row == 0 { return "parameters" }
    if rows[place.row].hasPrefix("steps ") {
      return ["forward, updates", "inner gradients", "Hessian products"][place.level]
    }
    let isUpdate = rows[place.row].hasSuffix("update")
    switch (isUpdate, place.level) {
    case (true, 0): return "update"
    case (true, _): return "way back"
    case (false, 0): return "forward"
    case (false, 1): return place.row == rows.count - 1 ? "query gradient" : "inner gradient"
    case (false, _): return "Hessian product"
    }
  }

  private func arrow(_ edge: Edge, isCut: Bool) -> String {
    let (from, to) = (corner(edge.from), corner(edge.to))
    let (width, height) = Self.box
    // From the side that faces the other block; along a column, round the blocks between.
    let start: (x: Double, y: Double)
    let end: (x: Double, y: Double)
    let bend: (x: Double, y: Double)
    if edge.from.level == edge.to.level {
      let isDown = to.y > from.y
      let isNext = abs(edge.to.row - edge.from.row) == 1
      if isNext {
        let shift = isDown ? 0.06 : 0.65
        start = (from.x + shift * width, isDown ? from.y + height : from.y)
        end = (to.x + shift * width, isDown ? to.y : to.y + height)
        bend = ((start.x + end.x) / 2, (start.y + end.y) / 2)
      } else {
        start = (from.x + width, from.y + height / 2)
        end = (to.x + width, to.y + height / 2)
        bend = (from.x + width + 14, (start.y + end.y) / 2)
      }
    } else if from.y == to.y, abs(edge.to.level - edge.from.level) > 1 {
      // Over the block between, whose own edges are others.
      start = (from.x + 0.9 * width, from.y)
      end = (to.x + 0.1 * width, to.y)
      bend = ((start.x + end.x) / 2, from.y - 30)
    } else {
      let isRight = to.x > from.x
      start = (isRight ? from.x + width : from.x, from.y + height / 2)
      end = (isRight ? to.x : to.x + width, to.y + height / 2)
      bend = ((start.x + end.x) / 2, (start.y + end.y) / 2)
    }
    let path =
      "M\(start.x.svg) \(start.y.svg)Q\(bend.x.svg) \(bend.y.svg) \(end.x.svg) \(end.y.svg)"
    // On a straight way past a block, beside it rather than behind it.
    let isPast = abs(edge.to.level - edge.from.level) > 1 && from.y != to.y
    let share = isPast ? 8 / abs(end.x - start.x) : 0.5
    let middle = (
      x: along(share, start.x, bend.x, end.x), y: along(share, start.y, bend.y, end.y)
    )
    let scissors =
      isCut
      ? "<text class=\"scissors\" x=\"\(middle.x.svg)\" y=\"\((middle.y + 4).svg)\" text-anchor=\"middle\" aria-hidden=\"true\">✕</text>"
      : ""
    return
      "<path class=\"edge\(isCut ? " cut" : "")\" d=\"\(path)\" marker-end=\"url(#arrow)\"/>\(scissors)\n"
  }

  /// A point of a quadratic Bézier curve.
  private func along(_ share: Double, _ start: Double, _ bend: Double, _ end: Double) -> Double {
    (1 - share) * (1 - share) * start + 2 * share * (1 - share) * bend + share * share * end
  }

  private var description: String {
    let cut = blocks.values.reduce(0) { $0 + $1.cut }
    let all = blocks.values.reduce(0) { $0 + $1.lines }
    let gone = blocks.filter { $0.value.cut == $0.value.lines }.count
    return hasCuts
      ? "Blocks of lines by inner step (from top to bottom) and derivative level (from left to right). "
        + "Of \(all) lines drawn, first order leaves out \(cut); \(gone) of \(blocks.count) blocks vanish"
        + (blocks.contains { $0.key.level == 2 && $0.value.cut < $0.value.lines }
          ? "." : ", all of level 2 among them.")
      : "Without an inner step there is no line that first order leaves out."
  }
}
