import Archive
import Foundation
import Kernels

/// Data sets so small that a run on them takes a fraction of a second.
enum SmallData {
  private static func provenance() -> Provenance {
    Provenance(configuration: "made for tests", seed: 1, blasCore: "", command: ["tests"])
  }

  private static func shared(_ count: Int, classes: Int) -> [ArraySchema] {
    let sample = ArraySchema.AxisSchema("sample", count)
    return [
      ArraySchema("/samples/label", .int32, [sample], longName: "class"),
      ArraySchema("/samples/split", .uint8, [sample], longName: "0 train, 1 test"),
      ArraySchema("/samples/page", .int32, [sample], longName: "an array that no program reads"),
      ArraySchema(
        "/classes/name", .utf8, [.init("class", classes)], longName: "name of each class"),
    ]
  }

  private static func append(_ labels: [Int32], train: Int, to recorder: Recorder) throws {
    try recorder.append("/samples/label", labels)
    try recorder.append("/samples/split", labels.indices.map { UInt8($0 < train ? 0 : 1) })
    try recorder.append("/samples/page", labels.indices.map { Int32($0) })
  }

  /// Grey images of 8 x 8 pixels in four classes: a bright quarter each, with noise.
  static func images(_ path: String, train: Int = 200, test: Int = 40, shift: Int32 = 0) throws {
    let count = train + test
    let image = ArraySchema(
      "/samples/image", .uint8, [.init("sample", count), .init("y", 8), .init("x", 8)],
      longName: "grey image")
    var random = Philox(seed: 7, purpose: .capture)
    let order = random.permutation(count * 64)
    let labels = (0..<count).map { Int32($0 % 4) }
    let pixels = (0..<count * 64).map { place -> UInt8 in
      let quarter: Int = (place % 64 / 32) * 2 + (place % 8) / 4
      let bright: Int = quarter == place / 64 % 4 ? 60 : 0
      return UInt8(order[place] % 120 + bright)
    }
    let schema = RunSchema(
      .dataset, title: "quarters", arrays: [image] + shared(count, classes: 4),
      provenance: provenance())
    let recorder = try Recorder(RunPlace(path), schema, replacing: true)
    try recorder.append("/samples/image", pixels)
    try append(labels.map { ($0 + shift) % 4 }, train: train, to: recorder)
    recorder.write("/classes/name", ["a", "b", "c", "d"])
    try recorder.seal()
  }

  /// Passages of `shortest` to twenty words in two classes, which draw on different words; one is empty.
  static func passages(
    _ path: String, train: Int = 80, test: Int = 20, shortest: Int = 20
  ) throws {
    let count = train + test
    let words = [["sun", "sea", "warm", "sand", "the"], ["ice", "snow", "cold", "wind", "the"]]
    var random = Philox(seed: 9, purpose: .capture)
    let order = random.permutation(count * 20)
    let texts = (0..<count).map { passage -> String in
      let length = 20 - passage % (21 - shortest)
      let drawn: [String] = order[passage * 20..<passage * 20 + length].map {
        words[passage % 2][$0 % 5]
      }
      return passage == 5 ? "" : drawn.joined(separator: " ")
    }
    let schema = RunSchema(
      .dataset, title: "weather",
      arrays: [
        ArraySchema("/samples/text", .utf8, [.init("sample", count)], longName: "passage")
      ] + shared(count, classes: 2), provenance: provenance())
    let recorder = try Recorder(RunPlace(path), schema, replacing: true)
    recorder.write("/samples/text", texts)
    try append((0..<count).map { Int32($0 % 2) }, train: train, to: recorder)
    recorder.write("/classes/name", ["warm", "cold"])
    try recorder.seal()
  }

  /// A WordPiece vocabulary for them; lines may end as on Windows.
  static func vocabulary(_ path: String, reversed: Bool = false, ending: String = "\n") throws {
    let letters = "abcdefghijklmnopqrstuvwxyz".map(String.init)
    let pieces = letters + letters.map { "##" + $0 } + ["sun", "sea", "the", "##nd", "co", "##ld"]
    let lines = ["[PAD]", "[UNK]"] + (reversed ? pieces.reversed() : pieces)
    try (lines.joined(separator: ending) + ending)
      .write(toFile: path, atomically: true, encoding: .utf8)
  }

  /// A study of the images in `d.h5` or the passages in `t.h5` beside it.
  static func study(_ folder: String, text: Bool = false) throws -> String {
    let data =
      text
      ? "{modality: text, file: \"\(folder)/t.h5\", tokens: 16, vocabulary: 270}"
      : "{modality: image, file: \"\(folder)/d.h5\", patch: 4}"
    let path = folder + (text ? "/text.yaml" : "/image.yaml")
    try """
    title: small
    seed: 3
    data: \(data)
    model: {width: 8, heads: 2, layers: 2, mlp: 16}
    training: {epochs: 2, batch: 32, rate: 1e-3}
    capture: {taps: ["residual.0.pre", "residual.*.post", "attention.*.map"], samples: 20}
    """.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }
}
