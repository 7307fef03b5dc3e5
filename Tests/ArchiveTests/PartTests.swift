import Archive
import Arrays
import Foundation
import HDF5
import Testing

/// Parts of long runs: names, merging, what a kill in the middle of it leaves.
@Suite struct PartTests {
  private let folder: String
  init() throws {
    folder = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  @Test func `a part's name says which commits it holds`() {
    #expect(PartName(7).file == "part-000007.h5")
    #expect(PartName(0, 15).file == "part-000000-000015.h5")
    #expect(PartName(file: "part-000000-000015.h5") == PartName(0, 15))
    #expect(PartName(file: "part-1234567.h5") == PartName(1_234_567))
    for name in ["index.h5", "part-.h5", "part-3-2.h5", "part-1-2-3.h5", ".part-000001.h5.tmp"] {
      #expect(PartName(file: name) == nil, "\(name)")
    }
  }

  @Test(arguments: [nil, 1, 7, 40, 900])
  func `parts stay few and rows are copied few times, however long the run`(every: Int?) {
    let policy = PartMerging(limit: 64)
    var parts: [PartName] = []
    var (copied, most) = (0, 0)
    var anchor: Int?
    for commit in 0..<10_000 {
      parts.append(PartName(commit))
      if let every, commit % every == 0 { anchor = commit }
      while let range = policy.next(parts, anchor: anchor) {
        let window = parts[range]
        copied += window.map(\.commitCount).reduce(0, +)
        if let anchor, let first = window.first?.first, let last = window.last?.last {
          #expect(last <= anchor || first > anchor, "merged over the anchor \(anchor)")
        }
        parts.replaceSubrange(range, with: [PartName(window.first!.first, window.last!.last)])
      }
      most = max(most, parts.count)
    }
    #expect(most <= 65)
    #expect(copied < 10_000 * 5, "\(copied) rows copied")
    #expect(zip(parts, parts.dropFirst()).allSatisfy { $0.last + 1 == $1.first })
  }

  private func schema() -> RunSchema {
    RunSchema(
      .run, title: "parts",
      arrays: [
        ArraySchema("/progress/loss", .float64, [.growing("step")], longName: "loss"),
        ArraySchema(
          "/a/values", .float32, [.growing("row"), .init("x", 40), .init("y", 30)],
          longName: "values"),
        ArraySchema("/c/anchor", .int32, [.growing("checkpoint")], longName: "anchor"),
      ],
      provenance: Provenance(configuration: "x: 1\n", seed: 1, blasCore: ""))
  }

  private func values(_ step: Int) -> [Float] { (0..<1200).map { Float(step * 31 % 97 + $0) } }

  private func go(_ recorder: Recorder, _ steps: Range<Int>) throws {
    for step in steps {
      try recorder.append("/progress/loss", [Double(step)])
      try recorder.append("/a/values", values(step))
      if step % 25 == 24 { try recorder.append("/c/anchor", [Int32(step)]) }
      try recorder.commit()
      // Commits are written while more are asked for; merging needs a moment between them.
      if step % 10 == 9 { try recorder.finish() }
    }
    try recorder.finish()
  }

  /// A part for each commit: none waits for another.
  private func begin(_ name: String, _ steps: Int, parts: Int) throws -> Recorder {
    let recorder = try Recorder(
      RunPlace(folder + "/" + name), schema(), anchor: "/c/anchor",
      limits: RecorderLimits(pendingCommits: 1, partCount: parts))
    try go(recorder, 0..<steps)
    return recorder
  }

  private func partNames(_ name: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder + "/" + name + ".run")
      .filter { $0.hasPrefix("part-") }.sorted()
  }

