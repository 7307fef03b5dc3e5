import Archive
import Foundation
import Testing

/// Archives in the hands of other people's programs.
@Suite struct ExportTests {
  private let folder: String
  private let run: String
  init() throws {
    folder = try Programs.scratch()
    run = folder + "/run.h5"
    let outcome = try Programs.run(
      "isotherm", ["train", Programs.study, "-o", run] + Programs.small)
    try #require(outcome.status == 0, "\(outcome.errors)")
  }

  private func archive(_ arguments: String...) throws -> Programs.Outcome {
    try Programs.run("isotherm-archive", arguments)
  }

  @Test func `exports are equal in NumPy, safetensors and netCDF, also from halves`() throws {
    for type in ["float32", "float16", "bfloat16"] {
      let source = "\(folder)/\(type).h5"
      let trained = try Programs.run(
        "isotherm",
        ["train", Programs.study, "-o", source] + Programs.small + [
          "--set", "capture.type=\(type)",
        ])
      try #require(trained.status == 0, "\(trained.errors)")
      #expect(trained.errors.contains("warning") == (type != "float32"))
      for (format, selection) in [("safetensors", []), ("npz", ["--select", "*"]), ("netcdf", [])] {
        let outcome = try Programs.run(
          "isotherm-archive",
          ["export", source, "--to", format, "-o", "\(folder)/\(type).\(format)"] + selection)
        #expect(outcome.status == 0, "\(outcome.errors)")
      }
      let result = try Programs.run(
        Programs.root + "/.venv/bin/python",
        [Programs.root + "/Tests/ProgramTests/compare-exports.py", source, "\(folder)/\(type)"])
      #expect(result.status == 0, "\(result.output)\(result.errors)")
    }
    let again = try archive("export", run, "--to", "npz", "-o", folder + "/float32.npz")
    #expect(again.status == 1)
    #expect(again.errors.contains("--force"))
  }

  @Test func `ncdump prints the header, with labels and units`() throws {
    guard let ncdump = Self.program("ncdump") else {
      return print("skipped: ncdump is not installed")
    }
    let outcome = try Programs.run(ncdump, ["-h", run])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("double loss(step)"))
    #expect(outcome.output.contains("loss:units = \"nat\""))
    #expect(!outcome.output.contains("phony_dim"))
  }

  @Test func `R's hdf5r reads the same shapes, units and sums`() throws {
    guard let rscript = Self.program("Rscript"),
      try Programs.run(rscript, ["-e", "library(hdf5r)"]).status == 0
    else { return print("skipped: R with hdf5r is not installed (apt: r-cran-hdf5r)") }
    let outcome = try Programs.run(
      rscript, [Programs.root + "/Tests/ProgramTests/open-with-r.R", run])
    #expect(outcome.status == 0, "\(outcome.errors)")
    try expectSums(outcome.output) { try RunReader(run).describe($0).units }
  }

  @Test func `Octave's netcdf package reads the same shapes, axes and sums`() throws {
    guard let octave = Self.program("octave-cli"),
      try Programs.run(octave, ["-q", "--eval", "pkg load netcdf"]).status == 0
    else { return print("skipped: Octave with netcdf is not installed (apt: octave-netcdf)") }
    let outcome = try Programs.run(
      octave, ["-q", Programs.root + "/Tests/ProgramTests/open-with-octave.m", run])
    #expect(outcome.status == 0, "\(outcome.errors)")
    try expectSums(outcome.output) {
      try RunReader(run).describe($0).axes.map(\.name).joined(separator: ",")
    }
  }

  /// Lines of name, shape, label and sum, against what we read.
  private func expectSums(_ text: String, label: (String) throws -> String) throws {
    let reader = try RunReader(run)
    var seen = 0
    for line in text.split(separator: "\n") {
      let cells = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      try #require(cells.count == 4, "\(line)")
      let array = try reader.describe("/" + cells[0])
      // Scales that only count carry no hash and are not ours to compare.
      guard array.sha256 != nil else { continue }
      #expect(cells[1] == array.shape.map(String.init).joined(separator: ","), "\(line)")
      #expect(try cells[2] == label("/" + cells[0]), "\(line)")
      let values = try reader.read("/" + cells[0], as: Double.self).elements
      let scale = values.map(abs).reduce(0, +)
      #expect(abs((Double(cells[3]) ?? .nan) - values.reduce(0, +)) <= 1e-8 * scale, "\(line)")
      seen += 1
    }
    let expected = try reader.paths().filter {
      try !$0.hasPrefix("/provenance") && reader.describe($0).type.isFloatingPoint
    }
    #expect(seen == expected.count)
  }

  private static func program(_ name: String) -> String? {
    let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
    return folders.map { "\($0)/\(name)" }.first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
  }

  @Test func `a folder tree is listed, filtered and sorted, with and without its cache`() throws {
    let tree = folder + "/tree/below"
    try FileManager.default.createDirectory(atPath: tree, withIntermediateDirectories: true)
    for seed in 1...3 {
      let outcome = try Programs.run(
        "isotherm",
        ["train", Programs.study, "-o", "\(tree)/s\(seed)", "--set", "seed=\(seed)"]
          + Programs.small)
      try #require(outcome.status == 0, "\(outcome.errors)")
    }
    try Data("not HDF5".utf8).write(to: URL(fileURLWithPath: folder + "/tree/foreign.h5"))
    func list(_ more: String...) throws -> [[String: String]] {
      let outcome = try Programs.run(
        "isotherm-archive",
        ["catalog", folder + "/tree", "--json", "--columns", "seed,test_accuracy,training.epochs"]
          + more)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.errors.contains("left out"))
      return try JSONDecoder().decode([[String: String]].self, from: Data(outcome.output.utf8))
    }
    let all = try list("--sort", "-seed")
    #expect(all.map { $0["seed"] } == ["3", "2", "1"])
    #expect(all.allSatisfy { $0["training.epochs"] == "1" })
    let cache = folder + "/tree/.isotherm-catalog.sqlite"
    #expect(FileManager.default.fileExists(atPath: cache))
    #expect(try list("--sort", "-seed") == all)
    #expect(try list("--where", "seed>1", "--where", "seed!=3").map { $0["seed"] } == ["2"])
    // The cache is never the truth: a damaged one is made anew, a removed archive is forgotten, a new one found.
    try Data("garbage, not SQLite, long enough to be a header of a page".utf8).write(
      to: URL(fileURLWithPath: cache))
    #expect(try list("--sort", "-seed") == all)
    try FileManager.default.removeItem(atPath: tree + "/s2.h5")
    try FileManager.default.moveItem(atPath: tree + "/s3.h5", toPath: tree + "/s9.h5")
    #expect(try list().compactMap { $0["path"]?.split(separator: "/").last } == ["s1.h5", "s9.h5"])
    #expect(try list("--no-cache").count == 2)
    let wrong = try archive("catalog", folder + "/tree", "--columns", "acuracy")
    #expect(wrong.status == 2)
    #expect(wrong.errors.contains("test_accuracy"))
  }
}
