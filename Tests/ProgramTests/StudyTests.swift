import Archive
import Foundation
import Testing

/// `isotherm study` and what its archives are pooled with.
@Suite struct StudyTests {
  private func study(_ name: String, _ folder: String, _ more: [String] = []) throws
    -> Programs.Outcome
  {
    try Programs.run("isotherm", ["study", name, "--size", "smoke", "-o", folder] + more)
  }

  @Test func `studies are made, kept, mended and summed up`() throws {
    try withScratch { folder in
      let first = try study("bottleneck", folder + "/s", ["--json"])
      #expect(first.status == 0, "\(first.errors)")
      let document = try #require(
        try JSONSerialization.jsonObject(with: Data(first.output.utf8)) as? [String: Any])
      #expect(document["made"] as? Int == 9 && document["kept"] as? Int == 0)
      // The second study takes run and equation of the first.
      let second = try study("gradients", folder + "/s")
      #expect(
        second.status == 0 && second.output.contains("3 archives made, 4 kept"), "\(second.errors)")
      #expect(second.output.contains("gradients/log_ratio_last"))
      let again = try study("gradients", folder + "/s")
      #expect(again.output.contains("0 archives made, 7 kept"), "\(again.errors)")
      // What is gone is made again, and what was made from it.
      try FileManager.default.removeItem(atPath: folder + "/s/images/plain/seed-2/task.h5")
      let mended = try study("gradients", folder + "/s")
      #expect(mended.output.contains("3 archives made, 4 kept"), "\(mended.output)")
      try checkSummary(folder + "/s/summary/gradients-images.h5")
      try checkDataset(folder)
      try checkReaders(folder)
      let other = try Programs.run(
        "isotherm", ["study", "gradients", "--size", "small", "-o", folder + "/s"])
      #expect(other.status == 2 && other.errors.contains("choose another folder with -o"))
    }
  }

  /// Means and intervals over two seeds, against the seeds' own files.
  private func checkSummary(_ path: String) throws {
    let folder = (path as NSString).deletingLastPathComponent + "/../images/plain"
    let values = try (1...2).map {
      try RunReader("\(folder)/seed-\($0)/gradients.h5")
        .read("/metrics/gradients/log_state_last", as: Double.self)
    }
    let summary = try RunReader(path)
    let name = "/comparison/gradients/log_state_last"
    let mean = try summary.read(name, as: Double.self)
    let upper = try summary.read(name + "_upper", as: Double.self)
    let seeds = try summary.read(name + "_seeds", as: Double.self)
    #expect(mean.shape == [1] + values[0].shape && seeds.shape == [1, 2] + values[0].shape)
    #expect(seeds.elements == values[0].elements + values[1].elements)
    for index in mean.elements.indices {
      let (a, b) = (values[0].elements[index], values[1].elements[index])
      #expect(abs(mean.elements[index] - (a + b) / 2) < 1e-12)
      // Of two values, the standard error is half their distance.
      #expect(abs(upper.elements[index] - (a + b) / 2 - 12.7062 * abs(a - b) / 2) < 1e-3)
    }
    let shown = try Programs.run(
      "isotherm-analyze", ["compare", path, "--metric", "log_ratio_last", "--markdown"])
    #expect(shown.output.contains("| network | autonomous | modulated |"))
    func cells(_ place: String) throws -> Programs.Outcome {
      try Programs.run(
        "isotherm-analyze",
        ["compare", path, "--metric", "log_state_last", "--where", place, "--markdown"])
    }
    let column = try cells("depth_time=1")
    #expect(column.output.contains("| trajectory | depth time 1 |\n|---|---|\n| network |"))
    let row = try cells("trajectory=network")
    #expect(row.output.contains("| network |") && !row.output.contains("| autonomous |"))
    let misspelt = try cells("trajectory=netwrok")
    #expect(
      misspelt.status == 2
        && misspelt.errors.contains("the places along trajectory are network, autonomous"))
    let unknown = try Programs.run("isotherm-analyze", ["compare", path, "--metric", "nothing"])
    #expect(unknown.status == 1 && unknown.errors.contains("gradients/log_ratio_last"))
  }

  /// The study as one labelled tree, opened with xarray.
  private func checkDataset(_ folder: String) throws {
    let script = """
      import sys, xarray
      for engine in ("h5netcdf", "netcdf4"):
          tree = xarray.open_datatree(sys.argv[1], engine=engine)
          u = tree["images/plain/seed-2/task/fields/modulated"]["u"]
          assert u.dims == ("depth_time", "sample", "y", "x", "channel"), u.dims
          assert "modulated equation" in u.attrs["long_name"] and u.attrs["units"] == "1"
          stream = tree["images/plain/seed-1/run/activations/residual.1.post"]["values"]
          assert stream.dims == ("checkpoint", "sample", "position", "channel") and stream.shape[0] == 1
          assert not any(str(d).startswith("phony") for g in tree.subtree for d in g.dims)
      """
    let tool = Programs.root + "/tools/export-dataset"
    let packed = try Programs.run(
      tool, [folder + "/s", "-o", folder + "/set.h5", "--variant", "plain", "--last"])
    #expect(packed.status == 0, "\(packed.errors)")
    let opened = try Programs.run(
      Programs.root + "/.venv/bin/python", ["-c", script, folder + "/set.h5"])
    #expect(opened.status == 0, "\(opened.errors)")
    let card = try String(contentsOfFile: folder + "/set.md", encoding: .utf8)
    for words in ["## Licence", "MIT, Zalando SE", "isotherm train", "depth_time x sample"] {
      #expect(card.contains(words), "\(words)")
    }
    let again = try Programs.run(tool, [folder + "/s", "-o", folder + "/set.h5"])
    #expect(again.status == 1 && again.errors.contains("pass --force"))
    let none = try Programs.run(tool, [folder + "/s", "-o", folder + "/t.h5", "--case", "sounds"])
    #expect(none.status == 1 && none.errors.contains("isotherm study NAME"))
  }

  /// Metrics, summary and tables again, by the reading programs in a folder where there is no producer.
  private func checkReaders(_ folder: String) throws {
    let readers = folder + "/readers"
    try FileManager.default.createDirectory(
      atPath: readers, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: Programs.folder + "/isotherm-analyze", toPath: readers + "/isotherm-analyze")
    func analyze(_ arguments: [String]) throws -> String {
      let outcome = try Programs.run(readers + "/isotherm-analyze", arguments)
      #expect(outcome.status == 0, "\(outcome.errors)")
      return outcome.output
    }
    for seed in 1...2 {
      let archives = folder + "/s/images/plain/seed-\(seed)"
      let again = folder + "/again-\(seed)"
      _ = try analyze(
        ["gradients", archives + "/run.h5", archives + "/task.h5", "-o", again])
      let (now, then) = (try RunReader(again), try RunReader(archives + "/gradients.h5"))
      #expect(try now.logicalHash() == then.logicalHash())
    }
    _ = try analyze(
      ["compare", folder + "/again-1.h5", folder + "/again-2.h5", "-o", folder + "/again"])
    let first = folder + "/s/summary/gradients-images.h5"
    #expect(try RunReader(folder + "/again").logicalHash() == RunReader(first).logicalHash())
    // Without the equations the same axis means something else: nothing is pooled under wrong names.
    _ = try analyze(
      ["gradients", folder + "/s/images/plain/seed-1/run.h5", "-o", folder + "/bare"])
    let mixed = try Programs.run(
      readers + "/isotherm-analyze",
      ["compare", folder + "/bare.h5", folder + "/again-2.h5", "-o", folder + "/mixed"])
    #expect(mixed.status == 1 && mixed.errors.contains("compare them apart"), "\(mixed.errors)")
    #expect(
      try analyze(["compare", folder + "/again.h5", "--markdown"])
        == analyze(["compare", first, "--markdown"]))
  }

  @Test func `a study tells which data set and which case it lacks`() throws {
    try withScratch { folder in
      let plan = try String(
        contentsOfFile: Programs.root + "/data/plans/paper.yaml", encoding: .utf8
      ).replacing("fetched/fashion-mnist.h5", with: "fetched/not-fetched.h5")
      try plan.write(toFile: folder + "/plan.yaml", atomically: true, encoding: .utf8)
      func study(_ name: String, _ more: [String]) throws -> Programs.Outcome {
        try Programs.run("isotherm", ["study", name, "-o", folder + "/s"] + more)
      }
      let lacking = try study(
        folder + "/plan.yaml", ["--size", "full", "--case", "text", "--case", "images-60000"])
      #expect(lacking.status == 1 && lacking.errors.contains("tools/fetch-data --full makes it"))
      #expect(!FileManager.default.fileExists(atPath: folder + "/s"))
      let listed = try study(
        folder + "/plan.yaml", ["--size", "full", "--case", "text", "--dry-run"])
      #expect(listed.output.contains("/text/plain/") && !listed.output.contains("/images"))
      let unknown = try study("attention", ["--case", "images-60000"])
      #expect(
        unknown.status == 2
          && unknown.errors.contains("at --size small the plan has images, text"))
      let nothing = try study("stable-rate", ["--case", "text"])
      #expect(nothing.status == 2 && nothing.errors.contains("no variants for --case text"))
    }
  }

  @Test func `an interrupted study goes on`() throws {
    try withScratch { folder in
      let process = Process()
      process.executableURL = URL(fileURLWithPath: Programs.folder + "/isotherm")
      process.arguments = ["study", "gradients", "--size", "smoke", "-o", folder + "/s"]
      process.currentDirectoryURL = URL(fileURLWithPath: Programs.root)
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      while !FileManager.default.fileExists(
        atPath: folder + "/s/images/plain/seed-1/run.run/index.h5"),
        process.isRunning
      { usleep(1000) }
      process.interrupt()
      process.waitUntilExit()
      #expect(process.terminationStatus == 130)
      // The other run as if it had been killed before its first commit.
      let second = folder + "/s/images/plain/seed-2"
      for end in [".h5", ".run"] {
        try? FileManager.default.removeItem(atPath: second + "/run" + end)
      }
      try FileManager.default.createDirectory(
        atPath: second + "/run.run", withIntermediateDirectories: true)
      let again = try study("gradients", folder + "/s")
      #expect(again.status == 0, "\(again.errors)")
      #expect(try RunReader(folder + "/s/images/plain/seed-1/run.h5").kind == .run)
    }
  }

  @Test func `variants are told apart by what differs in their configuration`() throws {
    try withScratch { folder in
      try """
      cases:
        images: {study: data/studies/fashion-mnist.yaml, set: {run: [model.width=16, model.layers=2, model.mlp=32, model.heads=2, training.epochs=1, training.batch=500, capture.samples=16, "capture.taps=[residual.0.pre, residual.*.post]"]}}
      steps:
        run: {command: train}
        stability: {analyze: stability, from: [run]}
      sizes: {tiny: {seeds: 1}}
      studies:
        norms:
          steps: [run, stability]
          headline: [stability/test_accuracy]
          variants:
            pre: {}
            wild: {set: {run: [model.norm=none, training.rate=100, training.clip=1e9, training.divergence=record]}}
      """.write(toFile: folder + "/plan.yaml", atomically: true, encoding: .utf8)
      let made = try Programs.run(
        "isotherm", ["study", folder + "/plan.yaml", "--size", "tiny", "-o", folder + "/s"])
      #expect(made.status == 0, "\(made.errors)")
      #expect(made.output.contains("norm none, clip 1000000000.0"), "\(made.output)")
      let checked = try Programs.run(
        "isotherm-archive", ["check", folder + "/s/summary/norms-images.h5"])
      #expect(checked.status == 0, "\(checked.output)")
      let metrics = try RunReader(folder + "/s/images/wild/seed-1/stability.h5")
      #expect(try metrics.read("/metrics/stability/diverged", as: Double.self).elements == [1])
      let run = try RunReader(folder + "/s/images/wild/seed-1/run.h5")
      let losses = try run.read("/progress/loss", as: Double.self).elements
      let norms = try run.read("/progress/gradient_norm", as: Double.self).elements
      #expect(losses.last?.isFinite == false || norms.last?.isFinite == false)
      #expect((norms.dropLast() + losses.dropLast()).allSatisfy(\.isFinite) && losses.count < 20)
      let wrong = try String(contentsOfFile: folder + "/plan.yaml", encoding: .utf8)
        .replacing("from: [run]", with: "from: [runn]")
      try wrong.write(toFile: folder + "/wrong.yaml", atomically: true, encoding: .utf8)
      let refused = try Programs.run(
        "isotherm", ["study", folder + "/wrong.yaml", "-o", folder + "/t"])
      #expect(refused.status == 2 && refused.errors.contains("there is no step runn; known: run"))
    }
  }

  /// A plan of two seeds on the images in `d.h5`, whose runs are fitted and measured.
  private func ownPlan(_ folder: String) throws -> String {
    try SmallData.images(folder + "/d.h5")
    _ = try SmallData.study(folder)
    try """
    cases: {own: {study: "\(folder)/image.yaml"}}
    steps:
      run: {command: train}
      stability: {analyze: stability, from: [run]}
    sizes: {small: {seeds: 2}}
    studies:
      mine: {title: Mine, steps: [run, stability], headline: [stability/test_accuracy]}
    """.write(toFile: folder + "/plan.yaml", atomically: true, encoding: .utf8)
    return folder + "/plan.yaml"
  }

  @Test func `archives of other data are not kept, and not pooled`() throws {
    try withScratch { folder in
      let plan = try ownPlan(folder)
      func study(_ out: String) throws -> Programs.Outcome {
        try Programs.run("isotherm", ["study", plan, "-o", folder + "/" + out])
      }
      let first = try study("s")
      try #require(first.status == 0, "\(first.errors)")
      #expect(try study("s").output.contains("0 archives made, 5 kept"))
      let plain = folder + "/s/own/plain"
      // The same values, written anew: nothing is to be done. Other values: whether seed 2 is there or not, seed 1 is not kept.
      try SmallData.images(folder + "/d.h5")
      #expect(try study("s").output.contains("0 archives made, 5 kept"))
      try SmallData.images(folder + "/d.h5", shift: 1)
      for _ in 0..<2 {
        let refused = try study("s")
        #expect(
          refused.status == 1 && refused.errors.contains("was trained on another data set than"),
          "\(refused.errors)")
        try? FileManager.default.removeItem(atPath: plain + "/seed-2/run.h5")
      }
      let other = try study("t")
      #expect(other.status == 0, "\(other.errors)")
      try comparePools(folder)
      // An input that was edited is not what its analysis was made from.
      try SmallData.images(folder + "/d.h5")
      let back = try study("s")
      #expect(back.status == 0 && back.output.contains("3 archives made, 2 kept"), "\(back.output)")
      let edited = try Programs.run(
        Programs.root + "/.venv/bin/python",
        [
          "-c",
          "import h5py, sys\nf = h5py.File(sys.argv[1], 'r+')\nf['checkpoints/test_accuracy'][-1] = 0.5",
          plain + "/seed-1/run.h5",
        ])
      try #require(edited.status == 0, "\(edited.errors)")
      let mended = try study("s")
      #expect(
        mended.output.contains("2 archives made, 3 kept")
          && mended.errors.contains("test_accuracy"),
        "\(mended.output)\(mended.errors)")
      // Without the data set nobody can tell; what is there is kept, and that is said.
      try FileManager.default.moveItem(atPath: folder + "/d.h5", toPath: folder + "/gone.h5")
      let without = try study("s")
      #expect(
        without.status == 0 && without.errors.contains("whether it has changed or not"),
        "\(without.errors)")
    }
  }

  /// Seeds of two data sets set side by side, and a file that does not say what its run was trained on.
  private func comparePools(_ folder: String) throws {
    func compare(_ files: [String]) throws -> Programs.Outcome {
      try Programs.run(
        "isotherm-analyze", ["compare"] + files + ["-o", folder + "/c", "--force"])
    }
    let (one, two) = (
      folder + "/s/own/plain/seed-1/stability.h5", folder + "/t/own/plain/seed-2/stability.h5"
    )
    let mixed = try compare([one, two])
    #expect(mixed.status == 0 && mixed.errors.contains("not pooled"), "\(mixed.errors)")
    let summary = try RunReader(folder + "/c")
    #expect(try summary.describe("/comparison/variant_name").shape == [2])
    #expect(
      try summary.readTexts("/comparison/variant_name").allSatisfy { $0.hasPrefix("data ") })
    let same = try compare([folder + "/t/own/plain/seed-1/stability.h5", two])
    #expect(same.status == 0 && !same.errors.contains("warning"), "\(same.errors)")
    #expect(try RunReader(folder + "/c").describe("/comparison/variant_name").shape == [1])
    // Made by another program, and by one that does not say what of.
    for (change, words) in [
      ("t.replace('run: \"0.1.0', 'run: \"0.0.9')", "made by different programs"),
      ("t.replace('  data:', '  other:')", "do not say what their runs were trained on"),
    ] {
      let script = """
        import h5py, sys
        with h5py.File(sys.argv[1], 'r+') as f:
            d = f['provenance/configuration']; t = d[()].decode(); n = dict(d.attrs)
            assert \(change) != t
            del f['provenance/configuration']
            f['provenance/configuration'] = \(change)
            del f['provenance/source_path']
            f['provenance/source_path'] = ['gone.h5']
        """
      try FileManager.default.copyItem(atPath: two, toPath: folder + "/edited.h5")
      let edited = try Programs.run(
        Programs.root + "/.venv/bin/python", ["-c", script, folder + "/edited.h5"])
      try #require(edited.status == 0, "\(edited.errors)")
      let told = try compare([
        folder + "/t/own/plain/seed-1/stability.h5", folder + "/edited.h5",
      ])
      #expect(told.status == 0 && told.errors.contains(words), "\(told.errors)")
      try FileManager.default.removeItem(atPath: folder + "/edited.h5")
    }
  }

  @Test func `a run made again has the same bits; other processors' kernels change rounding alone`()
    throws
  {
    try withScratch { folder in
      let steps = ["training.epochs=2", "training.batch=250"].flatMap { ["--set", $0] }
      func train(_ name: String, _ environment: [String]) throws -> RunReader {
        let outcome = try Programs.run(
          "/usr/bin/env",
          environment + [Programs.folder + "/isotherm", "train", Programs.study]
            + Programs.small + steps + ["-o", folder + "/" + name])
        try #require(outcome.status == 0, "\(outcome.errors)")
        return try RunReader(folder + "/" + name)
      }
      let (first, again) = (try train("first", []), try train("again", []))
      #expect(try first.logicalHash() == again.logicalHash())
      // Kernels that any processor with AVX2 has.
      let other = try train("other", ["OPENBLAS_CORETYPE=Haswell"])
      let pinned = try train("pinned", ["OPENBLAS_CORETYPE=Haswell"])
      #expect(try other.logicalHash() == pinned.logicalHash())
      let core = try other.readTexts("/provenance/blas_core")
      #expect(core == ["Haswell"])
      // Zen without AVX-512 takes Haswell's kernels under its own name.
      if try !["Haswell", "Zen"].contains(first.readTexts("/provenance/blas_core").first) {
        #expect(try first.logicalHash() != other.logicalHash())
      }
      let (one, two) = try (
        first.read("/progress/loss", as: Double.self).elements,
        other.read("/progress/loss", as: Double.self).elements
      )
      #expect(one.count == 80 && two.count == 80)
      #expect(zip(one, two).allSatisfy { abs($0 - $1) < 1e-4 })
    }
  }
}
