import Archive
import Foundation
import Testing

/// `isotherm capture` on networks that were trained here: what training captured comes out again, over any samples.
@Suite struct TrainedCaptureTests {
  private let folder: String

  init() throws { folder = try Programs.scratch() }

  private func isotherm(_ arguments: [String]) throws -> Programs.Outcome {
    try Programs.run("isotherm", arguments, in: folder)
  }

  @discardableResult
  private func succeed(_ program: String, _ arguments: [String]) throws -> Programs.Outcome {
    let outcome = try Programs.run(program, arguments, in: folder)
    try #require(outcome.status == 0, "\(arguments): \(outcome.errors)")
    return outcome
  }

  private func python(_ script: String) throws {
    let outcome = try Programs.run(
      Programs.root + "/.venv/bin/python", ["-c", script], in: folder)
    try #require(outcome.status == 0, "\(outcome.errors)")
  }

  private func train(isText: Bool, _ settings: [String]) throws {
    try SmallData.images(folder + "/d.h5")
    try SmallData.passages(folder + "/t.h5", shortest: 2)
    let all = ["capture.taps=[\"*\"]", "training.epochs=1"] + settings
    try succeed(
      "isotherm",
      ["train", SmallData.study(folder, text: isText), "-o", "run"]
        + all.flatMap { ["--set", $0] })
  }

  /// Compares every array of a capture with the last checkpoint of the run, sample by sample by index, where both have it.
  private func compare(_ capture: String, bound: Double = 1e-5) throws {
    let (run, other) = (try RunReader(folder + "/run"), try RunReader(folder + "/" + capture))
    let last = try run.describe("/checkpoints/step").shape[0] - 1
    let index = try other.read("/samples/index", as: Int32.self).elements
    let rows = try run.read("/samples/index", as: Int32.self).elements.map { wanted in
      try #require(index.firstIndex(of: wanted))
    }
    let paths = try run.paths().filter {
      ($0.hasPrefix("/activations/") || $0.hasPrefix("/attention/")) && $0.hasSuffix("/values")
    }
    #expect(paths.count > 15)
    for path in paths {
      let (a, b) = (try run.describe(path), try other.describe(path))
      #expect(a.axes.map(\.name) == b.axes.map(\.name), "\(path)")
      #expect(a.shape.dropFirst(2) == b.shape.dropFirst(2), "\(path)")
      let left = try run.readRow(path, last, as: Float.self).elements
      let right = try other.readRow(path, 0, as: Float.self).elements
      let size = left.count / rows.count
      for (place, row) in rows.enumerated() {
        let (x, y) = (left[place * size..<(place + 1) * size], right[row * size..<(row + 1) * size])
        let worst =
          zip(x, y).map { abs(Double($0) - Double($1)) / max(1, abs(Double($1))) }.max() ?? 0
        #expect(worst <= bound, "\(path), sample \(index[row]): \(worst)")
      }
    }
  }

  static let forms: [(isText: Bool, settings: [String])] = [
    (false, []),
    (false, ["model.pool=class", "model.positions=rotary", "model.norm=post"]),
    (
      false,
      [
        "model.width=16", "model.heads=4", "model.kv_heads=2", "model.norm_kind=rms",
        "model.activation=swiglu",
      ]
    ),
    (false, ["model.refine=[{kind: diffusion, after: embedding, steps: 2}]"]),
    (true, []), (true, ["model.pool=class", "model.norm=none"]),
    (true, ["data.task=next", "model.tied=true"]),
  ]

