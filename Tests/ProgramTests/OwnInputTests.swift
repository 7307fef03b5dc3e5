import Foundation
import Testing

/// No command writes over what it reads, however input and output are spelled, `--force` or not.
@Suite struct OwnInputTests {
  /// A command: the file it reads, the file that an output of the same name would replace, and its arguments.
  struct Command: Sendable {
    let program: String
    /// Name of the input without `.h5`.
    let input: String
    let arguments: @Sendable (_ input: String, _ output: String) -> [String]
    var writesArchive = true
    /// Whether the input may be named as archives are, without `.h5`.
    var readsArchive = true
  }

  static let commands: [Command] = [
    Command(program: "isotherm", input: "run") { ["fit", $0, "-o", $1] },
    Command(program: "isotherm", input: "run") { ["inform", $0, "-o", $1] },
    Command(program: "isotherm", input: "run") { ["perturb", $0, "-o", $1] },
    Command(program: "isotherm", input: "fields") {
      ["perturb", "run.h5", "--fields", $0, "-o", $1]
    },
    Command(program: "isotherm", input: "fields") { ["inform", "run", "--fields", $0, "-o", $1] },
    Command(program: "isotherm", input: "fashion-mnist-small") {
      ["train", Programs.root + "/" + Programs.study, "--set", "data.file=\($0)", "-o", $1]
    },
    Command(program: "isotherm", input: "fashion-mnist-small") {
      ["fit", "run", "--set", "data.file=\($0)", "-o", $1]
    },
    Command(program: "isotherm", input: "austen-small") {
      ["tokenize", $0, "--vocabulary", "300", "-o", $1]
    },
    Command(
      program: "isotherm", input: "keras",
      arguments: { ["import", $0, "--weights-only", "-o", $1] }, readsArchive: false),
    Command(program: "isotherm", input: "net") {
      ["capture", $0, "--tokens", "ids.h5:/ids", "-o", $1]
    },
    Command(program: "isotherm", input: "ids") {
      ["capture", "net", "--tokens", $0 + ":/ids", "-o", $1]
    },
    Command(program: "isotherm", input: "ids") {
      ["capture", "net", "--tokens", "ids.h5:/ids", "--mask", $0 + ":/mask", "-o", $1]
    },
    Command(program: "isotherm-analyze", input: "net") { ["weights", $0, "-o", $1] },
    Command(program: "isotherm-analyze", input: "run") { ["flow", $0, "-o", $1] },
    Command(program: "isotherm-analyze", input: "fields") {
      ["attention", "run.h5", $0, "-o", $1]
    },
    Command(program: "isotherm-analyze", input: "run") { ["stability", $0, "-o", $1] },
    Command(program: "isotherm-analyze", input: "flow") {
      ["compare", $0, "fields.h5", "-o", $1]
    },
    Command(program: "isotherm-archive", input: "run") { ["repack", $0, "-o", $1] },
    Command(program: "isotherm-archive", input: "run") { ["merge", $0, "fields", "-o", $1] },
    Command(program: "isotherm-archive", input: "run") { ["merge", "fields", $0, "-o", $1] },
  ]

  static let files: [Command] =
    ["safetensors", "npz", "csv", "netcdf"].map { format in
      Command(
        program: "isotherm-archive", input: "flow",
        arguments: { ["export", $0, "--to", format, "-o", $1] }, writesArchive: false)
    }

  /// Ways to name `input.h5` in the working folder; each may need links that `prepare` makes.
  private static func spellings(_ input: String, _ folder: String, files: Bool) throws -> [String] {
    let manager = FileManager.default
    try manager.createDirectory(atPath: folder + "/x", withIntermediateDirectories: true)
    try manager.createSymbolicLink(
      atPath: folder + "/soft-\(input).h5", withDestinationPath: input + ".h5")
    try manager.createSymbolicLink(
      atPath: folder + "/twice-\(input).h5", withDestinationPath: "soft-\(input).h5")
    try manager.createSymbolicLink(atPath: folder + "/here", withDestinationPath: ".")
    try manager.linkItem(
      atPath: folder + "/\(input).h5", toPath: folder + "/hard-\(input).h5")
    let exact = [
      "\(input).h5", "./\(input).h5", "x/../\(input).h5", "\(folder)/\(input).h5",
      ".//\(input).h5", "soft-\(input).h5", "twice-\(input).h5", "hard-\(input).h5",
      "here/\(input).h5",
    ]
    return files ? exact : exact + [input, "\(input).run", "\(input).h5/", "x/../\(input)"]
  }

