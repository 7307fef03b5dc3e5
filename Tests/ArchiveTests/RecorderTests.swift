import Archive
import Arrays
import Foundation
import HDF5
import Testing

@Suite struct RecorderTests {
  private let folder: String
  init() throws {
    folder = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  private func schema() -> RunSchema {
    RunSchema(
      .run, title: "test",
      arrays: [
        ArraySchema("/progress/loss", .float64, [.growing("step")], longName: "loss", units: "nat"),
        ArraySchema("/progress/step", .int32, [.growing("step")], longName: "step"),
        ArraySchema(
          "/activations/a/values", .float32,
          [.growing("checkpoint"), .init("sample", 5), .init("position", 3), .init("channel", 7)],
          longName: "stream"),
        ArraySchema("/samples/label", .int32, [.init("sample", 5)], longName: "class"),
        ArraySchema("/classes/name", .utf8, [.init("class", 2)], longName: "names"),
      ],
      provenance: Provenance(configuration: "x: 1\n", seed: 3, blasCore: "none"))
  }

  private struct Rows {
    var loss: [Double] = []
    var step: [Int32] = []
    var values: [Float] = []
  }

  /// Writes 40 steps and 4 checkpoints with commits after the steps in `commits`.
  private func record(_ name: String, commits: Set<Int>) throws -> (Rows, Recorder) {
    let recorder = try Recorder(RunPlace(folder + "/" + name), schema())
    var rows = Rows()
    try recorder.append("/samples/label", [0, 1, 0, 1, 1] as [Int32])
    recorder.write("/classes/name", ["Kleid", "靴"])
    for step in 0..<40 {
      let loss = 1 / Double(step + 1)
      rows.loss.append(loss)
      rows.step.append(Int32(step))
      try recorder.append("/progress/loss", [loss])
      try recorder.append("/progress/step", [Int32(step)])
      if step % 10 == 9 {
        let values = (0..<105).map { Float($0 * step) }
        rows.values += values
        try recorder.append("/activations/a/values", values)
      }
      if commits.contains(step) { try recorder.commit() }
    }
    return (rows, recorder)
  }

  private func expect(_ rows: Rows, in reader: RunReader) throws {
    #expect(try reader.read("/progress/loss", as: Double.self).elements == rows.loss)
    #expect(try reader.read("/progress/step", as: Int32.self).elements == rows.step)
    let values = try reader.read("/activations/a/values", as: Float.self)
    #expect(values.shape == [4, 5, 3, 7])
    #expect(values.elements == rows.values)
    #expect(try reader.readTexts("/classes/name") == ["Kleid", "靴"])
    #expect(try reader.read("/samples/label", as: Int32.self).elements == [0, 1, 0, 1, 1])
  }

  @Test func `what was appended is read back, from the folder and from the sealed file`() throws {
    let (rows, recorder) = try record("a", commits: [0, 7, 8, 22])
    try recorder.finish()
    try expect(rows, in: RunReader(folder + "/a.run"))
    let path = try recorder.seal()
    #expect(path == folder + "/a.h5")
    #expect(!FileManager.default.fileExists(atPath: folder + "/a.run"))
    try expect(rows, in: RunReader(folder + "/a"))
  }

  @Test func `axes, units and logical hashes are told`() throws {
    let (_, recorder) = try record("b", commits: [])
    let reader = try RunReader(recorder.seal())
    let array = try reader.describe("/activations/a/values")
    #expect(array.axes.map(\.name) == ["checkpoint", "sample", "position", "channel"])
    #expect(array.type == .float32)
    #expect(array.sha256?.count == 64)
    #expect(try reader.describe("/progress/loss").units == "nat")
    #expect(try reader.describe("/progress/loss").axes.map(\.name) == ["step"])
  }

  @Test func `equal data have equal hashes however they were committed`() throws {
    let first = try RunReader(record("c", commits: [3, 5, 30]).1.seal())
    let second = try RunReader(record("d", commits: Set(0..<40)).1.seal())
    #expect(try first.logicalHash() == second.logicalHash())
    #expect(first.runID != second.runID)
  }

  @Test func `acknowledged rows are readable while the run goes on`() throws {
    final class Events: @unchecked Sendable {
      let lock = NSLock()
      var rows: [[String: Int]] = []
    }
    let events = Events()
    let recorder = try Recorder(RunPlace(folder + "/e"), schema()) { event in
      if case .commit(_, let rows) = event {
        events.lock.withLock { events.rows.append(rows) }
      }
    }
    try recorder.append("/samples/label", [0, 1, 0, 1, 1] as [Int32])
    recorder.write("/classes/name", ["a", "b"])
    try recorder.append("/progress/loss", [0.5, 0.25])
    try recorder.append("/progress/step", [1, 2] as [Int32])
    try recorder.finish()
    let acknowledged = events.lock.withLock { events.rows.last }
    #expect(acknowledged?["/progress/loss"] == 2)
    #expect(acknowledged?["/samples/label"] == nil)
    let reader = try RunReader(folder + "/e.run")
    #expect(try reader.read("/progress/loss", as: Double.self).elements == [0.5, 0.25])
    #expect(try reader.describe("/activations/a/values").shape == [0, 5, 3, 7])
    try recorder.seal()
  }

  @Test func `an existing archive and a missing folder are refused with the remedy`() throws {
    try record("f", commits: []).1.seal()
    #expect {
      _ = try Recorder(RunPlace(folder + "/f.h5"), schema())
    } throws: { String(describing: $0).contains("--force") }
    #expect {
      _ = try Recorder(RunPlace(folder + "/no/such/g"), schema())
    } throws: { String(describing: $0).contains("make it first") }
  }

  @Test func `a run given up before its first commit leaves nothing`() throws {
    let recorder = try Recorder(RunPlace(folder + "/h"), schema())
    try recorder.append("/progress/loss", [1.0])
    recorder.abandon()
    #expect(!FileManager.default.fileExists(atPath: folder + "/h.run"))
  }

  @Test
  func `a run goes on after the last part that holds the anchor, and ends as if never stopped`()
    throws
  {
    let whole = try record("whole", commits: [9, 15, 30]).1.seal()
    // Stopped after step 35: the checkpoint of step 29 is in the third part, the rows after it in the fourth.
    var recorder: Recorder? = try begin("stopped", to: 36, commits: [9, 15, 30, 35])
    try recorder?.finish()
    recorder = nil
    let resumed = try #require(
      try Recorder.resume(
        RunPlace(folder + "/stopped"), schema(), anchor: "/activations/a/values"))
    #expect(resumed.holds("/samples/label"))
    #expect(try RunReader(folder + "/stopped.run").describe("/progress/loss").shape == [31])
    #expect(try RunReader(folder + "/stopped.run").readTexts("/classes/name") == ["Kleid", "靴"])
    try go(resumed, 31..<40, commits: [])
    #expect(try RunReader(resumed.seal()).logicalHash() == RunReader(whole).logicalHash())
  }

  @Test func `a run without a commit begins anew, and another configuration is refused`() throws {
    var recorder: Recorder? = try Recorder(RunPlace(folder + "/none"), schema())
    try recorder?.append("/progress/loss", [1.0])
    recorder = nil
    let place = RunPlace(folder + "/none")
    #expect(try Recorder.resume(place, schema(), anchor: "/progress/loss") == nil)
    #expect(!place.hasFolder)
    var other: Recorder? = try begin("other", to: 10, commits: [9])
    try other?.finish()
    other = nil
    var changed = schema()
    changed.provenance.configuration = "x: 2\n"
    #expect {
      _ = try Recorder.resume(
        RunPlace(folder + "/other"), changed, anchor: "/progress/loss")
    } throws: { String(describing: $0).contains("another configuration") }
  }

  @Test func `a folder has one writer`() throws {
    let recorder = try begin("busy", to: 10, commits: [9])
    try recorder.finish()
    #expect {
      _ = try Recorder.resume(RunPlace(folder + "/busy"), schema(), anchor: "/progress/loss")
    } throws: { String(describing: $0).contains("being written by another process") }
    #expect {
      _ = try Recorder(RunPlace(folder + "/busy"), schema(), replacing: true)
    } throws: { String(describing: $0).contains("being written by another process") }
    try recorder.seal()
  }

  private func begin(_ name: String, to end: Int, commits: Set<Int>) throws -> Recorder {
    let recorder = try Recorder(
      RunPlace(folder + "/" + name), schema(), anchor: "/activations/a/values")
    try recorder.append("/samples/label", [0, 1, 0, 1, 1] as [Int32])
    recorder.write("/classes/name", ["Kleid", "靴"])
    try go(recorder, 0..<end, commits: commits)
    return recorder
  }

  private func go(_ recorder: Recorder, _ steps: Range<Int>, commits: Set<Int>) throws {
    for step in steps {
      try recorder.append("/progress/loss", [1 / Double(step + 1)])
      try recorder.append("/progress/step", [Int32(step)])
      if step % 10 == 9 {
        try recorder.append("/activations/a/values", (0..<105).map { Float($0 * step) })
      }
      if commits.contains(step) { try recorder.commit() }
    }
  }

  @Test func `our filters are those of stock HDF5`() throws {
    let values = (0..<1000).map { Float(sin(Double($0))) }
    let path = folder + "/codec.h5"
    let file = try File.create(path)
    for filters in [
      DatasetCreation.Filters.standard, .init(shuffle: false, deflate: 6, fletcher32: true),
      .init(shuffle: true, deflate: nil, fletcher32: true), .none,
    ] {
      let name = "\(filters.shuffle)\(filters.deflate ?? 0)\(filters.fletcher32)"
      let dataset = try file.root.createDataset(
        name, .float32, shape: [1000], DatasetCreation(chunk: [1000], filters: filters))
      let stored = values.withUnsafeBytes {
        ChunkCodec.encode($0, elementSize: 4, filters)
      }
      try stored.withUnsafeBytes { try dataset.writeChunk($0, offset: [0]) }
      #expect(try dataset.read(Float.self) == values, "\(name)")
    }
    try file.close()
  }

  @Test func `our checksum is that of stock HDF5, whatever the length and the bytes`() throws {
    let filters = DatasetCreation.Filters(shuffle: false, deflate: nil, fletcher32: true)
    let file = try File.create(folder + "/checksum.h5")
    let sizes = [1, 2, 31, 32, 33, 255, 4097, 360 * 32, 360 * 32 + 1, 3 * 360 * 32 + 17]
    let kinds: [(String, (Int) -> UInt8)] = [
      ("zeros", { _ in 0 }), ("ones", { _ in 255 }), ("last", { $0 % 500 == 499 ? 1 : 0 }),
      ("noise", { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }),
    ]
    for size in sizes {
      for (kind, byte) in kinds {
        let bytes = (0..<size).map(byte)
        let dataset = try file.root.createDataset(
          "\(kind)-\(size)", .uint8, shape: [size],
          DatasetCreation(chunk: [size], filters: filters))
        let stored = bytes.withUnsafeBytes { ChunkCodec.encode($0, elementSize: 1, filters) }
        try stored.withUnsafeBytes { try dataset.writeChunk($0, offset: [0]) }
        #expect(try dataset.read(UInt8.self) == bytes, "\(kind) \(size)")
      }
    }
    try file.close()
  }

  @Test func `a file of another layout is refused in one sentence`() throws {
    let path = folder + "/foreign.h5"
    let file = try File.create(path)
    try file.root.createDataset("v", .int32, shape: [1]).write([Int32(1)])
    try file.close()
    #expect {
      _ = try RunReader(path)
    } throws: { String(describing: $0).contains("not an Isotherm archive") }
    let (_, recorder) = try record("i", commits: [])
    try recorder.seal()
    #expect {
      _ = try RunReader(folder + "/i.h5", expecting: [.fields])
    } throws: { String(describing: $0).contains("expected an archive of kind fields, found run") }
  }
}