  @Test func `a run of merged parts reads, resumes and seals as one of single parts`() throws {
    let plain = try RunReader(begin("plain", 120, parts: 1000).seal()).logicalHash()
    let merged = try begin("merged", 120, parts: 8)
    #expect(try partNames("merged").contains { $0.count > "part-000000.h5".count })
    let reader = try RunReader(folder + "/merged.run")
    #expect(
      try reader.read("/progress/loss", as: Double.self).elements == (0..<120).map { Double($0) })
    #expect(
      try reader.readRow("/a/values", 77, as: Float.self).elements == values(77))
    #expect(try RunReader(merged.seal()).logicalHash() == plain)

    // Stopped between two anchors, resumed.
    var stopped: Recorder? = try begin("stopped", 113, parts: 8)
    stopped?.abandon()
    stopped = nil
    let resumed = try #require(
      try Recorder.resume(
        RunPlace(folder + "/stopped"), schema(), anchor: "/c/anchor",
        limits: RecorderLimits(partCount: 8)))
    let rows = try RunReader(folder + "/stopped.run").read("/progress/loss", as: Double.self)
    #expect(rows.elements == (0..<100).map { Double($0) })
    try go(resumed, 100..<120)
    #expect(try RunReader(resumed.seal()).logicalHash() == plain)
  }

  @Test func `parts left over from a merge that was killed are not counted twice`() throws {
    var recorder: Recorder? = try begin("left", 6, parts: 1000)
    let whole = try RunReader(folder + "/left.run").read("/progress/loss", as: Double.self)
    recorder = nil
    #expect(recorder == nil)
    // As if killed after the merged part got its name, before the index named it.
    let run = folder + "/left.run/"
    let merger = PartMerger(
      folder: folder + "/left.run", parts: [PartName(1), PartName(2), PartName(3)],
      arrays: schema().arrays, pool: MemoryPool(limit: 1 << 20))
    #expect(try merger.run { false } == PartName(1, 3))
    try Data("half".utf8).write(to: URL(fileURLWithPath: run + ".part-000004-000005.h5.tmp"))
    let adopted = try Recorder.takeOver(RunPlace(folder + "/left"))
    #expect(
      try partNames("left") == [
        "part-000000.h5", "part-000001-000003.h5", "part-000004.h5", "part-000005.h5",
      ])
    let reader = try RunReader(try adopted.seal())
    #expect(try reader.read("/progress/loss", as: Double.self).elements == whole.elements)
  }

  @Test func `a part that somebody removed is missed, and named`() throws {
    var recorder: Recorder? = try begin("gap", 6, parts: 1000)
    #expect(recorder != nil)
    recorder = nil
    try FileManager.default.removeItem(atPath: folder + "/gap.run/part-000002.h5")
    #expect {
      _ = try Recorder.takeOver(RunPlace(folder + "/gap"))
    } throws: { String(describing: $0).contains("part-000002.h5 is missing") }
    #expect {
      _ = try RunReader(folder + "/gap.run").read("/a/values", as: Float.self)
    } throws: { String(describing: $0).contains("part-000002.h5") }
  }

  @Test func `what somebody removes while a run is written is told with the remedy`() throws {
    let part = try begin("part", 6, parts: 1000)
    try FileManager.default.removeItem(atPath: folder + "/part.run/part-000002.h5")
    #expect {
      try part.seal()
    } throws: {
      let text = String(describing: $0)
      return text.contains("part-000002.h5 was removed") && text.contains("--resume")
    }
    let whole = try begin("whole", 6, parts: 1000)
    try FileManager.default.removeItem(atPath: folder + "/whole.run")
    #expect {
      try go(whole, 6..<8)
    } throws: { String(describing: $0).contains("whole.run was removed while") }
  }

  @Test func `an axis that counts thousands of rows is not written with every commit`() throws {
    let recorder = try Recorder(RunPlace(folder + "/long"), schema())
    for step in 0..<9000 { try recorder.append("/progress/loss", [Double(step)]) }
    try recorder.finish()
    let file = try File.open(folder + "/long.run/index.h5")
    let scale = try file.root.dataset("progress/step")
    #expect(try scale.isVirtual)
    #expect(try scale.read(Int32.self) == (0..<9000).map { Int32($0) })
    let sealed = try File.open(recorder.seal()).root.dataset("progress/step")
    #expect(try !sealed.isVirtual)
    #expect(try sealed.read(Int32.self) == (0..<9000).map { Int32($0) })
  }
}
