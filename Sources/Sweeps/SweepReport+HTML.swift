import Reports

extension SweepReport {
  /// One page without scripts, fonts or anything else from elsewhere.
  var html: String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(escaped(results.purpose))</title>
    <style>
    \(Self.style)
    </style>
    </head>
    <body>
    <h1>\(escaped(results.purpose))</h1>
    <p>\(escaped(conditions))</p>
    \(plots)<h2>Points</h2>
    \(htmlTable)</body>
    </html>

    """
  }

  private var plots: String {
    guard let axis else { return "" }
    var text =
      "<p>Lines run along the low end of the costs' ranges, areas reach to the high end, bars are "
      + "95 % confidence intervals over seeds.</p>\n"
    for quantity in shown {
      let plot = SweepPlot(results, quantity: quantity, along: axis)
      guard plot.lines.contains(where: { !$0.dots.isEmpty }) else { continue }
      text += "<figure>\n<figcaption>\(escaped(plot.title))</figcaption>\n\(plot.svg)"
      text += "<ul class=\"key\">"
      for (index, line) in plot.lines.enumerated() where !line.name.isEmpty {
        let style = min(index, SweepPlot.lineLimit)
        text += "<li class=\"s\(style)\">\(escaped(line.name))</li>"
      }
      text += "</ul>\n</figure>\n"
    }
    return text
  }

  private var htmlTable: String {
    func cell(_ text: String, _ tag: String, _ scope: String = "") -> String {
      "<\(tag)\(scope)>\(escaped(text))</\(tag)>"
    }
    let head = titles.map { cell($0, "th", " scope=\"col\"") }.joined()
    let rows = results.rows.map { row in
      let texts = cells(row)
      return "<tr>" + cell(texts.first ?? "", "th", " scope=\"row\"")
        + texts.dropFirst().map { cell($0, "td") }.joined() + "</tr>\n"
    }
    return "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"Points\"><table>\n"
      + "<caption>A row for each point</caption>\n<thead><tr>\(head)</tr></thead>\n<tbody>\n"
      + rows.joined() + "</tbody></table></div>\n"
  }

  /// Colours of lines that people with any kind of colour vision tell apart (Okabe and Ito); grey
  /// for lines beyond them.
  private static var style: String {
    let colors = [
      "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#b8a800", "#7a5195",
      "#888888",
    ]
    let lines = colors.enumerated().map { ".s\($0) { --c: \($1); }" }.joined(separator: "\n")
    return """
      :root { color-scheme: light dark; --ink: #1a1a1a; --paper: #ffffff; --grid: #d8d8d8; }
      @media (prefers-color-scheme: dark) {
        :root { --ink: #e6e6e6; --paper: #16181b; --grid: #3a3d42; }
      }
      body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper);
        max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
      h1 { font-size: 1.3rem; } h2 { font-size: 1.1rem; }
      figure { display: inline-block; width: min(100%, 36rem); margin: 0 1rem 1.5rem 0;
        vertical-align: top; }
      figcaption { font-weight: 600; }
      svg { width: 100%; height: auto; }
      .grid { stroke: var(--grid); } .tick, .axis { fill: var(--ink); font-size: 12px; }
      .line polyline, .line line { fill: none; stroke: var(--c); stroke-width: 1.8; }
      .line polygon { fill: var(--c); opacity: 0.18; } .line circle { fill: var(--c); }
      .key { list-style: none; padding: 0; margin: 0; font-size: 13px; }
      .key li::before { content: ""; display: inline-block; width: 1.2em; height: 3px;
        margin-right: 0.5em; vertical-align: middle; background: var(--c); }
      .wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 13px; }
      th, td { padding: 0.2rem 0.6rem; border-bottom: 1px solid var(--grid); text-align: left;
        white-space: nowrap; }
      \(lines)
      """
  }
}