  private func snapshot(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { name in
      var status = stat()
      lstat(folder + "/" + name, &status)
      return
        "\(name) \(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    }
  }

  @Test(arguments: (commands + files).indices)
  func `an output that is an input is refused and nothing changes`(number: Int) throws {
    let command = (Self.commands + Self.files)[number]
    try withScratch { folder in
      try SmallArchives.copy(to: folder)
      let outputs = try Self.spellings(command.input, folder, files: !command.writesArchive)
      let before = try snapshot(folder)
      // Every way to spell the output, and for the plain output every way to spell the input.
      let pairs =
        outputs.map { (command.input + ".h5", $0) } + outputs.map { ($0, command.input + ".h5") }
      for (input, output) in pairs
      where
        !input.hasSuffix("/") && (command.readsArchive || input.hasSuffix(".h5"))
      {
        let errors = folder + ".err"
        defer { unlink(errors) }
        let ending = try RawProgram(
          command.program, command.arguments(input, output) + ["--force"], in: folder,
          errors: errors
        ).run()
        let text = try String(contentsOfFile: errors, encoding: .utf8)
        #expect(ending == .status(1), "\(input) -> \(output): \(text)")
        #expect(text.contains("cannot write") && text.contains("the input"), "\(text)")
        #expect(text.split(separator: "\n").count == 1, "\(text)")
        #expect(try snapshot(folder) == before, "\(input) -> \(output)")
      }
    }
  }

  @Test func `a folder of parts is not replaced by what is made from it`() throws {
    try withScratch { folder in
      let run = try Programs.run(
        "isotherm",
        ["train", Programs.study, "-o", folder + "/a", "--keep-parts"] + Programs.small)
      try #require(run.status == 0, "\(run.errors)")
      try FileManager.default.removeItem(atPath: folder + "/a.h5")
      let part = try #require(
        try FileManager.default.contentsOfDirectory(atPath: folder + "/a.run").first {
          $0.hasPrefix("part-")
        })
      for (program, arguments) in [
        ("isotherm", ["fit", "a.run", "-o", "a"]), ("isotherm", ["fit", "a", "-o", "a.h5"]),
        ("isotherm-archive", ["repack", "a.run", "-o", "a.run/index"]),
        ("isotherm-archive", ["repack", "a", "-o", "a.run/new"]),
        ("isotherm-archive", ["repack", "a.run/index.h5", "-o", "a"]),
        ("isotherm-archive", ["repack", "a", "-o", "a.run/" + part]),
        ("isotherm-archive", ["export", "a", "--to", "npz", "-o", "a.run/" + part]),
        ("isotherm-plot", ["training", "a", "-o", "a.run/x.png"]),
        ("isotherm-plot", ["report", "a", "-o", "a.run"]),
        ("isotherm-plot", ["report", "a", "-o", "."]),
      ] {
        let before = try snapshot(folder + "/a.run")
        let outcome = try Programs.run(program, arguments + ["--force"], in: folder)
        #expect(outcome.status == 1, "\(arguments)")
        #expect(outcome.errors.contains("the input"), "\(arguments): \(outcome.errors)")
        #expect(try snapshot(folder + "/a.run") == before, "\(arguments)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.run"])
      }
    }
  }

