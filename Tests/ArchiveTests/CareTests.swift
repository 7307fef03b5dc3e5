import Archive
import Arrays
import Foundation
import HDF5
import Testing

/// Reading in parallel, checking, comparing, recovering, sealing without the producer.
@Suite struct CareTests {
  private let folder: String
  init() throws {
    folder = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  /// Rows that do not fill whole chunks, in three commits.
  private func record(_ name: String, change: Float = 0) throws -> Recorder {
    let schema = RunSchema(
      .run, title: "care",
      arrays: [
        ArraySchema(
          "/a/values", .float32,
          [.growing("row"), .init("x", 300), .init("y", 17)], longName: "values"),
        ArraySchema("/b/label", .int32, [.init("sample", 4)], longName: "label"),
        ArraySchema("/c/name", .utf8, [.init("class", 2)], longName: "names"),
      ],
      provenance: Provenance(configuration: "a: 1\n", seed: 1, blasCore: ""))
    let recorder = try Recorder(RunPlace(folder + "/" + name), schema)
    recorder.write("/c/name", ["eins", "zwei"])
    try recorder.append("/b/label", [1, 2, 3, 4] as [Int32])
    for part in 0..<3 {
      for row in 0..<(70 + 10 * part) {
        var values = (0..<5100).map { Float(part * 100_000 + row * 7 + $0) }
        if part == 1, row == 3 { values[4000] += change }
        try recorder.append("/a/values", values)
      }
      try recorder.commit()
    }
    return recorder
  }

  @Test func `blocks read in parallel agree with HDF5's own reading`() throws {
    let path = try record("p").seal()
    let reader = try RunReader(path)
    let plain = try File.open(path).root.dataset("a/values")
    var random = SystemRandomNumberGenerator()
    for _ in 0..<12 {
      let shape = [240, 300, 17]
      let start = shape.map { Int.random(in: 0..<$0, using: &random) }
      let count = zip(shape, start).map { Int.random(in: 1...($0 - $1), using: &random) }
      let found = try reader.read("/a/values", as: Float.self, start: start, count: count)
      let expected = try plain.read(Float.self, start: start, count: count)
      #expect(found.elements == expected, "\(count) at \(start)")
    }
    #expect(try reader.read("/a/values", as: Float.self).elements == plain.read(Float.self))
  }

  @Test func `a sound archive has no finding`() throws {
    let result = try ArchiveCheck.run(record("s").seal())
    #expect(result.findings.isEmpty, "\(result.findings)")
    #expect(result.bytes == 240 * 300 * 17 * 4 + 16)
  }

  @Test func `changed values, broken chunks and missing labels are found`() throws {
    let path = try record("c").seal()
    let file = try File.open(path, writable: true)
    try file.root.dataset("b/label").write([9, 2, 3, 4] as [Int32])
    try file.root.dataset("a/values").write(
      [Float.nan], start: [5, 5, 5], count: [1, 1, 1])
    try file.close()
    let changed = try ArchiveCheck.run(path).findings
    #expect(changed.contains { $0.path == "/b/label" && $0.problem.contains("logical hash") })
    #expect(changed.contains { $0.path == "/a/values" && $0.problem.contains("1 values are NaN") })
    // Flip bytes in the middle of the stored chunks.
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    let middle = bytes.count / 2
    for i in 0..<64 { bytes[middle + i] ^= 0x5A }
    try bytes.write(to: URL(fileURLWithPath: path))
    let broken = try ArchiveCheck.run(path).findings
    #expect(broken.contains { $0.problem.contains("cannot be read") })
  }

  @Test func `two archives of the same computation agree, and a difference is placed`() throws {
    let first = try RunReader(record("d1").seal())
    let same = try ArchiveDifference(first, RunReader(record("d2").seal()), tolerance: 0)
    #expect(same.agrees)
    let other = try RunReader(record("d3", change: 0.5).seal())
    let difference = try ArchiveDifference(first, other, tolerance: 0)
    #expect(!difference.agrees)
    let item = try #require(difference.items.first { $0.path == "/a/values" })
    #expect(item.largest == 0.5)
    #expect(item.place == [73, 235, 5])
    #expect(try ArchiveDifference(first, other, tolerance: 0.5).agrees)
  }

  @Test func `a folder whose producer is gone is sealed with all that was committed`() throws {
    let whole = try RunReader(record("w").seal())
    var recorder: Recorder? = try record("k")
    try recorder?.finish()
    recorder = nil
    let path = try Recorder.takeOver(RunPlace(folder + "/k")).seal()
    #expect(try RunReader(path).logicalHash() == whole.logicalHash())
    #expect(try ArchiveCheck.run(path).findings.isEmpty)
    #expect(!FileManager.default.fileExists(atPath: folder + "/k.run"))
  }

  @Test func `every state a crash leaves is brought into order`() throws {
    let manager = FileManager.default
    var recorder: Recorder? = try record("r")
    try recorder?.finish()
    recorder = nil
    let place = RunPlace(folder + "/r")
    let before = try RunReader(place.folder).logicalRows()
    #expect(try ArchiveRecovery.run(place).isEmpty)
    // Killed while writing a part, and between a part's rename and the index's.
    try Data("half".utf8).write(to: URL(fileURLWithPath: place.folder + "/.part-000009.h5.tmp"))
    try manager.removeItem(atPath: place.index)
    // Killed while sealing.
    try Data("half".utf8).write(to: URL(fileURLWithPath: place.file + ".sealing"))
    #expect(try ArchiveRecovery.run(place).count == 3)
    // Texts lie in the index alone: without it they are absent, and said to be.
    let recovered = try RunReader(place.folder)
    let texts = try Set(recovered.absentArrays())
    #expect(try recovered.logicalRows() == before.filter { !texts.contains($0.key) })
    #expect(!texts.isEmpty)
    // Killed between sealing and removing the folder.
    _ = try Recorder.takeOver(place).seal(keepingParts: true)
    #expect(try ArchiveRecovery.run(place).count == 1)
    #expect(!place.hasFolder && place.isSealed)
    #expect(throws: ArchiveError.self) { try ArchiveRecovery.run(RunPlace(folder + "/nothing")) }
  }
}

extension RunReader {
  /// Length of the first axis of every array.
  fileprivate func logicalRows() throws -> [String: Int] {
    var rows: [String: Int] = [:]
    for path in try paths() where !path.hasPrefix("/provenance/") {
      rows[path] = try describe(path).shape.first
    }
    return rows
  }
}
