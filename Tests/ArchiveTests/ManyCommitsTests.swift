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

  private func mixed(_ name: String, pending: Int) throws -> Recorder {
    let schema = RunSchema(
      .run, title: "mixed",
      arrays: [
        ArraySchema("/progress/loss", .float64, [.growing("step")], longName: "loss"),
        ArraySchema(
          "/a/short", .float32, [.growing("row"), .init("x", 7), .init("y", 5)], longName: "short"),
        ArraySchema(
          "/a/long", .float32, [.growing("row"), .init("place", 90_000)], longName: "long"),
        ArraySchema("/a/once", .int32, [.init("item", 3000)], longName: "written once"),
        ArraySchema("/c/step", .int32, [.growing("checkpoint")], longName: "anchor"),
        ArraySchema("/n/name", .utf8, [.init("n", 2)], longName: "names"),
      ],
      provenance: Provenance(configuration: "x: 1\n", seed: 1, blasCore: ""))
    return try Recorder(
      RunPlace(folder + "/" + name), schema, anchor: "/c/step",
      limits: RecorderLimits(pendingCommits: pending))
  }

  /// Numbers that do not compress.
  private func noise(_ seed: UInt32) -> [Float] {
    (0..<90_000).map { place in
      var bits = (UInt32(place) &+ seed &* 90_001) &* 2_654_435_761
      bits = (bits ^ bits >> 15) &* 2_246_822_519
      return Float(bitPattern: bits & 0x3FFF_FFFF)
    }
  }

  private func go(_ recorder: Recorder, _ commits: Range<Int>) throws {
    recorder.write("/n/name", ["a", "b"])
    for commit in commits {
      for row in 0..<commit % 3 {
        try recorder.append("/a/short", (0..<35).map { Float(commit * 31 + row * 7 + $0) })
        try recorder.append("/a/long", noise(UInt32(commit * 3 + row)))
      }
      for row in 0...commit % 5 { try recorder.append("/progress/loss", [Double(commit + row)]) }
      if commit == 4 { try recorder.append("/a/once", (0..<3000).map { Int32($0) }) }
      if commit % 4 != 1 { try recorder.append("/c/step", [Int32(commit)]) }
      try recorder.commit()
    }
  }

  @Test func `commits that wait share a part, which holds what their own would`() throws {
    let alone = try mixed("alone", pending: 1)
    try go(alone, 0..<60)
    let together = try mixed("together", pending: 16)
    try go(together, 0..<60)
    try together.finish()
    let parts = try FileManager.default.contentsOfDirectory(atPath: folder + "/together.run")
      .compactMap { PartName(file: $0) }
    #expect(parts.count < 50, "\(parts.count) parts: none waited")
    // A part that holds an anchored commit ends with one.
    for part in parts where (part.first...part.last).contains(where: { $0 % 4 != 1 }) {
      #expect(part.last % 4 != 1, "\(part.file)")
    }
    let hash = try RunReader(together.seal()).logicalHash()
    #expect(try hash == RunReader(alone.seal()).logicalHash())
  }

  @Test
  func `a run goes on without reading earlier rows again, and sealing finds what was damaged`()
    throws
  {
    let whole = try mixed("whole", pending: 1)
    try go(whole, 0..<24)
    let hash = try RunReader(whole.seal()).logicalHash()
    for isDamaged in [false, true] {
      let name = "stopped-\(isDamaged)"
      var stopped: Recorder? = try mixed(name, pending: 1)
      if let stopped { try go(stopped, 0..<12) }
      try stopped?.finish()
      let schema = try #require(stopped?.schema)
      stopped = nil
      if isDamaged {
        // In the middle of the only chunks of a part.
        let path = folder + "/\(name).run/part-000005.h5"
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        let size = try file.seekToEnd()
        try file.seek(toOffset: size / 2)
        try file.write(contentsOf: Data(repeating: 0x5A, count: 64))
        try file.close()
      }
      let resumed = try #require(
        try Recorder.resume(RunPlace(folder + "/" + name), schema, anchor: "/c/step"))
      try go(resumed, 12..<24)
      if isDamaged {
        #expect(throws: (any Error).self) { try resumed.seal() }
        #expect(!FileManager.default.fileExists(atPath: folder + "/\(name).h5"))
      } else {
        #expect(try RunReader(resumed.seal()).logicalHash() == hash)
      }
    }
  }
}
