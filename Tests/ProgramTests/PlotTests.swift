import Archive
import Foundation
import Testing

/// Figures, their proof and their sizes, as a user drives `isotherm-plot`.
@Suite struct PlotTests {
  private func integrate(_ problem: String, _ out: String, _ settings: String...) throws {
    let outcome = try Programs.run(
      "isotherm",
      ["integrate", "data/problems/\(problem).yaml", "-o", out, "--force"]
        + settings.flatMap { ["--set", $0] })
    try #require(outcome.status == 0, "\(outcome.errors)")
  }

  private func plot(_ arguments: String...) throws -> Programs.Outcome {
    try Programs.run("isotherm-plot", arguments)
  }

  @Test func `a figure is proven by drawing it again, and what changed is named`() throws {
    try withScratch { folder in
      let (file, image) = (folder + "/a.h5", folder + "/a.png")
      try integrate("allen-cahn", folder + "/a", "grid.rows=16", "grid.columns=16", "time.end=2")
      let drawn = try plot("field", file, "-o", image, "--theme", "dark", "--dpi", "80")
      try #require(drawn.status == 0, "\(drawn.errors)")
      let same = try plot("verify", image)
      #expect(
        same.status == 0 && same.output.contains("every pixel"), "\(same.output)\(same.errors)")
      let shown = try plot("show", image)
      for text in ["Allen-Cahn", "isotherm-plot field", "/fields/solution/u sha256=", "run_id="] {
        #expect(shown.output.contains(text), "\(shown.output)")
      }
      // Other data of the same name: the figure differs, and the arrays that did are named.
      try integrate(
        "allen-cahn", folder + "/a", "grid.rows=16", "grid.columns=16", "time.end=2", "seed=2")
      let changed = try plot("verify", image, "--json")
      #expect(changed.status == 1)
      let document = try #require(
        try JSONSerialization.jsonObject(with: Data(changed.output.utf8)) as? [String: Any])
      #expect(document["matches"] as? Bool == false)
      let names = try #require(document["changed_datasets"] as? [String])
      #expect(names.contains("/fields/solution/u") && !names.contains("/fields/solution/time"))
      // Without its data it says what to do; beside the image they are found.
      try FileManager.default.moveItem(atPath: file, toPath: folder + "/b.h5")
      let gone = try plot("verify", image)
      #expect(gone.status == 1 && gone.errors.contains("pass --source FILE"), "\(gone.errors)")
      #expect(try plot("verify", image, "--source", folder + "/b.h5").status == 1)
      let foreign = try plot("verify", Programs.root + "/notebooks-md/01-first-run.md")
      #expect(foreign.status == 1 && foreign.errors.contains("no PNG"), "\(foreign.errors)")
    }
  }

  @Test func `PDF and SVG carry where they come from, and the same command gives the same bytes`()
    throws
  {
    try withScratch { folder in
      try integrate("sphere", folder + "/s", "tokens.count=8", "time.end=1")
      for (suffix, mark) in [("pdf", "%PDF"), ("svg", "<?xml"), ("png", "PNG")] {
        let image = folder + "/phase." + suffix
        var bytes: [Data] = []
        for _ in 0..<2 {
          let drawn = try plot("phase", folder + "/s.h5", "-o", image, "--force")
          try #require(drawn.status == 0, "\(drawn.errors)")
          bytes.append(try Data(contentsOf: URL(fileURLWithPath: image)))
        }
        #expect(bytes[0] == bytes[1], "\(suffix)")
        #expect(bytes[0].prefix(8).range(of: Data(mark.utf8)) != nil, "\(suffix)")
        #expect(!FileManager.default.fileExists(atPath: image + ".tmp"))
        // In a PDF the words are UTF-16, in hexadecimal digits.
        let words = "/fields/solution/u sha256="
        let hexadecimal = words.utf16.map { String(format: "%04X", $0) }.joined()
        let wanted = suffix == "pdf" ? hexadecimal : words
        #expect(bytes[0].range(of: Data(wanted.utf8)) != nil, "\(suffix)")
      }
    }
  }

  @Test func `sizes are those asked for`() throws {
    try withScratch { folder in
      try integrate("heat", folder + "/h")
      func size(_ arguments: String...) throws -> (width: Int, height: Int) {
        let image = folder + "/x.png"
        let drawn = try Programs.run(
          "isotherm-plot", ["field", folder + "/h.h5", "-o", image, "--force"] + arguments)
        try #require(drawn.status == 0, "\(drawn.errors)")
        let header = try Data(contentsOf: URL(fileURLWithPath: image))
        func number(_ at: Int) -> Int {
          header[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
        }
        return (number(16), number(20))
      }
      let paper = try size("--size", "150x100", "--dpi", "254")
      #expect(paper == (1500, 1000))
      #expect(try size("--columns", "1", "--dpi", "254").width == 890)
      #expect(try size("--columns", "2", "--dpi", "254").width == 1830)
      #expect(try size("--columns", "6", "--dpi", "254").width == 5590)
      for (arguments, text) in [
        (["--columns", "7"], "between 1 and 6"), (["--size", "9"], "size"),
        (["--font-size", "1"], "between 3"),
        (["--size", "90x90", "--columns", "1"], "pass one"),
      ] {
        let wrong = try Programs.run(
          "isotherm-plot", ["field", folder + "/h.h5", "-o", folder + "/y.png"] + arguments)
        #expect(wrong.status == 2 && wrong.errors.contains(text), "\(wrong.errors)")
      }
    }
  }

  @Test func `any labelled dataset is drawn, however large, and the rest refused with what to do`()
    throws
  {
    try withScratch { folder in
      let array = ArraySchema(
        "/a/values", .float32, [.growing("row"), .init("column", 5000)], longName: "made up")
      let line = ArraySchema("/b/values", .float64, [.growing("step")], longName: "a line")
      let recorder = try Recorder(
        RunPlace(folder + "/big"),
        RunSchema(
          .run, title: "large", arrays: [array, line],
          provenance: Provenance(configuration: "", seed: 1, blasCore: "")))
      let row = (0..<5000).map { sin(Float($0) / 300) }
      for _ in 0..<40 {
        try recorder.append("/a/values", [[Float]](repeating: row, count: 100).flatMap { $0 })
      }
      try recorder.append(
        "/b/values", (0..<2_000_000).map { $0 == 1_234_567 ? 50 : Double($0 % 7) })
      _ = try recorder.seal()
      for (dataset, text) in [("/a/values", "averaged to"), ("/b/values", "lowest and highest")] {
        let image = folder + "/big.png"
        let drawn = try plot(
          "any", folder + "/big.h5", "--dataset", dataset, "-o", image, "--force")
        try #require(drawn.status == 0, "\(drawn.errors)")
        #expect(try plot("show", image).output.contains(text))
        #expect(try plot("verify", image).status == 0)
      }
      for (arguments, text) in [
        (["--dataset", "/nothing"], "isotherm-archive ls"),
        (["--dataset", "/a/values", "--at", "9999"], "below the lengths"),
        (["--dataset", "/a/values", "--at", "1,2"], "fix at most 1"),
      ] {
        let wrong = try Programs.run(
          "isotherm-plot", ["any", folder + "/big.h5", "-o", folder + "/z.png"] + arguments)
        #expect(wrong.status != 0 && wrong.errors.contains(text), "\(wrong.errors)")
      }
    }
  }

  @Test func `verifications, terms and gradients are drawn from their archives`() throws {
    try withScratch { folder in
      let verified = try Programs.run("isotherm", ["verify", "dynamics", "-o", folder + "/v"])
      try #require(verified.status == 0)
      #expect(try plot("convergence", folder + "/v.h5", "-o", folder + "/c.png").status == 0)
      let run = try Programs.run(
        "isotherm", ["train", Programs.study, "-o", folder + "/r"] + Programs.small)
      try #require(run.status == 0, "\(run.errors)")
      let fit = try Programs.run("isotherm", ["fit", folder + "/r", "-o", folder + "/f"])
      try #require(fit.status == 0, "\(fit.errors)")
      for (name, kind) in [("flow", "flow"), ("attention", "attention")] {
        let made = try Programs.run(
          "isotherm-analyze", [kind, folder + "/r", folder + "/f", "-o", folder + "/" + name])
        try #require(made.status == 0, "\(made.errors)")
      }
      for (figure, file) in [
        ("gradients", "r"), ("attention-rollout", "r"), ("terms", "f"), ("correlation", "flow"),
        ("cka", "flow"), ("drift", "flow"), ("skill", "attention"),
      ] {
        let drawn = try plot(figure, "\(folder)/\(file).h5", "-o", "\(folder)/\(figure).png")
        #expect(drawn.status == 0, "\(figure): \(drawn.errors)")
        let verified = try plot("verify", "\(folder)/\(figure).png")
        #expect(verified.status == 0, "\(figure): \(verified.output)")
      }
      try expectReport(folder)
      let wrong = try plot("phase", folder + "/f.h5", "-o", folder + "/p.png")
      #expect(wrong.status == 1 && wrong.errors.contains("isotherm integrate"), "\(wrong.errors)")
    }
  }

  /// A page whose tags close, whose pictures are there, that asks nothing of a network, and whose tables sort in a browser.
  private func expectReport(_ folder: String) throws {
    let report = try Programs.run(
      "isotherm-plot",
      ["report"] + ["r", "f", "attention", "v"].map { "\(folder)/\($0).h5" }
        + ["-o", folder + "/report", "--title", "<a> & \"b\"", "--json"])
    try #require(report.status == 0, "\(report.errors)")
    let page = try String(contentsOfFile: folder + "/report/index.html", encoding: .utf8)
    #expect(page.contains("<h1>&lt;a&gt; &amp; &quot;b&quot;</h1>"))
    for name in ["0-training", "0-gradients", "1-terms", "2-skill", "3-convergence"] {
      let image = "\(folder)/report/figures/\(name).png"
      #expect(FileManager.default.fileExists(atPath: image), "\(name)")
      #expect(try plot("verify", image).status == 0, "\(name)")
    }
    #expect(!page.contains("http://") && !page.contains("https://"))
    let script = """
      import html.parser, os, sys
      class P(html.parser.HTMLParser):
          def __init__(self): super().__init__(); self.open = []; self.images = []
          def handle_starttag(self, tag, attributes):
              if tag == "img": self.images.append(dict(attributes)["src"])
              elif tag != "meta": self.open.append(tag)
          def handle_endtag(self, tag): assert self.open.pop() == tag, tag
      p = P(); p.feed(open(sys.argv[1] + "/index.html").read())
      assert not p.open, p.open
      assert len(p.images) >= 9 and all(os.path.exists(sys.argv[1] + "/" + i) for i in p.images), p.images
      """
    let parsed = try Programs.run(
      Programs.root + "/.venv/bin/python", ["-c", script, folder + "/report"])
    #expect(parsed.status == 0, "\(parsed.errors)")
    guard FileManager.default.isExecutableFile(atPath: "/usr/bin/chromium") else {
      print("skipped: the report in a browser, because chromium is not installed")
      return
    }
    let sort = """
      <script>const t = [...document.querySelectorAll("table")].find(t => t.querySelectorAll("th").length > 4);
      const head = t.querySelectorAll("th")[2]; head.click(); head.click();
      const v = [...t.tBodies[0].rows].map(r => parseFloat(r.cells[2].textContent)).filter(x => !isNaN(x));
      document.title = v.every((x, i) => i == 0 || v[i - 1] >= x) ? "sorted" : "not sorted";</script></body>
      """
    let sorted = folder + "/report/sorted.html"
    try page.replacing("</body>", with: sort).write(
      toFile: sorted, atomically: true, encoding: .utf8)
    let browser = try Programs.run(
      "/usr/bin/chromium",
      [
        "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=\(folder)/browser",
        "--dump-dom", "file://" + sorted,
      ])
    #expect(browser.output.contains("<title>sorted</title>"), "\(browser.output.prefix(300))")
  }

  @Test func `fields and attention move, and every frame is kept`() throws {
    try withScratch { folder in
      try integrate(
        "wave", folder + "/w", "grid.rows=12", "grid.columns=12", "time.end=5", "time.snapshots=5")
      let image = folder + "/w.png"
      let made = try plot(
        "animate", "field", folder + "/w.h5", "-o", image, "--frames", folder + "/frames", "--dpi",
        "40")
      try #require(made.status == 0, "\(made.errors)")
      let frames = try FileManager.default.contentsOfDirectory(atPath: folder + "/frames").sorted()
      #expect(frames == (0...5).map { String(format: "%05d.png", $0) })
      let bytes = try Data(contentsOf: URL(fileURLWithPath: image))
      func count(_ chunk: String) -> Int {
        var (found, place) = (0, bytes.startIndex)
        while let range = bytes.range(of: Data(chunk.utf8), in: place..<bytes.endIndex) {
          (found, place) = (found + 1, range.upperBound)
        }
        return found
      }
      #expect(count("acTL") == 1 && count("fcTL") == 6 && count("fdAT") == 5)
      let shown = try plot("show", image)
      #expect(shown.output.contains("/fields/solution/u"))
      let wrong = try plot("animate", "attention", folder + "/w.h5", "-o", folder + "/x.png")
      #expect(wrong.status != 0 && wrong.errors.contains("training run"), "\(wrong.errors)")
    }
  }
}
