import Foundation
import Testing

/// What else was captured changes nothing of what is made from maps and states.
@Suite struct CaptureTests {
  /// Trains, fits, analyses and draws in `folder`; returns what was printed, and the pixels of each figure as they are stored.
  private func outcome(_ taps: String, in folder: String) throws -> [String: Data] {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try SmallData.images(folder + "/d.h5")
    _ = try SmallData.study(folder)
    var found: [String: Data] = [:]
    for (program, arguments) in [
      ("isotherm", ["train", "image.yaml", "-o", "run", "--set", "capture.taps=\(taps)"]),
      (
        "isotherm",
        ["fit", "run", "-o", "fields", "--set", "pde.models=[autonomous]"]
          + ["pde.samples=32", "pde.epochs=1"].flatMap { ["--set", $0] }
      ),
      ("isotherm-analyze", ["attention", "run", "fields", "--json"]),
      ("isotherm-analyze", ["flow", "run", "fields", "--json"]),
      ("isotherm", ["inform", "run", "-o", "i", "--json", "--set", "information.taps=attention"]),
      ("isotherm-plot", ["attention", "run", "-o", "attention.png"]),
      ("isotherm-plot", ["attention-rollout", "run", "-o", "rollout.png"]),
    ] {
      let outcome = try Programs.run(program, arguments, in: folder)
      try #require(outcome.status == 0, "\(arguments): \(outcome.errors)")
      if arguments.contains("--json") {
        found[arguments[0]] = Data(outcome.output.utf8)
      }
    }
    for name in ["attention", "rollout"] {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/\(name).png"))
      found[name + ".png"] = Self.chunks(["IHDR", "IDAT"], of: bytes)
    }
    return found
  }

  /// The content of the chunks of a PNG file that are called `names`.
  private static func chunks(_ names: Set<String>, of file: Data) -> Data {
    var (content, start) = (Data(), 8)
    while start + 12 <= file.count {
      let length = file[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
      let name = String(decoding: file[start + 4..<start + 8], as: UTF8.self)
      if names.contains(name), start + 8 + length <= file.count {
        content += file[start + 8..<start + 8 + length]
      }
      start += 12 + length
    }
    return content
  }

  @Test func `scores and gradients beside the maps count as no layers`() throws {
    try withScratch { folder in
      let taps = "residual.0.pre, residual.*.post, attention.*.map"
      let plain = try outcome("[\(taps)]", in: folder + "/plain")
      let more = try outcome(
        "[\(taps), {tap: attention.*.scores, samples: 7}, gradient.attention.*.map, mlp.*.hidden, "
          + "attention.*.values]",
        in: folder + "/more")
      #expect(plain.count == 5)
      for (name, content) in plain {
        #expect(!content.isEmpty)
        #expect(more[name] == content, "\(name)")
      }
    }
  }
}
