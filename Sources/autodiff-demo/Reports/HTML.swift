import Meta

/// A page that stands alone: its style is in it, it runs no script, and it asks nothing of the network.
struct HTMLPage {
  var title: String
  /// The sections in order; the page begins with links to them.
  var sections: [Section]
  /// What stands before the first section.
  var introduction: String

  /// A part of the page under a heading of its own.
  struct Section {
    var id: String
    var title: String
    var html: String
  }

  var text: String {
    let links = sections.map { "<li><a href=\"#\($0.id)\">\($0.title.escaped)</a></li>" }.joined()
    let body = sections.map {
      "<section id=\"\($0.id)\" aria-labelledby=\"\($0.id)-title\">\n"
        + "<h2 id=\"\($0.id)-title\">\($0.title.escaped)</h2>\n\($0.html)</section>\n"
    }
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <title>\(title.escaped)</title>
      <link rel="icon" href="data:,">
      <style>
      \(Self.style)</style>
      </head>
      <body>
      <header>
      <h1>\(title.escaped)</h1>
      \(introduction)<nav aria-label="Sections"><ul>\(links)</ul></nav>
      </header>
      <main>
      \(body.joined())</main>
      </body>
      </html>

      """
  }

  private static let style = """
    :root { --ink: #1c1c1c; --soft: #5a5a5a; --paper: #fff; --panel: #f5f5f2; --line: #d4d4ce;
      --accent: #0b5c94; --bar: #9cc7e8; --cut: #b3261e; --l0: #ffffff; --l1: #bcdcf5; --l2: #f5b95f; }
    @media (prefers-color-scheme: dark) { :root { --ink: #ececec; --soft: #a9a9a9; --paper: #161616;
      --panel: #222; --line: #434343; --accent: #86c5f4; --bar: #2d5f85; --cut: #ff8a80; --l0: #e4e4e4; } }
    * { box-sizing: border-box; }
    body { margin: 0 auto; max-width: 72rem; padding: 1rem; background: var(--paper);
      color: var(--ink); font: 1rem/1.5 system-ui, "Helvetica Neue", Arial, sans-serif;
      overflow-wrap: break-word; }
    h1 { font-size: 1.6rem; line-height: 1.2; } h2 { margin-top: 2.5rem; font-size: 1.25rem; }
    h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; } p { max-width: 46rem; } a { color: var(--accent); }
    nav ul { padding: 0; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; list-style: none; }
    .verdict { border-left: 4px solid var(--accent); background: var(--panel); padding: .5rem 1rem; }
    .verdict ul { margin: .3rem 0; padding-left: 1.2rem; }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }
    caption { text-align: left; color: var(--soft); padding-bottom: .3rem; min-width: 16rem; }
    .table { overflow-x: auto; }
    th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid var(--line);
      white-space: nowrap; } thead th { white-space: normal; }
    th:first-child { text-align: left; font-weight: 600; }
    .bar { background: linear-gradient(var(--bar), var(--bar)) left center / var(--share) 76% no-repeat; }
    .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr));
      gap: 1rem; }
    figure { margin: 0; min-width: 0; break-inside: avoid; }
    figure svg { display: block; width: 100%; height: auto; }
    svg text { fill: currentColor; } svg [stroke="#444"] { stroke: currentColor; }
    svg .box text { fill: #1c1c1c; }
    @media (prefers-color-scheme: dark) {
    \(Figure.Style.dark)}
    .legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; list-style: none; }
    .legend svg { width: 2.2rem; height: .8rem; vertical-align: middle; }
    fieldset { border: 0; padding: 0; } legend { float: left; margin-right: 1rem; }
    .zoom > div { overflow: auto; max-height: 90vh; border: 1px solid var(--line); margin-top: .5rem; }
    .zoom svg { display: block; width: min(100%, 44rem); height: auto; margin: auto; }
    .zoom:has(.x2:checked) svg { width: 200%; } .zoom:has(.x4:checked) svg { width: 400%; }
    pre { overflow-x: auto; font-size: .8rem; line-height: 1.35; background: var(--panel);
      padding: .6rem; } pre .cut { color: var(--cut); }
    summary { cursor: pointer; color: var(--accent); } :focus-visible { outline: 2px solid var(--accent); }
    .edge { fill: none; stroke: var(--soft); stroke-width: 1; } .edge.cut { stroke: var(--cut);
      stroke-dasharray: 4 3; stroke-width: 1.5; } .scissors { fill: var(--cut) !important; }
    .l0 { fill: var(--l0); } .l1 { fill: var(--l1); } .l2 { fill: var(--l2); }
    .box rect { stroke: #1c1c1c; } .box.cut rect { stroke: var(--cut); stroke-width: 2;
      stroke-dasharray: 5 3; }
    @media (max-width: 40rem) {
      table.wide, table.wide caption, table.wide tbody, table.wide tr, table.wide td,
      table.wide th { display: block; }
      table.wide thead { display: none; } table.wide tr { padding: .5rem 0; }
      table.wide tbody :is(td, th) { display: flex; justify-content: space-between; padding: .1rem .4rem;
        border-bottom: 1px dotted var(--line); }
      table.wide tbody :is(td, th)::before { content: attr(data-label); color: var(--soft); font-weight: 400; }
      table.wide .bar::before { color: var(--ink); }
      th, td { padding: .2rem .35rem; } }
    @media print { body { max-width: none; color: #000; background: #fff; } nav, fieldset { display: none; } .zoom > div { max-height: none; overflow: visible; border: 0; }
      .zoom svg { width: auto; max-width: 100%; max-height: 23cm; } .figures { grid-template-columns: 1fr 1fr; }
      .figures > div, tr { break-inside: avoid; } details:not([open]) { display: none; } h2, h3 { break-after: avoid; } a { color: inherit; } }

    """
}

/// A table of a page.
struct HTMLTable {
  var caption: String
  var header: [String]
  var rows: [[Cell]] = []

  /// A cell, with a bar behind its text as long as its share of the largest.
  struct Cell: ExpressibleByStringLiteral {
    var text: String
    var share: Double?

    init(_ text: String, share: Double? = nil) { (self.text, self.share) = (text, share) }
    init(stringLiteral text: String) { self.init(text) }
  }

  var html: String {
    // Roles, because a table whose rows a phone stacks would be one no more for a screen reader.
    let head = header.map { "<th scope=\"col\" role=\"columnheader\">\($0.escaped)</th>" }.joined()
    let body = rows.map { row in
      let cells = zip(header, row).enumerated().map { index, pair in
        let (label, cell) = pair
        let bar =
          cell.share.map {
            " class=\"bar\" style=\"--share:\((100 * max(0, min(1, $0))).fixed(1))%\""
          } ?? ""
        let (tag, role) =
          index == 0 ? ("th scope=\"row\"", "rowheader") : ("td", "cell")
        return "<\(tag) role=\"\(role)\" data-label=\"\(label.escaped)\"\(bar)>\(cell.text.escaped)"
          + "</\(tag.prefix(2))>"
      }
      return "<tr role=\"row\">\(cells.joined())</tr>\n"
    }
    // Few columns fit a phone as they are; many scroll where they do not fit, and stack on a phone.
    return """
      <div class="table" tabindex="0" role="group" aria-label="\(caption.escaped)">
      <table role="table"\(header.count > 4 ? " class=\"wide\"" : "")><caption>\(caption.escaped)</caption>
      <thead role="rowgroup"><tr role="row">\(head)</tr></thead>
      <tbody role="rowgroup">
      \(body.joined())</tbody></table></div>

      """
  }
}

extension Figure {
  /// Each panel as a picture of its own, so that they stand side by side where there is room, with a
  /// title and a description for those who do not see them.
  func html(id: String, description: String) -> String {
    let figures = panels.enumerated().map { index, panel in
      let (title, own) = ("\(id)-\(index)-title", "\(id)-\(index)-text")
      return """
        <figure><svg viewBox="0 0 400 280" role="img" aria-labelledby="\(title) \(own)" \
        font-family="inherit" font-size="12">
        <title id="\(title)">\(panel.title.escaped)</title>
        <desc id="\(own)">\("\(description) \(panel.y.label) against \(panel.x.label).".escaped)</desc>
        \(panel.svg())</svg></figure>

        """
    }
    let entries = shownLegend.map { entry in
      """
      <li><svg viewBox="0 0 32 10" aria-hidden="true">\(entry.style.sample(x: 0, y: 5))</svg> \
      \(entry.name.escaped)</li>
      """
    }
    let list = entries.isEmpty ? "" : "<ul class=\"legend\">\(entries.joined())</ul>\n"
    return "\(list)<div class=\"figures\">\n\(figures.joined())</div>\n"
  }
}
