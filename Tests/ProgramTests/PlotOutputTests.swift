import Foundation
import TestSupport
import Testing

/// What `isotherm-plot` leaves behind: whole files of what the archive holds, or none and a status that says so.
@Suite struct PlotOutputTests {
  private func plot(_ arguments: [String]) throws -> Programs.Outcome {
    try Programs.run("isotherm-plot", arguments)
  }

  /// Writes an archive of metrics with `body` at work on `g`, the group `/metrics/t`, as other people's programs would.
  private func archive(_ path: String, title: String = "T", _ body: String) throws {
    let script = """
      import h5py, json, sys, numpy as np
      f = h5py.File(sys.argv[1], "w")
      f.attrs.update({"isotherm_layout": 1, "kind": "metrics", "run_id": "r1"})
      f.attrs["title"] = json.loads(sys.argv[2])
      g = f.create_group("metrics/t")
      def scaled(values, **scales):
          v = g.create_dataset("v", data=values)
          v.attrs["units"] = "1"; v.attrs["long_name"] = "made up"
          for i, (name, x) in enumerate(scales.items()):
              g[name] = x; g[name].make_scale(name); v.dims[i].attach_scale(g[name])
      """
    let encoded = String(decoding: try JSONEncoder().encode(title), as: UTF8.self)
    let made = try Programs.run(
      Programs.root + "/.venv/bin/python", ["-c", script + "\n" + body, path, encoded])
    try #require(made.status == 0, "\(made.errors)")
  }

  @Test func `no number of an input stops the program`() throws {
    try withScratch { folder in
      var random = SeededChoice(3)
      let numbers = [
        "0", "1", "-2.5", "1e20", "1e300", "-1.7e308", "1.7e308", "5e-324", "1e-300", "np.inf",
        "-np.inf", "np.nan", "2.0**53", "2.0**63", "1e9", "1e9 + 1e-3",
      ]
      for trial in 0..<24 {
        func list(_ count: Int) -> String {
          "["
            + (0..<count).map { _ in numbers[Int(random.next() % UInt64(numbers.count))] }
            .joined(separator: ",") + "]"
        }
        let (file, image) = (folder + "/a.h5", folder + "/a.png")
        let isMap = trial % 2 == 0
        try archive(
          file,
          isMap
            ? "scaled(np.array(\(list(12))).reshape(3, 4), a=\(list(3)), b=\(list(4)))"
            : "scaled(\(list(7)), k=\(list(7)))")
        let drawn = try plot(["any", file, "--dataset", "/metrics/t/v", "-o", image, "--force"])
        #expect(drawn.status == 0, "\(drawn.status) \(drawn.errors)")
        #expect(try plot(["verify", image]).status == 0)
      }
    }
  }

  @Test func `a dataset that says it is without bounds is refused before memory is taken`() throws {
    try withScratch { folder in
      for (shape, chunks) in [
        ("(2**33, 2**33)", "(64, 64)"), ("(2**40,)", "(1024,)"),
        ("(2**21, 2**21, 2**21)", "(8, 8, 8)"),
      ] {
        let file = folder + "/big.h5"
        try archive(
          file,
          "v = g.create_dataset('v', \(shape), 'f8', chunks=\(chunks)); v.attrs['units'] = '1'; v.attrs['long_name'] = 'big'"
        )
        let drawn = try Programs.run(
          "/bin/bash",
          [
            "-c", "ulimit -v 4000000; exec \"$@\"", "bash", Programs.folder + "/isotherm-plot",
            "any",
            file, "--dataset", "/metrics/t/v", "-o", folder + "/big.png",
          ])
        #expect(drawn.status == 2 && drawn.errorLines.count == 1, "\(drawn.status) \(drawn.errors)")
        #expect(drawn.errors.contains("more values than a figure"), "\(drawn.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder + "/big.png"))
      }
      try archive(folder + "/none.h5", "scaled(np.zeros((0, 3)), a=np.zeros(0), b=[1, 2, 3])")
      let none = try plot([
        "any", folder + "/none.h5", "--dataset", "/metrics/t/v", "-o", folder + "/none.png",
      ])
      #expect(none.status == 1 && none.errors.contains("holds no values yet"), "\(none.errors)")
    }
  }

  @Test func `any title makes a valid document`() throws {
    try withScratch { folder in
      let file = folder + "/t.h5"
      let title = "one\ntwo\tthree\u{1}\u{8}\u{1B}[31m <&\"' \u{7F}\u{FFFE} ∂u 図"
      try archive(file, title: title, "scaled([1.0, 2.0, 4.0], k=[0.0, 1.0, 2.0])")
      let check = """
        import sys, xml.dom.minidom
        d = xml.dom.minidom.parse(sys.argv[1])
        print(d.getElementsByTagName("title")[0].firstChild.data)
        """
      let image = folder + "/t.svg"
      let drawn = try plot(["any", file, "--dataset", "/metrics/t/v", "-o", image])
      try #require(drawn.status == 0, "\(drawn.errors)")
      let parsed = try Programs.run(Programs.root + "/.venv/bin/python", ["-c", check, image])
      #expect(parsed.status == 0 && parsed.output.contains("<&\"' "), "\(parsed.errors)")
      let origin = try Programs.run(
        Programs.root + "/.venv/bin/python",
        [
          "-c",
          "import h5py, sys; h5py.File(sys.argv[1], 'a')['provenance/configuration'] = 'a: 1'",
          file,
        ])
      try #require(origin.status == 0, "\(origin.errors)")
      let made = try plot(["report", file, "-o", folder + "/report"])
      #expect(made.status == 0, "\(made.errors)")
      let page = try Data(contentsOf: URL(fileURLWithPath: folder + "/report/index.html"))
      #expect(!page.contains { $0 < 9 || ($0 > 13 && $0 < 32) })
    }
  }

