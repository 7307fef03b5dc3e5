import Archive
import Arrays
import Foundation
import HDF5
import Synchronization
import Testing

/// What a long run or a large network must not cost: axes written out, commits without bound.
@Suite struct ManyCommitsTests {
  private let folder: String
  init() throws {
    folder = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  private func schema(parameters: Int) -> RunSchema {
    RunSchema(
      .run, title: "many commits",
      arrays: [
        ArraySchema(
          "/checkpoints/moment", .float32,
          [.growing("checkpoint"), .init("parameter", parameters)], longName: "moment"),
        ArraySchema("/checkpoints/step", .int32, [.growing("checkpoint")], longName: "step"),
      ],
      provenance: Provenance(configuration: "x: 1\n", seed: 1, blasCore: ""))
  }

  @Test(arguments: [1, 65_536, 65_537, 300_000])
  func `an axis that only counts is written out while it is short`(length: Int) throws {
    let recorder = try Recorder(RunPlace(folder + "/axis"), schema(parameters: length))
    let row = (0..<length).map { Float($0 % 977) }
    try recorder.append("/checkpoints/moment", row)
    try recorder.append("/checkpoints/step", [Int32(3)])
    try recorder.finish()
    for path in try [folder + "/axis.run", recorder.seal(keepingParts: true)] {
      let reader = try RunReader(path)
      let axes = try reader.describe("/checkpoints/moment").axes
      #expect(axes.map(\.name) == ["checkpoint", "parameter"])
      #expect(axes[1].length == length)
      #expect(try reader.readRow("/checkpoints/moment", 0, as: Float.self).elements == row)
      let file = path.hasSuffix(".run") ? path + "/index.h5" : path
      let scale = try File.open(file).root.dataset("checkpoints/parameter")
      #expect(scale.isScale)
      #expect(try scale.isBareScale == (length > 65_536))
      if length > 65_536 {
        #expect(scale.storedByteCount == 0)
      } else {
        #expect(try scale.read(Int32.self) == (0..<length).map { Int32($0) })
      }
    }
  }

  @Test func `an index stays small however many parameters a network has`() throws {
    let recorder = try Recorder(RunPlace(folder + "/large"), schema(parameters: 2_000_000))
    try recorder.append("/checkpoints/moment", [Float](repeating: 0, count: 2_000_000))
    try recorder.append("/checkpoints/step", [Int32(0)])
    try recorder.finish()
    let size =
      try FileManager.default.attributesOfItem(
        atPath: folder + "/large.run/index.h5")[.size] as? Int
    #expect(try #require(size) < 200_000)
    let reader = try RunReader(folder + "/large.run")
    let axes = try reader.describe("/checkpoints/moment").axes
    #expect(axes.map(\.name) == ["checkpoint", "parameter"])
    recorder.abandon()
  }

  @Test(arguments: [1, 3, 16])
  func `commits asked for faster than they are written are bounded, all told, and lose nothing`(
    pending: Int
  ) throws {
    let told = Mutex<[(part: Int, rows: Int)]>([])
    let recorder = try Recorder(
      RunPlace(folder + "/fast"), schema(parameters: 50), anchor: "/checkpoints/step",
      limits: RecorderLimits(pendingCommits: pending, partCount: 8)
    ) { event in
      guard case .commit(let part, let rows) = event else { return }
      told.withLock { $0.append((part, rows["/checkpoints/step"] ?? -1)) }
    }
    var furthest = 0
    for step in 0..<300 {
      try recorder.append(
        "/checkpoints/moment", (0..<50).map { Float(step * 31 % 97 + $0) })
      try recorder.append("/checkpoints/step", [Int32(step)])
      try recorder.commit()
      // One more may be written and not told yet for each that one index names.
      furthest = max(furthest, step + 1 - (told.withLock { $0.last?.rows } ?? 0))
    }
    #expect(furthest <= pending + 2)
    let file = try recorder.seal(keepingParts: true)
    #expect(told.withLock { $0.map(\.part) } == Array(0..<300))
    #expect(told.withLock { $0.map(\.rows) } == Array(1...300))
    let parts = try FileManager.default.contentsOfDirectory(atPath: folder + "/fast.run")
      .compactMap { PartName(file: $0) }
    // Eight, two that are merged meanwhile, and two kept for readers of the index before.
    #expect(parts.count <= 8 + 3 * 2 + 1, "\(parts.count) parts")
    let reader = try RunReader(file)
    #expect(
      try reader.read("/checkpoints/step", as: Int32.self).elements == (0..<300).map(Int32.init))
    #expect(
      try reader.readRow("/checkpoints/moment", 217, as: Float.self).elements
        == (0..<50).map { Float(217 * 31 % 97 + $0) })
  }
}