  @Test(arguments: forms)
  func `what training captured comes out again`(isText: Bool, _ settings: [String]) throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try train(isText: isText, settings)
    try succeed("isotherm", ["capture", "run", "--taps", "*", "-o", "c"])
    try compare("c")
    let reader = try RunReader(folder + "/c")
    let samples = try reader.describe("/samples/index").shape[0]
    #expect(samples >= 20)
    #expect(reader.contains("/samples/label") && reader.contains("/classes/name"))
    #expect(reader.contains(isText ? "/samples/token" : "/samples/image"))
    let check = try succeed("isotherm-archive", ["check", "c"])
    #expect(check.output.contains("0 findings"), "\(check.output)")
    // By one thread, in another batch, and resumed when there is nothing left to do.
    try succeed("isotherm", ["capture", "run", "--taps", "*", "--threads", "1", "-o", "one"])
    #expect(try RunReader(folder + "/one").logicalHash() == reader.logicalHash())
    try succeed("isotherm", ["capture", "run", "--taps", "*", "--samples", "3:14", "-o", "some"])
    let some = try RunReader(folder + "/some")
    for path in try reader.paths() where path.hasSuffix("/values") {
      let shape = try reader.describe(path).shape
      let whole = try reader.read(
        path, as: Float.self, start: [0, 3] + shape.dropFirst(2).map { _ in 0 },
        count: [1, 11] + shape.dropFirst(2))
      let pairs = zip(try some.read(path, as: Float.self).elements, whole.elements)
      #expect(pairs.allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($1)) }, "\(path)")
    }
    let again = try isotherm(["capture", "run", "--taps", "*", "-o", "c", "--resume"])
    #expect(again.status == 0)
  }

  @Test func `a capture of a run goes on to equations, estimates and figures`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try train(isText: true, ["training.epochs=2"])
    try succeed("isotherm", ["capture", "run", "--split", "train", "-o", "c"])
    let quick = ["--set", "pde.epochs=2", "--set", "pde.models=[diffusion,autonomous]"]
    try succeed("isotherm", ["fit", "c", "-o", "f"] + quick)
    try succeed("isotherm", ["inform", "c", "-o", "i", "--set", "information.resamples=5"])
    try succeed("isotherm-analyze", ["flow", "c", "f", "-o", "flow"])
    try succeed("isotherm-analyze", ["attention", "c", "f"])
    try succeed("isotherm-plot", ["flow", "flow", "-o", "flow.png", "--dpi", "40"])
  }

  @Test func `arrays that others made go through a network of ours`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try train(isText: true, [])
    try succeed("isotherm", ["capture", "run", "--taps", "*", "-o", "own"])
    try succeed(
      "isotherm",
      [
        "capture", "run", "--taps", "*", "--tokens", "own.h5:/samples/token", "--mask",
        "own.h5:/samples/mask", "-o", "arrays",
      ])
    let (own, arrays) = (try RunReader(folder + "/own"), try RunReader(folder + "/arrays"))
    for path in try own.paths() where path.hasSuffix("/values") {
      #expect(
        try own.read(path, as: Float.self).elements == arrays.read(path, as: Float.self).elements,
        "\(path)")
    }
    #expect(
      try arrays.read("/samples/length", as: Int32.self).elements
        == own.read("/samples/length", as: Int32.self).elements)
    try python(
      """
      import h5py, numpy
      with h5py.File("bad.h5", "w") as f:
          f["ids"] = numpy.full((4, 16), 3)
          f["high"] = numpy.full((4, 16), 270)
          f["below"] = numpy.full((4, 16), -1)
          f["wide"] = numpy.full((4, 17), 3)
          f["short"] = numpy.full((4, 5), 3)
          f["front"] = numpy.arange(16)[None] >= numpy.full((4, 1), 3)
          f["none"] = numpy.zeros((4, 16), int)
          f["two"] = numpy.full((4, 16), 2)
          f["pixels"] = numpy.zeros((4, 1, 8, 8))
      """)
    for (arguments, words) in [
      (["--tokens", "bad.h5:/high"], "0 to 269"), (["--tokens", "bad.h5:/below"], "0 to 269"),
      (["--tokens", "bad.h5:/wide"], "at most 16 positions"),
      (["--tokens", "bad.h5:/ids", "--mask", "bad.h5:/front"], "padding before a token"),
      (["--tokens", "bad.h5:/ids", "--mask", "bad.h5:/none"], "all padding"),
      (["--tokens", "bad.h5:/ids", "--mask", "bad.h5:/two"], "1 at tokens and 0 at padding"),
      (["--tokens", "bad.h5:/ids", "--mask", "bad.h5:/short"], "shape"),
      (["--images", "bad.h5:/pixels", "--as-is"], "takes text"),
      (["--mask", "bad.h5:/ids"], "--tokens"),
      (["--tokens", "bad.h5:/ids", "--split", "train"], "--split"),
      (["--samples", "0:1000"], "--samples"), (["--taps", "residual.9.post"], "nearest"),
      (["--checkpoint", "99"], "numbered from 0"),
    ] {
      let outcome = try isotherm(["capture", "run"] + arguments + ["-o", "x"])
      #expect(outcome.status != 0 && outcome.errors.contains(words), "\(outcome.errors)")
      #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: folder + "/x.h5"))
    #expect(!FileManager.default.fileExists(atPath: folder + "/x.run"))
    // Fewer positions than the network has are filled up.
    try succeed("isotherm", ["capture", "run", "--tokens", "bad.h5:/short", "-o", "short"])
    #expect(
      try RunReader(folder + "/short").read("/samples/length", as: Int32.self).elements
        == [5, 5, 5, 5])
  }

  @Test func `images that others made go through as the data set's own`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try train(isText: false, [])
    try succeed("isotherm", ["capture", "run", "--taps", "*", "-o", "own"])
    // Normalised by what the run says of its input.
    try python(
      """
      import h5py, numpy
      with h5py.File("run.h5") as run, h5py.File("own.h5") as own, h5py.File("p.h5", "w") as out:
          facts = dict(run["explanation/input"].attrs)
          mean = next(v for k, v in facts.items() if "mean" in k)
          deviation = next(v for k, v in facts.items() if "deviation" in k)
          out["x"] = ((own["samples/image"][()] / 255 - mean) / deviation)[:, None].astype("f4")
          out["y"] = numpy.zeros((3, 1, 8, 7), "f4")
          out["z"] = numpy.full((3, 1, 8, 8), numpy.nan, "f4")
      """)
    try succeed(
      "isotherm", ["capture", "run", "--taps", "*", "--images", "p.h5:/x", "--as-is", "-o", "q"])
    let (own, other) = (try RunReader(folder + "/own"), try RunReader(folder + "/q"))
    for path in try own.paths() where path.hasSuffix("/values") {
      let pairs = zip(
        try own.read(path, as: Float.self).elements, try other.read(path, as: Float.self).elements)
      #expect(pairs.allSatisfy { abs($0 - $1) <= 2e-5 }, "\(path)")
    }
    for (name, words) in [("y", "[sample, 1, 8, 8]"), ("z", "no number")] {
      let outcome = try isotherm(
        ["capture", "run", "--images", "p.h5:/\(name)", "--as-is", "-o", "x"])
      #expect(outcome.status != 0 && outcome.errors.contains(words), "\(outcome.errors)")
    }
  }
}
