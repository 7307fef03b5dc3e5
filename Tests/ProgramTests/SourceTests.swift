import Archive
import Foundation
import Testing

/// What a run, a fit or a summary was made from is what it says it was made from.
@Suite struct SourceTests {
  /// Changes of a file with h5py, and whether the values are others afterwards. Stored hashes stay as they are, so that they lie.
  private static let edits: [(name: String, code: String, isOther: Bool)] = [
    ("labels rolled", "l = f['samples/label']; l[...] = (l[()] + 1) % 4", true),
    ("one label", "f['samples/label'][0] = (f['samples/label'][0] + 1) % 4", true),
    ("one pixel", "i = f['samples/image']; i[-1, 7, 7] ^= 1", true),
    ("splits", "s = f['samples/split']; s[0] = 1", true),
    ("a class name", "f['classes/name'][0] = 'z'", true),
    ("an array no program reads", "f['samples/page'][3] = -1", true),
    ("an array more", "f['samples/extra'] = [1, 2, 3]", true),
    ("hash removed", "del f['samples/label'].attrs['logical_sha256']", false),
    (
      "all hashes removed",
      "f.visititems(lambda n, o: (o.attrs.pop('logical_sha256', None), None)[1])", false
    ),
    (
      "stored otherwise",
      "v = f['samples/image'][()]; a = dict(f['samples/image'].attrs); s = [f['samples/' + k] for k in ('sample', 'y', 'x')]; del f['samples/image']; i = f.create_dataset('samples/image', data=v, chunks=(3, 8, 8), compression=9); [i.dims[k].attach_scale(x) for k, x in enumerate(s)]; i.attrs['logical_sha256'] = a['logical_sha256']; i.attrs['long_name'] = a['long_name']; i.attrs['units'] = '1'",
      false
    ),
  ]

  private func edit(_ path: String, _ code: String) throws {
    let outcome = try Programs.run(
      Programs.root + "/.venv/bin/python",
      ["-c", "import h5py, sys\nwith h5py.File(sys.argv[1], 'r+') as f:\n    \(code)", path])
    try #require(outcome.status == 0, "\(outcome.errors)")
  }

  private func isotherm(_ arguments: [String], in folder: String, core: String? = nil) throws
    -> Programs.Outcome
  {
    try Programs.run(
      "/usr/bin/env",
      (core.map { ["OPENBLAS_CORETYPE=\($0)"] } ?? []) + [Programs.folder + "/isotherm"]
        + arguments,
      in: folder)
  }