  /// Values of one file may lie in another: every way that HDF5 has for it.
  @Test(arguments: ["virtual", "external link", "external storage", "link to a link"])
  func `a file in which an input's values lie is not replaced`(way: String) throws {
    try withScratch { folder in
      try SmallArchives.copy(to: folder)
      let script = """
        import h5py, os, sys
        way = sys.argv[1]
        os.makedirs("parts")
        with h5py.File("parts/part.h5", "w") as f: f["x"] = [1., 2., 3., 4.]
        with h5py.File("between.h5", "w") as f: f["x"] = h5py.ExternalLink("parts/part.h5", "/x")
        with h5py.File("whole.h5", "w") as f:
            f.attrs["isotherm_layout"] = 1; f.attrs["kind"] = "metrics"
            group = f.create_group("deep/er")
            if way == "virtual":
                layout = h5py.VirtualLayout(shape=(4,), dtype="f8")
                layout[:] = h5py.VirtualSource("parts/part.h5", "x", shape=(4,))
                group.create_virtual_dataset("x", layout)
            elif way == "external link": group["x"] = h5py.ExternalLink("parts/part.h5", "/x")
            elif way == "link to a link": group["x"] = h5py.ExternalLink("between.h5", "/x")
            else:
                group.create_dataset("x", (4,), "f8", external=[("parts/part.h5", 0, 32)])
        """
      let python = Programs.root + "/.venv/bin/python"
      guard FileManager.default.isExecutableFile(atPath: python) else {
        print("skipped: no Python with h5py in .venv; tools/setup makes it")
        return
      }
      let made = try Programs.run(python, ["-c", script, way], in: folder)
      try #require(made.status == 0, "\(made.errors)")
      let before = try snapshot(folder + "/parts")
      for output in ["parts/part.h5", "./parts/../parts/part"] {
        let outcome = try Programs.run(
          "isotherm-archive", ["repack", "whole.h5", "-o", output, "--force"], in: folder)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("the input whole.h5 shows data"), "\(outcome.errors)")
      }
      #expect(try snapshot(folder + "/parts") == before)
    }
  }

  /// What cannot be an archive or a picture, and what is somebody else's.
  @Test func `a folder, a pipe, a device and other people's files are not replaced`() throws {
    try withScratch { folder in
      try SmallArchives.copy(to: folder)
      let manager = FileManager.default
      try manager.createDirectory(atPath: folder + "/a.h5", withIntermediateDirectories: true)
      try manager.createDirectory(atPath: folder + "/b.run", withIntermediateDirectories: true)
      try "mine".write(toFile: folder + "/b.run/thesis.txt", atomically: true, encoding: .utf8)
      try manager.createDirectory(atPath: folder + "/dir", withIntermediateDirectories: true)
      mkfifo(folder + "/pipe", 0o600)
      mkfifo(folder + "/p.h5", 0o600)
      try "notes".write(toFile: folder + "/notes.h5", atomically: true, encoding: .utf8)
      let before = try snapshot(folder)
      for output in [
        "a", "a.h5", "b", "b.run", "dir", "dir/", "pipe", "p", "p.h5", "/dev/null", "notes", ".",
        "..",
        "", "/", "./", "nowhere/x",
      ] {
        for (program, arguments) in [
          ("isotherm-analyze", ["flow", "run", "fields", "-o", output]),
          ("isotherm-archive", ["repack", "flow", "-o", output]),
          ("isotherm", ["perturb", "run", "-o", output]),
        ] {
          let outcome = try Programs.run(program, arguments + ["--force"], in: folder)
          #expect(outcome.status == 1, "\(arguments): \(outcome.errors)")
          #expect(
            outcome.errors.contains("cannot write") || outcome.errors.contains("not replaced"))
          #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
        }
      }
      for output in ["a.h5", "dir", "dir/", "pipe", "/dev/null", ".", "", "nowhere/x"] {
        let outcome = try Programs.run(
          "isotherm-archive", ["export", "flow", "--to", "npz", "-o", output, "--force"], in: folder
        )
        #expect(outcome.status == 1, "\(output): \(outcome.errors)")
        #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
      }
      #expect(try snapshot(folder) == before)
      #expect(FileManager.default.fileExists(atPath: "/dev/null.h5") == false)
    }
  }

  @Test func `frames do not replace the animation, nor pictures that are there`() throws {
    try withScratch { folder in
      try SmallArchives.copy(to: folder)
      let arguments = ["animate", "field", "solution.h5", "--frames", "f", "--dpi", "20"]
      let clash = try Programs.run(
        "isotherm-plot", arguments + ["-o", "./f/00000.png"], in: folder)
      #expect(clash.status == 1)
      #expect(clash.errors.contains("the same command writes"), "\(clash.errors)")
      try "mine".write(toFile: folder + "/f/00001.png", atomically: true, encoding: .utf8)
      let taken = try Programs.run("isotherm-plot", arguments + ["-o", "a.png"], in: folder)
      #expect(taken.status == 1)
      #expect(taken.errors.contains("f/00001.png exists already"), "\(taken.errors)")
      #expect(try String(contentsOfFile: folder + "/f/00001.png", encoding: .utf8) == "mine")
    }
  }
}
