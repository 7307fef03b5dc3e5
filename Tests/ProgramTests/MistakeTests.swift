import Foundation
import Testing

/// Each mistake gives one clear line, status 1 or 2, and leaves nothing half-written.
@Suite struct MistakeTests {
  private func expect(
    _ arguments: [String], program: String = "isotherm", status: Int32, saying words: String,
    leaving folder: String, _ files: [String] = []
  ) throws {
    let outcome = try Programs.run(program, arguments)
    #expect(outcome.status == status, "\(arguments): \(outcome.errors)")
    #expect(outcome.output.isEmpty)
    #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
    #expect(outcome.errors.contains(words), "\(outcome.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == files)
  }

  @Test func `training's mistakes`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let out = folder + "/run"
    try expect(
      ["train", "no-such.yaml", "-o", out], status: 2, saying: "cannot read the study file",
      leaving: folder)
    try expect(
      ["train", Programs.study, "-o", out, "--set", "model.widht=3"], status: 2,
      saying: "did you mean width?", leaving: folder)
    try expect(
      ["train", Programs.study, "-o", out, "--set", "data.patch=5"], status: 2,
      saying: "does not divide images of 28 x 28", leaving: folder)
    try expect(
      ["train", Programs.study, "-o", out, "--set", "model.heads=3"], status: 2,
      saying: "must divide width", leaving: folder)
    try expect(
      ["train", Programs.study, "-o", out, "--set", "data.file=/no/such.h5"], status: 1,
      saying: "check the path", leaving: folder)
    try expect(
      ["train", Programs.study, "-o", out, "--set", "capture.taps=[residual.*.pots]"], status: 2,
      saying: "no tap matches residual.*.pots", leaving: folder)
    try expect(
      ["train", Programs.study, "-o", folder + "/no/run"], status: 1, saying: "make it first",
      leaving: folder)
    try expect(
      ["train", Programs.study, "-o", "/proc/run"], status: 1, saying: "/proc", leaving: folder)
    try expect(
      ["train", Programs.study], status: 2, saying: "-o NAME is missing", leaving: folder)
  }

  @Test func `a truncated data file`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let whole = try Data(
      contentsOf: URL(fileURLWithPath: Programs.root + "/data/fashion-mnist-small.h5"))
    try whole.prefix(1_000_000).write(to: URL(fileURLWithPath: folder + "/cut.h5"))
    try expect(
      ["train", Programs.study, "-o", folder + "/run", "--set", "data.file=\(folder)/cut.h5"],
      status: 1, saying: "cut short", leaving: folder, ["cut.h5"])
  }

  @Test func `an existing output and a foreign input`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try "text".write(toFile: folder + "/run.h5", atomically: true, encoding: .utf8)
    try expect(
      ["train", Programs.study, "-o", folder + "/run"] + Programs.small, status: 1,
      saying: "pass --force to replace it", leaving: folder, ["run.h5"])
    for (program, arguments) in [
      ("isotherm", ["fit", folder + "/run", "-o", folder + "/f"]),
      ("isotherm", ["inform", folder + "/run", "-o", folder + "/i"]),
      ("isotherm-analyze", ["flow", folder + "/run.h5"]),
      ("isotherm-plot", ["training", folder + "/run.h5", "-o", folder + "/a.png"]),
      ("isotherm-archive", ["ls", folder + "/run.h5"]),
    ] {
      try expect(
        arguments, program: program, status: 1, saying: "not an HDF5 file", leaving: folder,
        ["run.h5"])
    }
    try expect(
      ["fit", folder + "/nothing", "-o", folder + "/f"], status: 1, saying: "check the path",
      leaving: folder, ["run.h5"])
    try expect(
      ["flow", Programs.root + "/data/austen-small.h5"], program: "isotherm-analyze", status: 1,
      saying: "expected an archive of kind run or fields, found dataset", leaving: folder,
      ["run.h5"])
  }

  @Test func `an unknown option is bad usage`() throws {
    for program in ["isotherm", "isotherm-analyze", "isotherm-plot", "isotherm-archive"] {
      let outcome = try Programs.run(program, ["--no-such-option"])
      #expect(outcome.status == 2, "\(program)")
      #expect(outcome.errors.contains("Unknown option"), "\(program)")
    }
    let outcome = try Programs.run("isotherm-plot", ["training", "x.h5", "-o", "x.gif"])
    #expect(outcome.status == 2)
    #expect(outcome.errors.contains("NAME.png, NAME.pdf or NAME.svg"))
  }

  /// What was mistyped is told with what was meant, or with the command to type next.
  @Test func `a typo is answered with what was meant`() throws {
    try withScratch { folder in
      try SmallArchives.copy(to: folder)
      let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      let cases: [(String, [String], Int32, String)] = [
        ("isotherm", ["trian", "x.yaml"], 2, "did you mean `isotherm train`?"),
        ("isotherm", ["verify", "dynamic"], 2, "did you mean `isotherm verify dynamics`?"),
        ("isotherm-analyze", ["atention", "run"], 2, "did you mean `isotherm-analyze attention`?"),
        ("isotherm-archive", ["chek", "run"], 2, "did you mean `isotherm-archive check`?"),
        ("isotherm-plot", ["simlarity", "run"], 2, "did you mean `isotherm-plot similarity`?"),
        ("isotherm-plot", ["nothing-like-it"], 2, "`isotherm-plot --help` lists them"),
        ("isotherm-archive", ["ls", "flo"], 1, "did you mean flow.h5?"),
        ("isotherm", ["fit", "./rn.h5", "-o", "n"], 1, "did you mean ./run.h5?"),
        (
          "isotherm", ["train", "data/studies/fashion-mnis.yaml", "-o", "n"], 2,
          "did you mean data/studies/fashion-mnist.yaml?"
        ),
        (
          "isotherm-plot", ["any", "run", "--dataset", "/samples/lable", "-o", "n.png"], 1,
          "did you mean /samples/label?"
        ),
        (
          "isotherm-plot", ["similarity", "run", "-o", "n.png"], 1,
          "`isotherm-analyze attention run FIELDS -o NAME` makes them"
        ),
        (
          "isotherm-plot", ["training", "fields", "-o", "n.png"], 1,
          "`isotherm train STUDY.yaml -o NAME` makes them"
        ),
      ]
      for (program, arguments, status, words) in cases {
        let outcome = try Programs.run(program, arguments, in: folder)
        #expect(outcome.status == status, "\(arguments): \(outcome.errors)")
        #expect(outcome.output.isEmpty && outcome.errorLines.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains(words), "\(arguments): \(outcome.errors)")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == files)
    }
  }

  @Test func `a file alone is answered with what can be computed from it`() throws {
    try withScratch { folder in
      try SmallArchives.copy(to: folder)
      for (file, least) in [("run.h5", 4), ("fields.h5", 1)] {
        let listed = try Programs.run("isotherm-analyze", [file, "--json"], in: folder)
        #expect(listed.status == 0, "\(listed.errors)")
        let parsed = try JSONSerialization.jsonObject(with: Data(listed.output.utf8))
        let entries = (parsed as? [String: [[String: String]]])?["analyses"] ?? []
        #expect(entries.count >= least, "\(listed.output)")
        // Each line is a command that works, once what it asks for beside the file is there.
        for line in entries.compactMap({ $0["command"] }) {
          var words = line.split(separator: " ").map(String.init)
          words = words.filter { !$0.hasPrefix("[") }
          // The small fields have no model with attention.
          guard !words.contains("FIELDS") else { continue }
          let computed = try Programs.run(words[0], Array(words.dropFirst()), in: folder)
          #expect(computed.status == 0, "\(line): \(computed.errors)")
        }
      }
      let missing = try Programs.run("isotherm-analyze", ["flow", "fields.h5"], in: folder)
      #expect(missing.status == 2 && missing.errors.contains("pass "), "\(missing.errors)")
    }
  }

  @Test func `a file alone is answered with what can be drawn from it`() throws {
    try withScratch { folder in
      try SmallArchives.copy(to: folder)
      let listed = try Programs.run("isotherm-plot", ["run.h5"], in: folder)
      #expect(listed.status == 0, "\(listed.errors)")
      let lines = listed.output.split(separator: "\n").map(String.init)
      #expect(lines.contains { $0.hasPrefix("isotherm-plot training run.h5 -o training.png") })
      #expect(!listed.output.contains("similarity"))
      // Each line is a command that works.
      for line in lines where line.hasPrefix("isotherm-plot ") && !line.contains("/PATH") {
        let words = line.components(separatedBy: "  ")[0].split(separator: " ").map(String.init)
        let drawn = try Programs.run(
          "isotherm-plot", Array(words.dropFirst()) + ["--dpi", "30"], in: folder)
        #expect(drawn.status == 0, "\(line): \(drawn.errors)")
      }
    }
  }

  /// Every figure of the catalogue, given every kind of archive: drawn, or refused with what would do.
  @Test func `a figure of an archive of another kind names the command that makes the right one`()
    throws
  {
    try withScratch { folder in
      try SmallArchives.copy(to: folder)
      let listed = try Programs.run("isotherm-plot", ["list", "--json"])
      let parsed = try JSONSerialization.jsonObject(with: Data(listed.output.utf8))
      let figures = try #require((parsed as? [String: [[String: String]]])?["figures"])
      #expect(figures.count > 25)
      for figure in figures.compactMap({ $0["name"] }) {
        for file in ["run", "fields", "flow", "solution"] {
          let outcome = try Programs.run(
            "isotherm-plot", [figure, file, "-o", "n.png", "--dpi", "30", "--force"], in: folder)
          guard outcome.status != 0 else { continue }
          #expect(outcome.errorLines.count <= 4, "\(outcome.errors)")
          guard outcome.errors.contains("is of kind") else { continue }
          #expect(outcome.status == 1)
          let isOfSeveral = ["attention"].contains(figure)
          #expect(
            outcome.errors.contains("makes them") != isOfSeveral, "\(figure): \(outcome.errors)")
          #expect(outcome.errors.contains("`isotherm-plot \(file)` lists"), "\(outcome.errors)")
        }
      }
    }
  }
}
