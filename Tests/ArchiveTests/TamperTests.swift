import Archive
import Arrays
import Foundation
import HDF5
import Testing

/// What somebody changes in the folder of a stopped run: it goes on to the same rows, or says what is wrong.
@Suite struct TamperTests {
  private let folder: String
  init() throws {
    folder = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  private static let anchor = Recorder.resumeAnchor

  private func schema() -> RunSchema {
    RunSchema(
      .run, title: "tampered",
      arrays: [
        ArraySchema(
          "/a/values", .float32, [.growing("row"), .init("x", 40)], longName: "values"),
        ArraySchema("/b/count", .int32, [.growing("item")], longName: "count"),
      ],
      provenance: Provenance(configuration: "x: 1\n", seed: 1, blasCore: ""))
  }

  /// Commits `steps` of a run whose values start from `salt`; each part has one row more than the one before.
  private func go(_ recorder: Recorder, _ steps: Range<Int>, salt: Int) throws {
    for step in steps {
      for row in 0...step {
        try recorder.append("/a/values", (0..<40).map { Float(salt + step * 31 + row * 7 + $0) })
      }
      try recorder.append("/b/count", [Int32(step)])
      try recorder.finish(resumeState: [UInt8](repeating: UInt8(step + salt % 7), count: 64))
    }
  }

  private func stopped(_ name: String, steps: Int = 6, salt: Int = 0) throws -> String {
    let recorder = try Recorder(
      RunPlace(folder + "/" + name), schema(), anchor: Self.anchor,
      limits: RecorderLimits(pendingCommits: 1, partCount: 1000))
    try go(recorder, 0..<steps, salt: salt)
    recorder.abandon()
    return folder + "/" + name + ".run"
  }

  private func resumed(_ name: String) throws -> Recorder? {
    try Recorder.resume(RunPlace(folder + "/" + name), schema(), anchor: Self.anchor)
  }

  private func wholeHash() throws -> String {
    let recorder = try Recorder(RunPlace(folder + "/whole"), schema(), anchor: Self.anchor)
    try go(recorder, 0..<9, salt: 0)
    return try RunReader(recorder.seal()).logicalHash()
  }

  private func part(_ run: String, _ number: Int) -> String { "\(run)/\(PartName(number).file)" }

  private func flip(_ file: String, _ path: String, bit: Int) throws {
    let file = try File.open(file, writable: true)
    let dataset = try file.root.dataset(path)
    var bytes = try dataset.read(UInt8.self)
    bytes[bit / 8 % bytes.count] ^= 1 << UInt8(bit % 8)
    try dataset.write(bytes)
    try file.close()
  }

  @Test func `a state to go on from that was changed is refused, and the part named`() throws {
    let hash = try wholeHash()
    for bit in [0, 7, 200, 511] {
      let name = "state-\(bit)"
      let run = try stopped(name)
      try flip(part(run, 5), "resume_state", bit: bit)
      #expect {
        _ = try resumed(name)
      } throws: {
        let text = String(describing: $0)
        return text.contains("part-000005.h5") && text.contains("remove this part")
      }
      // The advice works: the part before it is gone on from.
      try FileManager.default.removeItem(atPath: part(run, 5))
      let recorder = try #require(try resumed(name))
      #expect(recorder.resumeState == [UInt8](repeating: 4, count: 64))
      try go(recorder, 5..<9, salt: 0)
      #expect(try RunReader(recorder.seal()).logicalHash() == hash)
    }
  }

  @Test func `a state that was changed stays known as such when its part is merged`() throws {
    let run = try stopped("merged")
    try flip(part(run, 5), "resume_state", bit: 9)
    let merger = PartMerger(
      folder: run, parts: [PartName(4), PartName(5)], arrays: schema().arrays,
      pool: MemoryPool(limit: 1 << 20))
    #expect(try merger.run { false } == PartName(4, 5))
    for number in [4, 5] { try FileManager.default.removeItem(atPath: part(run, number)) }
    try FileManager.default.removeItem(atPath: run + "/index.h5")
    #expect {
      _ = try resumed("merged")
    } throws: { String(describing: $0).contains("part-000004-000005.h5") }
  }

  @Test func `hashes of rows that were changed are not believed: rows are hashed anew`() throws {
    let hash = try wholeHash()
    for bit in [3, 444, 1001] {
      let run = try stopped("hashes-\(bit)")
      try flip(part(run, 5), "hash_states", bit: bit)
      let recorder = try #require(try resumed("hashes-\(bit)"))
      try go(recorder, 6..<9, salt: 0)
      #expect(try RunReader(recorder.seal()).logicalHash() == hash, "\(bit)")
    }
  }

  @Test func `an index that was removed is made again, and nothing begins anew`() throws {
    let hash = try wholeHash()
    let run = try stopped("index")
    try FileManager.default.removeItem(atPath: run + "/index.h5")
    let recorder = try #require(try resumed("index"))
    #expect(recorder.resumeState == [UInt8](repeating: 5, count: 64))
    try go(recorder, 6..<9, salt: 0)
    #expect(try RunReader(recorder.seal()).logicalHash() == hash)
  }

  /// Part `from` of one run in the place of part `to` of another or of the same.
  @Test(arguments: [
    (salt: 1000, from: 2, to: 2), (1000, 5, 5), (1000, 4, 5), (0, 2, 3), (0, 5, 2), (0, 3, 5),
    (0, 0, 5),
  ])
  func `a part of another run or another place never gets into a sealed file`(
    salt: Int, from: Int, to: Int
  ) throws {
    let name = "foreign-\(salt)-\(from)-\(to)"
    let run = try stopped(name)
    let other = salt == 0 ? run : try stopped("other-\(salt)-\(from)-\(to)", salt: salt)
    let moved = folder + "/moved-\(name).h5"
    try FileManager.default.copyItem(atPath: part(other, from), toPath: moved)
    try FileManager.default.removeItem(atPath: part(run, to))
    try FileManager.default.moveItem(atPath: moved, toPath: part(run, to))
    #expect(throws: (any Error).self) {
      guard let recorder = try resumed(name) else { return }
      try go(recorder, 6..<9, salt: 0)
      _ = try recorder.seal()
    }
    #expect(!FileManager.default.fileExists(atPath: folder + "/" + name + ".h5"))
  }
}