  /// Leaves `out.run` as a run that was killed after some checkpoints.
  private func interrupt(_ arguments: [String], _ out: String, core: String? = nil) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Programs.folder + "/isotherm")
    process.arguments = arguments + ["-o", out, "--commit-seconds", "0.01"]
    process.currentDirectoryURL = URL(fileURLWithPath: (out as NSString).deletingLastPathComponent)
    process.environment = ProcessInfo.processInfo.environment.merging([
      "OPENBLAS_CORETYPE": core ?? ""
    ]) { $1 }.filter { !$0.value.isEmpty }
    (process.standardError, process.standardOutput) = (FileHandle.nullDevice, FileHandle.nullDevice)
    try process.run()
    while process.isRunning {
      let steps = try? RunReader(out + ".run").read("/checkpoints/step", as: Int32.self).elements
      if (steps ?? []).count > 2 { break }
      usleep(500)
    }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    try #require(!RunPlace(out).isSealed, "the run ended before it was killed")
  }

  private static let long = ["--set", "training.epochs=400"]

  @Test func `data are named by their values, whatever the file says of itself`() throws {
    try withScratch { folder in
      try SmallData.images(folder + "/original.h5")
      let train = ["train", try SmallData.study(folder), "--set", "training.epochs=1", "-o"]
      func reset() throws {
        try? FileManager.default.removeItem(atPath: folder + "/d.h5")
        try FileManager.default.copyItem(
          atPath: folder + "/original.h5", toPath: folder + "/d.h5")
      }
      try reset()
      let good = try isotherm(train + ["good"], in: folder)
      try #require(good.status == 0 && !good.errors.contains("warning"), "\(good.errors)")
      let name = try #require(try RunReader(folder + "/good").sources().first)
      // The values' own hash: that of the file as it was written.
      #expect(try name.sha256 == RunReader(folder + "/original.h5").logicalHash())
      for (number, (what, code, isOther)) in Self.edits.enumerated()
      where ResumeTests.isLong || number % 2 == 0 {
        try reset()
        try edit(folder + "/d.h5", code)
        let again = try isotherm(train + ["again", "--force"], in: folder)
        #expect(again.status == 0, "\(what): \(again.errors)")
        let source = try #require(try RunReader(folder + "/again").sources().first)
        #expect((source.sha256 != name.sha256) == isOther, "\(what)")
        let lies = isOther && what != "an array more"
        #expect(again.errors.contains("does not have the logical hash") == lies, "\(what)")
        let fit = try isotherm(
          ["fit", "good.h5", "-o", "f", "--force", "--set", "pde.models=[diffusion]"]
            + ["--set", "pde.samples=32", "--set", "pde.epochs=1"], in: folder)
        #expect((fit.status != 0) == isOther, "\(what): \(fit.errors)")
        if isOther { #expect(fit.errors.contains("the data set"), "\(what): \(fit.errors)") }
        // The run is there already, and not of these data.
        let complete = try isotherm(train + ["good", "--resume"], in: folder)
        #expect((complete.status != 0) == isOther, "\(what): \(complete.errors)")
      }
      let other = try isotherm(
        train + ["good", "--resume", "--set", "training.rate=1e-4"], in: folder)
      #expect(other.status == 2 && other.errors.contains("another configuration"))
    }
  }

  @Test func `a run goes on with the data, vocabulary and configuration it was begun with, or not`()
    throws
  {
    try withScratch { folder in
      try SmallData.images(folder + "/d.h5", train: 2000)
      try SmallData.passages(folder + "/t.h5", train: 800)
      try SmallData.vocabulary(folder + "/v.txt")
      let image = ["train", try SmallData.study(folder)] + Self.long
      let text =
        ["train", try SmallData.study(folder, text: true)] + Self.long
        + ["--set", "data.tokenizer=wordpiece", "--set", "data.vocabulary_file=v.txt"]
      for (arguments, file, reason) in [
        (image, "d.h5", "the data set"), (text, "t.h5", "the data set"),
        (text, "v.txt", "the vocabulary"),
      ] {
        let out = folder + "/r"
        try? FileManager.default.removeItem(atPath: out + ".run")
        try interrupt(arguments, out)
        let original = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + file))
        if file == "v.txt" {
          try SmallData.vocabulary(folder + "/v.txt", reversed: true)
        } else {
          try edit(folder + "/" + file, "f['samples/label'][1] = 1 - f['samples/label'][1] % 2")
        }
        let before = try FileManager.default.contentsOfDirectory(atPath: out + ".run").sorted()
        let refused = try isotherm(arguments + ["-o", out, "--resume"], in: folder)
        #expect(
          refused.status == 1 && refused.errors.contains("\(reason) ")
            && refused.errors.contains("is not the one it was begun with"), "\(refused.errors)")
        // A refusal takes nothing away.
        #expect(
          try FileManager.default.contentsOfDirectory(atPath: out + ".run").sorted() == before)
        try original.write(to: URL(fileURLWithPath: folder + "/" + file))
        let other = try isotherm(
          arguments + ["-o", out, "--resume", "--set", "training.rate=2e-3"], in: folder)
        #expect(
          other.status == 1 && other.errors.contains("another configuration")
            && other.errors.contains("rate"), "\(other.errors)")
      }
    }
  }

  @Test func `other kernels are refused, or named with the rows they computed`() throws {
    try withScratch { folder in
      try SmallData.images(folder + "/d.h5", train: 400)
      let arguments =
        ["train", try SmallData.study(folder), "--set", "training.epochs=30"]
      let out = folder + "/r"
      try interrupt(arguments, out, core: "Haswell")
      // Two kinds that any processor with AVX2 runs.
      let refused = try isotherm(arguments + ["-o", out, "--resume"], in: folder, core: "Zen")
      #expect(
        refused.status == 1 && refused.errors.contains("OPENBLAS_CORETYPE=Haswell"),
        "\(refused.errors)")
      let rows = try RunReader(out + ".run").read("/checkpoints/step", as: Int32.self).elements
      let mixed = try isotherm(
        arguments + ["-o", out, "--resume", "--other-kernels"], in: folder, core: "Zen")
      #expect(mixed.status == 0 && mixed.errors.contains("begun with Haswell, goes on with Zen"))
      let reader = try RunReader(out)
      #expect(try reader.readTexts("/provenance/blas_core") == ["Haswell; then Zen"])
      #expect(try reader.readTexts("/provenance/session_blas_core") == ["Haswell", "Zen"])
      let counts = try reader.readTexts("/provenance/session_rows").map {
        try JSONDecoder().decode([String: Int].self, from: Data($0.utf8))
      }
      #expect(counts[0] == [:])
      // A part may have been whole on disk before the index named it.
      let begun = try #require(counts[1]["checkpoint"])
      let steps = try reader.read("/checkpoints/step", as: Int32.self).elements
      try #require((rows.count...steps.count).contains(begun))
      #expect(counts[1] == ["checkpoint": begun, "step": Int(steps[begun - 1])])
      #expect(try reader.readTexts("/provenance/command")[0].contains("--resume") == false)
      // Two more processes of the same kernels, one of which leaves nothing, give the bits of a run never stopped.
      try interrupt(arguments, folder + "/same", core: "Haswell")
      let on = try isotherm(
        arguments + ["-o", "same", "--resume"], in: folder, core: "Haswell")
      let whole = try isotherm(arguments + ["-o", "whole"], in: folder, core: "Haswell")
      #expect(on.status == 0 && whole.status == 0, "\(on.errors)\(whole.errors)")
      let (a, b) = (try RunReader(folder + "/same"), try RunReader(folder + "/whole"))
      #expect(try a.logicalHash() == b.logicalHash())
      #expect(try a.readTexts("/provenance/blas_core") == ["Haswell"])
      #expect(try a.readTexts("/provenance/session_rows").count == 2)
      #expect(!b.contains("/provenance/session_rows"))
      // What is written anew or sealed by another program keeps it.
      let packed = try Programs.run(
        "isotherm-archive", ["repack", out, "-o", folder + "/packed"])
      if packed.status == 0 {
        #expect(
          try RunReader(folder + "/packed").readTexts("/provenance/session_blas_core")
            == ["Haswell", "Zen"])
      }
    }
  }

  @Test func `pieces of a vocabulary are archived, and tokens can be read by them`() throws {
    try withScratch { folder in
      try SmallData.passages(folder + "/t.h5")
      let study = try SmallData.study(folder, text: true)
      let arguments =
        ["train", study, "--set", "training.epochs=1", "--set", "data.tokenizer=wordpiece"]
        + ["--set", "data.vocabulary_file=v.txt", "--set", "capture.samples=20"]
      var tokens: [[Int32]] = []
      for ending in ["\n", "\r\n"] {
        try SmallData.vocabulary(folder + "/v.txt", ending: ending)
        let run = try isotherm(arguments + ["-o", "r", "--force"], in: folder)
        try #require(run.status == 0, "\(run.errors)")
        let reader = try RunReader(folder + "/r")
        let pieces = try reader.readTexts("/tokenizer/vocabulary")
        let text = try String(contentsOfFile: folder + "/v.txt", encoding: .utf8)
          .replacing("\r\n", with: "\n")
        #expect(pieces == text.split(separator: "\n").map(String.init))
        let sources = try reader.sources()
        let sum = try Programs.run("/usr/bin/sha256sum", [folder + "/v.txt"])
        #expect(sources.count == 2 && sources[1].path == "v.txt")
        #expect(sources.last.map { sum.output.hasPrefix($0.sha256) } == true)
        let own: [Int32] = try reader.read("/samples/token").elements
        let lengths: [Int32] = try reader.read("/samples/length").elements
        let texts = try reader.readTexts("/samples/text")
        for sample in 0..<20 {
          let words = own[sample * 16..<sample * 16 + Int(lengths[sample])].map {
            pieces[Int($0)]
          }
          let joined = words.joined(separator: " ").replacing(" ##", with: "")
          #expect(joined == texts[sample])
        }
        tokens.append(own)
      }
      #expect(tokens[0] == tokens[1])
      let fit =
        ["fit", "r.h5", "-o", "f", "--force", "--set", "pde.models=[diffusion]"]
        + ["--set", "pde.samples=32", "--set", "pde.epochs=1"]
      let right = try isotherm(fit, in: folder)
      #expect(right.status == 0, "\(right.errors)")
      try SmallData.vocabulary(folder + "/v.txt", reversed: true, ending: "\r\n")
      for command in [fit, ["perturb", "r.h5", "-o", "p"]] {
        let refused = try isotherm(command, in: folder)
        #expect(
          refused.status == 1 && refused.errors.contains("the vocabulary v.txt differs"),
          "\(refused.errors)")
      }
    }
  }

  @Test func `what was made from a run is not taken beside the run once that holds other values`()
    throws
  {
    try withScratch { folder in
      try SmallData.images(folder + "/d.h5")
      let run = try isotherm(
        ["train", try SmallData.study(folder), "--set", "capture.samples=32", "-o", "r"],
        in: folder)
      try #require(run.status == 0, "\(run.errors)")
      let small = ["pde.models=[autonomous]", "pde.samples=32", "pde.epochs=1"]
      let fit = try isotherm(
        ["fit", "r.h5", "-o", "f"] + small.flatMap { ["--set", $0] }, in: folder)
      try #require(fit.status == 0, "\(fit.errors)")
      let users: [(String, [String])] = [
        ("isotherm", ["perturb", "r.h5", "--fields", "f.h5", "-o", "p", "--force"]),
        ("isotherm", ["inform", "r.h5", "--fields", "f.h5", "-o", "i", "--force"]),
        ("isotherm-analyze", ["flow", "r.h5", "f.h5"]),
        ("isotherm-analyze", ["attention", "r.h5", "f.h5", "-o", "m", "--force"]),
      ]
      for (program, arguments) in users {
        let outcome = try Programs.run(program, arguments, in: folder)
        #expect(
          outcome.status == 0 && !outcome.errors.contains("logical hash"),
          "\(arguments): \(outcome.errors)")
      }
      try edit(folder + "/r.h5", "w = f['checkpoints/parameters/embed.weight']; w[-1] = w[-1] * 2")
      for (program, arguments) in users {
        let outcome = try Programs.run(program, arguments, in: folder)
        #expect(
          outcome.status == 1 && outcome.errors.contains("when that held other values"),
          "\(arguments): \(outcome.errors)")
      }
      // Made from the edited run, fields fit it again, and it is said what they were made from.
      let again = try isotherm(
        ["fit", "r.h5", "-o", "f", "--force"] + small.flatMap { ["--set", $0] }, in: folder)
      #expect(again.status == 0 && again.errors.contains("embed.weight does not have"))
      let flow = try Programs.run("isotherm-analyze", ["flow", "r.h5", "f.h5"], in: folder)
      #expect(flow.status == 0, "\(flow.errors)")
    }
  }

  @Test func `a figure drawn from edited values does not carry the old hash`() throws {
    try withScratch { folder in
      try SmallData.images(folder + "/d.h5")
      let run = try isotherm(["train", try SmallData.study(folder), "-o", "r"], in: folder)
      try #require(run.status == 0, "\(run.errors)")
      func plot(_ out: String) throws -> Programs.Outcome {
        try Programs.run("isotherm-plot", ["training", "r.h5", "-o", out], in: folder)
      }
      #expect(try plot("a.png").status == 0)
      let same = try Programs.run("isotherm-plot", ["verify", "a.png"], in: folder)
      #expect(same.status == 0 && !same.output.contains("changed"), "\(same.output)")
      // Too small a change to move a pixel.
      try edit(folder + "/r.h5", "l = f['progress/loss']; l[0] = l[0] + 1e-12")
      let other = try Programs.run("isotherm-plot", ["verify", "a.png"], in: folder)
      #expect((other.output + other.errors).contains("/progress/loss"), "\(other.output)")
    }
  }
}
