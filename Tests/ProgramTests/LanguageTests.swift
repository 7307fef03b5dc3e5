import Foundation
import Testing

/// The snippets of the languages page draw their figure from a run, where the language is installed.
@Suite struct LanguageTests {
  private static func block(_ language: String) throws -> String {
    let text = try String(
      contentsOfFile: Programs.root + "/notebooks-md/10-languages.md", encoding: .utf8)
    let parts = text.components(separatedBy: "```\(language)\n")
    try #require(parts.count == 2, "\(language)")
    // The demo's run has six layers, the small one two.
    return parts[1].components(separatedBy: "```")[0].replacing("attention.5", with: "attention.1")
  }

  private static func program(_ name: String) -> String? {
    ["/usr/bin/", "/usr/local/bin/"].map { $0 + name }.first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
  }

  private func expectImage(
    _ program: String?, _ arguments: [String], probe: [String], _ image: String, _ words: String
  ) throws {
    guard let program, try Programs.run(program, probe).status == 0 else {
      return print("skipped: \(words)")
    }
    try withScratch { folder in
      try SmallArchives.copy(to: folder)
      let outcome = try Programs.run(program, arguments, in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + image))
      #expect(bytes.count > 2000 && bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]))
    }
  }

  @Test func `Python draws the attention of a run`() throws {
    try expectImage(
      Programs.root + "/.venv/bin/python", ["-c", Self.block("python")],
      probe: ["-c", "import matplotlib, xarray, h5netcdf"], "attention-python.png",
      "matplotlib is not in .venv; tools/test puts it there")
  }

  @Test func `R draws the attention of a run`() throws {
    try expectImage(
      Self.program("Rscript"), ["-e", Self.block("r")], probe: ["-e", "library(hdf5r)"],
      "attention-r.png", "R with hdf5r is not installed (apt: r-cran-hdf5r)")
  }

  @Test func `Octave draws the attention of a run`() throws {
    try expectImage(
      Self.program("octave-cli"), ["-q", "--eval", Self.block("octave")],
      probe: ["-q", "--eval", "pkg load netcdf"], "attention-octave.png",
      "Octave with netcdf is not installed (apt: octave-netcdf)")
  }
}
