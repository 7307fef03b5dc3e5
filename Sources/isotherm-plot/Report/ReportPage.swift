/// A report as one page of HTML: no network, no fonts of others, readable without its script.
struct ReportPage {
  /// One archive.
  struct Section {
    let title: String
    let kind: String
    let runID: String
    let link: String
    let figures: [Figure]
    let tables: [ReportTables.Table]
    let provenance: [(String, String)]
  }

  /// One stored figure.
  struct Figure {
    let file: String
    let title: String
    let caption: String
    let command: String
    /// Width in points.
    let width: Double
  }

  let title: String
  let isDark: Bool
  let sections: [Section]

  var html: String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(escaped(title))</title>
    <style>
    \(style)
    </style>
    </head>
    <body>
    <header><h1>\(escaped(title))</h1>
    <nav>\(sections.enumerated().map { "<a href=\"#s\($0)\">\(escaped($1.kind)): \(escaped($1.title)), \(escaped($1.link))</a>" }
      .joined(separator: "\n"))</nav></header>
    <main>
    \(sections.enumerated().map { body($0, $1) }.joined(separator: "\n"))
    </main>
    <script>
    \(script)
    </script>
    </body>
    </html>

    """
  }

  private func body(_ index: Int, _ section: Section) -> String {
    let figures = section.figures.map { figure in
      """
      <figure><a href="\(escaped(figure.file))"><img src="\(escaped(figure.file))" alt="\(escaped(figure.title)). \
      \(escaped(figure.caption))" style="max-width:\(Int(figure.width * 1.3))px"></a>
      <figcaption><code>\(escaped(figure.command))</code></figcaption></figure>
      """
    }
    let tables = section.tables.map { table in
      """
      <details><summary>\(escaped(table.title)), \(table.rows.count) rows</summary>
      <table><thead><tr>\(table.columns.map { "<th><button>\(escaped($0))</button></th>" }.joined())</tr></thead>
      <tbody>
      \(table.rows.map { "<tr>" + $0.map { "<td>\(escaped($0))</td>" }.joined() + "</tr>" }.joined(separator: "\n"))
      </tbody></table></details>
      """
    }
    let provenance = section.provenance.map { name, text in
      "<dt>\(escaped(name))</dt><dd><pre>\(escaped(text))</pre></dd>"
    }
    return """
      <section id="s\(index)"><h2>\(escaped(section.kind)): \(escaped(section.title))</h2>
      <p><a href="\(escaped(section.link))">\(escaped(section.link))</a></p>
      \(section.figures.isEmpty ? "<p>No figure of the catalogue applies to it.</p>" : figures.joined(separator: "\n"))
      \(tables.joined(separator: "\n"))
      <details><summary>Where it comes from</summary><dl>\(provenance.joined(separator: "\n"))</dl></details>
      </section>
      """
  }

  private func escaped(_ text: String) -> String { Markup.escaped(text) }

  private var style: String {
    let (back, ink, muted, line) =
      isDark
      ? ("#14161a", "#ececec", "#a8a8a8", "#31343a") : ("#ffffff", "#1a1a1a", "#5a5a5a", "#dcdcdc")
    return """
      :root { color-scheme: \(isDark ? "dark" : "light"); }
      body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1.5rem; background: \(back); color: \(ink); }
      nav { display: flex; flex-direction: column; gap: .2rem; }
      a { color: \(isDark ? "#56b4e9" : "#0072b2"); }
      h2 { border-top: 1px solid \(line); padding-top: 1.2rem; margin-top: 2.2rem; }
      figure { margin: 1.4rem 0; }
      img { width: 100%; height: auto; }
      figcaption, summary { color: \(muted); }
      summary { cursor: pointer; padding: .3rem 0; }
      code, pre { font: 13px/1.4 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
      details { overflow-x: auto; }
      table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
      td, th { text-align: right; padding: .15rem .7rem; border-bottom: 1px solid \(line); }
      td:first-child, th:first-child { text-align: left; }
      th button { font: inherit; font-weight: 600; background: none; border: 0; color: inherit; cursor: pointer; padding: 0; }
      th[aria-sort=ascending] button::after { content: " ▲"; }
      th[aria-sort=descending] button::after { content: " ▼"; }
      """
  }

  /// Sorts a table by the column whose head is clicked: as numbers where all are, else as text.
  private var script: String {
    """
    for (const table of document.querySelectorAll("table")) {
      const heads = [...table.querySelectorAll("th")];
      heads.forEach((head, column) => head.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach(other => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const body = table.tBodies[0], rows = [...body.rows];
        const text = row => row.cells[column].textContent;
        const plain = rows.every(row => text(row) === "–" || !isNaN(text(row)));
        const order = (a, b) => plain ? (parseFloat(text(a)) || -Infinity) - (parseFloat(text(b)) || -Infinity)
          : text(a).localeCompare(text(b));
        rows.sort((a, b) => down ? order(b, a) : order(a, b));
        body.append(...rows);
      }));
    }
    """
  }
}
