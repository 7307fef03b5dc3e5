import Archive
import Foundation
import Testing

@Suite struct PipelineTests {
  @Test func `the demo makes archives and figures, and other people's readers open them`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let demo = try Programs.run("isotherm", ["demo", "-o", folder + "/d"] + Programs.small)
    try #require(demo.status == 0, "\(demo.errors)")
    #expect(demo.output.contains("centred cosine"))
    #expect(demo.output.contains("untrained"))
    let files = try FileManager.default.contentsOfDirectory(atPath: folder + "/d").sorted()
    #expect(
      files == [
        "attention-network.png", "attention-pde.png", "fields.h5", "flow.png",
        "information-plane.png", "information.h5", "metrics-attention.h5",
        "metrics-bottleneck.h5", "metrics-flow.h5", "overview.png", "run.h5", "similarity.png",
        "training.png",
      ])
    for file in files { #expect(demo.output.contains(file)) }
    let archives = files.filter { $0.hasSuffix(".h5") }.map { folder + "/d/" + $0 }
    try expectInterop(
      archives
        + ["fashion-mnist-small.h5", "austen-small.h5"].map { Programs.root + "/data/" + $0 })
    // The analysis says the same again, from the files alone.
    let again = try Programs.run(
      "isotherm-analyze", ["attention", archives[0], folder + "/d/run.h5", "--json"])
    #expect(again.status == 0, "\(again.errors)")
    let document = try #require(
      try JSONSerialization.jsonObject(with: Data(again.output.utf8)) as? [String: Any])
    let rows = try #require(document["rows"] as? [[String: Any]])
    #expect(rows.count == 8)
    for row in rows {
      for key in ["pde", "uniform", "position", "untrained", "shuffled", "skill"] {
        #expect(row[key] is Double, "\(key)")
      }
    }
  }

  /// Opens files with h5py, xarray with both engines and netCDF4, and checks labels and values.
  private func expectInterop(_ files: [String]) throws {
    let python = Programs.root + "/.venv/bin/python"
    try #require(
      FileManager.default.fileExists(atPath: python), "run tools/test, which makes .venv")
    let result = try Programs.run(
      python, [Programs.root + "/Tests/ProgramTests/open-with-others.py"] + files)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    let acceptance = Programs.root + "/../shared/acceptance/interop.py"
    guard FileManager.default.fileExists(atPath: acceptance) else {
      print("skipped: the independent interop check is not beside this checkout")
      return
    }
    let independent = try Programs.run(python, [acceptance] + files)
    #expect(independent.status == 0, "\(independent.output)")
  }

  @Test func `the same seed gives the same bits with 1 and with 2 threads`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var hashes: [[String]] = []
    for (name, threads) in [("a", "1"), ("b", "2"), ("c", "2")] {
      let run = "\(folder)/\(name)"
      for arguments in [
        ["train", Programs.study, "-o", run] + Programs.small, ["fit", run, "-o", run + "-fields"],
        ["inform", run, "-o", run + "-information"],
      ] {
        let outcome = try Programs.run("isotherm", arguments + ["--threads", threads])
        try #require(outcome.status == 0, "\(outcome.errors)")
      }
      hashes.append(
        try ["", "-fields", "-information"].map { try RunReader(run + $0).logicalHash() })
    }
    #expect(hashes[0] == hashes[1])
    #expect(hashes[1] == hashes[2])
    let other = try Programs.run(
      "isotherm",
      ["train", Programs.study, "-o", folder + "/d", "--set", "seed=2"] + Programs.small)
    #expect(other.status == 0)
    #expect(try RunReader(folder + "/d").logicalHash() != hashes[0][0])
  }

  @Test func `the notebooks' blocks run as they stand`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    // A smaller study under the same name: programs look in the working folder first.
    try FileManager.default.createDirectory(
      atPath: folder + "/data/studies", withIntermediateDirectories: true)
    let study = """
      title: smaller
      seed: 1
      data: {modality: image, file: data/fashion-mnist-small.h5, patch: 7}
      model: {width: 16, heads: 2, layers: 3, mlp: 32}
      training: {epochs: 1, batch: 500, rate: 2.5e-3}
      capture: {samples: 24}
      pde: {samples: 32, epochs: 1}
      information: {resamples: 10, shuffles: 10}
      """
    try study.write(
      toFile: folder + "/data/studies/fashion-mnist.yaml", atomically: true, encoding: .utf8)
    // The plan of the paper with what is full cut down to a smoke test of one seed.
    let plan = try String(
      contentsOfFile: Programs.root + "/data/plans/paper.yaml", encoding: .utf8)
    let parts = plan.components(separatedBy: "  smoke:\n")
    let smoke = parts[1].components(separatedBy: "  small:\n")[0]
    let small =
      parts[0] + "  full:\n"
      + smoke.replacing("seeds: 2", with: "seeds: 1").replacing(
        "cases: [images]", with: "cases: [images, text]")
      + "studies:\n"
      + plan.components(separatedBy: "\nstudies:\n")[1].replacing(
        "seeds: {full: 5}", with: "seeds: {full: 1}"
      ).replacing("sizes: [smoke, full]", with: "sizes: [full]")
    try FileManager.default.createDirectory(
      atPath: folder + "/data/plans", withIntermediateDirectories: true)
    try small.write(
      toFile: folder + "/data/plans/paper.yaml", atomically: true, encoding: .utf8)
    let notebooks = try FileManager.default.contentsOfDirectory(
      atPath: Programs.root + "/notebooks-md"
        // What needs a Python of its own is run by PythonRecorderTests.
    ).filter { $0.hasSuffix(".md") && $0 != "11-from-pytorch.md" }.sorted()
    #expect(!notebooks.isEmpty)
    try OwnDataTests.makeSets(folder)
    // The README's session, from a folder of its own beside the data.
    let readme = try String(contentsOfFile: Programs.root + "/README.md", encoding: .utf8)
    let session = readme.split(separator: "\n").filter { $0.hasPrefix("$ ") }
    #expect(session.count == 6)
    for command in session.map({ String($0.dropFirst(2)) }) {
      let outcome = try Programs.run("/bin/bash", ["-euc", command], in: folder)
      #expect(outcome.status == 0, "README: \(command)\n\(outcome.errors)")
    }
    for file in try FileManager.default.contentsOfDirectory(atPath: folder)
    where !file.hasPrefix("own-") && (file.hasSuffix(".h5") || file.hasSuffix(".png")) {
      try FileManager.default.removeItem(atPath: folder + "/" + file)
    }
    for notebook in notebooks {
      let text = try String(
        contentsOfFile: Programs.root + "/notebooks-md/" + notebook, encoding: .utf8)
      let blocks = text.components(separatedBy: "```sh\n").dropFirst().map {
        $0.components(separatedBy: "```")[0]
      }
      #expect(!blocks.isEmpty, "\(notebook)")
      for block in blocks {
        let outcome = try Programs.run("/bin/bash", ["-euc", block], in: folder)
        #expect(outcome.status == 0, "\(notebook):\n\(block)\n\(outcome.errors)")
      }
    }
  }
}