  @Test func `a page that is too small is refused with one that is enough`() throws {
    try withScratch { folder in
      let file = folder + "/s.h5"
      try archive(file, "scaled(np.sin(np.arange(20.0)), a=np.arange(20.0))")
      func drawn(_ more: [String]) throws -> Programs.Outcome {
        try plot(
          ["any", file, "--dataset", "/metrics/t/v", "-o", folder + "/s.png", "--force"] + more)
      }
      for font in ["8", "20"] {
        let small = try drawn(["--size", "40x30", "--font-size", font])
        #expect(small.status == 1 && small.errorLines.count == 1, "\(small.errors)")
        #expect(small.errors.contains("40 x 30 mm is too small"), "\(small.errors)")
        let found = try #require(small.errors.firstMatch(of: /--size (\d+x\d+)/), "\(small.errors)")
        let enough = try drawn(["--size", String(found.1), "--font-size", font])
        #expect(enough.status == 0, "\(enough.errors)")
        #expect(try drawn(["--font-size", font]).status == 0)
      }
    }
  }

  @Test func `a full disk leaves no figure and says so, of every kind`() throws {
    try withScratch { folder in
      let library = try Programs.fullDisk(folder)
      let solved = try Programs.run(
        "isotherm",
        ["integrate", "data/problems/heat.yaml", "-o", folder + "/h", "--set", "time.snapshots=5"])
      try #require(solved.status == 0, "\(solved.errors)")
      let jobs: [(name: String, arguments: [String])] =
        ["png", "pdf", "svg"].map { ("f." + $0, ["field", folder + "/h.h5"]) } + [
          ("m.png", ["animate", "field", folder + "/h.h5", "--dpi", "40"]),
          ("s.png", ["animate", "field", folder + "/h.h5", "--dpi", "40", "--sheet"]),
          ("report", ["report", folder + "/h.h5", "--dpi", "40"]),
        ]
      for (name, arguments) in jobs {
        func run(_ disk: String, _ bytes: Int) throws -> Programs.Outcome {
          try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
          return try Programs.run(
            "/usr/bin/env",
            ["LD_PRELOAD=\(library)", "DISK_FOLDER=\(disk)", "DISK_BYTES=\(bytes)"]
              + [Programs.folder + "/isotherm-plot"] + arguments + ["-o", disk + "/" + name])
        }
        let whole = try run(folder + "/whole-" + name, 1 << 30)
        try #require(whole.status == 0, "\(name): \(whole.errors)")
        let sizes = try FileManager.default.subpathsOfDirectory(atPath: folder + "/whole-" + name)
          .map { path in
            let place = "\(folder)/whole-\(name)/\(path)"
            let about = try FileManager.default.attributesOfItem(atPath: place)
            return about[.type] as? FileAttributeType == .typeRegular
              ? (about[.size] as? NSNumber)?.intValue ?? 0 : 0
          }
        let total = sizes.reduce(0, +)
        for (trial, bytes) in [0, 1, min(4096, total - 1), total / 2, total - 1].enumerated() {
          let disk = "\(folder)/disk-\(trial)-\(name)"
          let full = try run(disk, bytes)
          #expect(full.status == 1, "\(name) on \(bytes) of \(total) bytes: \(full.status)")
          #expect(full.errors.contains("No space left"), "\(full.errors)")
          #expect(try FileManager.default.contentsOfDirectory(atPath: disk).isEmpty, "\(name)")
        }
        // What was there before stays as it was.
        let disk = "\(folder)/disk-kept-\(name)"
        guard name != "report" else { continue }
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        try Data("before".utf8).write(to: URL(fileURLWithPath: disk + "/" + name))
        let kept = try Programs.run(
          "/usr/bin/env",
          ["LD_PRELOAD=\(library)", "DISK_FOLDER=\(disk)", "DISK_BYTES=100"]
            + [Programs.folder + "/isotherm-plot"] + arguments
            + ["-o", disk + "/" + name, "--force"])
        #expect(kept.status == 1)
        #expect(try String(contentsOfFile: disk + "/" + name, encoding: .utf8) == "before")
      }
    }
  }

  @Test func `spectra are of the modes of their boundary, down to the floor`() throws {
    try withScratch { folder in
      for (problem, modes, settings) in [
        ("heat", "Cosine modes", [String]()),
        ("wave", "Sine modes", ["grid.rows=24", "grid.columns=24", "time.end=10"]),
        ("allen-cahn", "Fourier modes", ["grid.rows=16", "grid.columns=16", "time.end=2"]),
      ] {
        let made = try Programs.run(
          "isotherm",
          ["integrate", "data/problems/\(problem).yaml", "-o", folder + "/" + problem]
            + settings.flatMap { ["--set", $0] })
        try #require(made.status == 0, "\(made.errors)")
        let image = "\(folder)/\(problem).png"
        let drawn = try plot(["spectrum", "\(folder)/\(problem).h5", "-o", image])
        #expect(drawn.status == 0, "\(drawn.errors)")
        #expect(try plot(["show", image]).output.contains(modes), "\(problem)")
        #expect(try plot(["verify", image]).status == 0)
      }
    }
  }
}
