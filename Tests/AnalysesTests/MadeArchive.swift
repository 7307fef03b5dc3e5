import Archive
import Foundation
import Kernels

/// Archives of networks and captures made by hand, for analyses.
struct MadeArchive {
  let folder: String

  init() throws {
    folder = NSTemporaryDirectory() + "isotherm-analyses-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  func remove() { try? FileManager.default.removeItem(atPath: folder) }

  /// Numbers at a path, `[checkpoint, ...]`.
  struct Item {
    let path: String
    let shape: [Int]
    let values: [Double]

    init(_ path: String, _ shape: [Int], _ values: [Double]) {
      (self.path, self.shape, self.values) = (path, shape, values)
    }
  }

  /// Writes a run with these arrays, and `config.json` as a document.
  func write(
    _ name: String, _ items: [Item], tokens: [[Int32]] = [], configuration: String
  ) throws -> RunReader {
    typealias Axis = ArraySchema.AxisSchema
    var arrays = items.map { item in
      CompleteArray(
        item.path,
        item.shape.enumerated().map {
          Axis($0 == 0 ? "checkpoint" : "axis_\($0)_of_\($1)", $1)
        }, .numbers(item.values), longName: item.path)
    }
    let count = items.first?.shape[0] ?? 1
    arrays.append(
      CompleteArray(
        "/checkpoints/step", [Axis("checkpoint", count)],
        .integers((0..<count).map { Int32($0) }), longName: "step"))
    arrays.append(
      CompleteArray(
        "/network/configuration", [Axis("document", 1)], .texts([configuration]),
        longName: "config.json"))
    if let first = tokens.first {
      arrays.append(
        CompleteArray(
          "/samples/token", [Axis("sample", tokens.count), Axis("position", first.count)],
          .integers(tokens.flatMap { $0 }), longName: "tokens"))
    }
    let path = try Recorder.write(
      arrays, kind: .run, title: name,
      provenance: Provenance(configuration: "", seed: 0, blasCore: ""),
      to: RunPlace(folder + "/" + name), replacing: false)
    return try RunReader(path)
  }

  static func gaussian(_ count: Int, seed: UInt64) -> [Double] {
    var random = Philox(seed: seed, purpose: .noise, index: 5)
    // Single precision, in which analyses read states.
    return (0..<count).map { _ in Double(Float(random.normal())) }
  }
}
