import Archive
import Arrays
import Foundation
import HDF5
import Testing

/// Halves, repacking, joining ranks, exporting.
@Suite struct RewriteTests {
  private let folder: String
  init() throws {
    folder = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  private static let values: [Float] = (0..<(5 * 24 * 30)).map { Float(sin(Double($0))) * 100 }

  /// Five rows of 24 samples by 30 channels; `samples` picks those of one rank.
  private func record(
    _ name: String, _ type: ElementType = .float32, samples: Range<Int> = 0..<24
  ) throws -> RunReader {
    let sample = ArraySchema.AxisSchema("sample", samples.count)
    let schema = RunSchema(
      .run, title: "rewrite",
      arrays: [
        ArraySchema(
          "/a/values", type, [.growing("checkpoint"), sample, .init("channel", 30)],
          longName: "values", units: "m", attributes: ["tap": .text("a")]),
        ArraySchema("/a/step", .int32, [.growing("checkpoint")], longName: "step"),
        ArraySchema("/s/label", .int32, [sample], longName: "label"),
        ArraySchema("/s/name", .utf8, [sample], longName: "name"),
        ArraySchema(
          "/d/field", .float64, [.init("depth_time", 3, coordinates: [0, 0.5, 1], units: "1")],
          longName: "field"),
      ],
      provenance: Provenance(configuration: "a: 1\n", seed: 1, blasCore: "core"))
    let recorder = try Recorder(RunPlace(folder + "/" + name), schema)
    for row in 0..<5 {
      let plane = Self.values[
        (row * 24 + samples.lowerBound) * 30..<(row * 24 + samples.upperBound) * 30]
      try recorder.append("/a/values", Array(plane))
      try recorder.append("/a/step", [Int32(10 * row)])
    }
    try recorder.append("/s/label", samples.map { Int32($0) })
    recorder.write("/s/name", samples.map { "n\($0)" })
    try recorder.append("/d/field", [1.5, 2.5, 3.5])
    return try RunReader(recorder.seal())
  }

  @Test func `halves are rounded to the nearest value and read back as floats`() throws {
    for type in [ElementType.float16, .bfloat16] {
      let reader = try record("half-\(type)", type)
      let array = try reader.describe("/a/values")
      #expect(array.type == type)
      let found = try reader.read("/a/values", as: Float.self).elements
      let expected = Self.values.map {
        type == .float16 ? Float(Float16($0)) : BFloat16($0).float
      }
      #expect(found == expected)
      let some = try reader.read("/a/values", as: Float.self, start: [2, 3, 4], count: [1, 2, 5])
      #expect(some.elements[5] == expected[(2 * 24 + 4) * 30 + 4])
      #expect(try ArchiveCheck.run(reader.path).findings.isEmpty)
    }
  }

  @Test func `a number that halves cannot hold is refused, not made infinite`() throws {
    for (type, held, lost) in [
      (ElementType.float16, Float(65519), Float(65520)),
      (.bfloat16, Float(bitPattern: 0x7F7F_7FFF), Float(bitPattern: 0x7F7F_8000)),
    ] {
      let array = ArraySchema("/a/values", type, [.growing("row")], longName: "values")
      let schema = RunSchema(
        .run, title: "halves", arrays: [array],
        provenance: Provenance(configuration: "", seed: 0, blasCore: ""))
      let recorder = try Recorder(RunPlace(folder + "/held-\(type)"), schema)
      // What was no number before stays none.
      try recorder.append("/a/values", [held, -held, .infinity, .nan])
      for value in [lost, -lost, .greatestFiniteMagnitude] {
        let error = try #require(throws: ArchiveError.self) {
          try recorder.append("/a/values", [0, value])
        }
        #expect("\(error)".contains("/a/values") && "\(error)".contains("float32"), "\(error)")
      }
      let found = try RunReader(recorder.seal()).read("/a/values", as: Float.self).elements
      #expect(found.count == 4 && found[0].isFinite && found[1] == -found[0])
      #expect(found[2] == .infinity && found[3].isNaN)
    }
  }

  @Test func `bfloat16 rounds to even, keeps NaN, and overflows to infinity`() {
    #expect(BFloat16(1).float == 1)
    #expect(BFloat16(Float(bitPattern: 0x3F80_8000)).float == 1)
    #expect(BFloat16(Float(bitPattern: 0x3F81_8000)).bitPattern == 0x3F82)
    #expect(BFloat16(Float(bitPattern: 0x3F80_8001)).bitPattern == 0x3F81)
    #expect(BFloat16(Float.nan).float.isNaN)
    #expect(BFloat16(Float(bitPattern: 0x7F80_0001)).float.isNaN)
    #expect(BFloat16(Float.greatestFiniteMagnitude).float == .infinity)
    #expect(BFloat16(-0.0).bitPattern == 0x8000)
  }

  @Test(arguments: ChunkPattern.allCases)
  func `repacking keeps values, hashes, labels and provenance`(pattern: ChunkPattern) throws {
    let reader = try record("pack-\(pattern)")
    var options = ArchiveRewriter.Options()
    options.pattern = pattern
    options.filters = .init(shuffle: true, deflate: 6, fletcher32: true)
    let path = folder + "/packed-\(pattern).h5"
    try ArchiveRewriter([reader], options).write(to: path, replacing: false)
    let packed = try RunReader(path)
    #expect(try packed.logicalHash() == reader.logicalHash())
    #expect(packed.runID == reader.runID)
    #expect(try ArchiveCheck.run(path).findings.isEmpty)
    #expect(
      try ArchiveDifference(reader, packed, tolerance: 0).items.allSatisfy {
        $0.verdict == .equal || $0.path == "/@history"
      })
    #expect(try packed.read("/a/values", as: Float.self).elements == Self.values)
    #expect(try packed.attribute("/a/values", "tap")?.text == "a")
    #expect(try packed.describe("/a/values").units == "m")
    #expect(try packed.read("/d/depth_time", as: Double.self).elements == [0, 0.5, 1])
    #expect(throws: ArchiveError.self) {
      try ArchiveRewriter([reader], options).write(to: path, replacing: false)
    }
  }

  @Test func `chunks follow the pattern`() {
    var array = ArraySchema(
      "/a/values", .float32,
      [.growing("checkpoint"), .init("sample", 256), .init("position", 49), .init("channel", 64)],
      longName: "values")
    #expect(array.chunk == [1, 83, 49, 64])
    array.pattern = .sample
    #expect(array.chunk == [64, 1, 49, 64])
    array.pattern = .layer
    #expect(array.chunk == [1, 256, 49, 64])
  }

  @Test func `the archives of three ranks join to that of one process`() throws {
    let whole = try record("whole")
    let ranks = try [0..<7, 7..<8, 8..<24].enumerated().map {
      try record("rank\($0.offset)", samples: $0.element)
    }
    let path = folder + "/joined.h5"
    try ArchiveRewriter(ranks, ArchiveRewriter.Options()).write(to: path, replacing: false)
    let joined = try RunReader(path)
    #expect(try joined.logicalHash() == whole.logicalHash())
    #expect(try joined.readTexts("/s/name") == (0..<24).map { "n\($0)" })
    #expect(try joined.sources().count == 3)
    #expect(try ArchiveCheck.run(path).findings.isEmpty)
  }

  @Test func `a fixed array of many chunks is sealed and repacked`() throws {
    let schema = RunSchema(
      .run, title: "fixed",
      arrays: [
        ArraySchema(
          "/x/y", .float32, [.init("sample", 700), .init("channel", 1500)], longName: "y")
      ], provenance: Provenance(configuration: "", seed: 1, blasCore: ""))
    let values = (0..<700 * 1500).map { Float($0 % 1237) }
    let recorder = try Recorder(RunPlace(folder + "/fixed"), schema)
    try recorder.append("/x/y", values)
    let reader = try RunReader(recorder.seal())
    #expect(try reader.describe("/x/y").chunk?[0] ?? 0 < 700)
    #expect(try reader.read("/x/y", as: Float.self).elements == values)
    var options = ArchiveRewriter.Options()
    options.filters = ArraySchema.Filters.none
    let path = folder + "/plain.h5"
    try ArchiveRewriter([reader], options).write(to: path, replacing: false)
    #expect(try RunReader(path).read("/x/y", as: Float.self).elements == values)
  }

  @Test func `ranks that are not sealed yet join too`() throws {
    let schema = { (samples: Int) in
      RunSchema(
        .run, title: "open",
        arrays: [
          ArraySchema("/x/y", .int32, [.init("sample", samples)], longName: "y"),
          ArraySchema("/z/step", .int32, [.growing("step")], longName: "step"),
        ], provenance: Provenance(configuration: "", seed: 1, blasCore: ""))
    }
    var recorders: [Recorder] = []
    for rank in 0..<2 {
      let recorder = try Recorder(RunPlace(folder + "/open\(rank)"), schema(2 + rank))
      try recorder.append("/x/y", (0..<2 + rank).map { Int32(10 * rank + $0) })
      try recorder.append("/z/step", [1, 2] as [Int32])
      try recorder.finish()
      recorders.append(recorder)
    }
    let ranks = try (0..<2).map { try RunReader(folder + "/open\($0).run") }
    let path = folder + "/open.h5"
    try ArchiveRewriter(ranks, ArchiveRewriter.Options()).write(to: path, replacing: false)
    #expect(try RunReader(path).read("/x/y", as: Int32.self).elements == [0, 1, 10, 11, 12])
    #expect(try ArchiveCheck.run(path).findings.isEmpty)
    // What is not shared out must be the same in every rank.
    for (rank, step) in [Int32(7), 9].enumerated() {
      try recorders[rank].append("/z/step", [step])
      try recorders[rank].finish()
    }
    let differing = try (0..<2).map { try RunReader(folder + "/open\($0).run") }
    #expect(throws: ArchiveError.self) {
      try ArchiveRewriter(differing, ArchiveRewriter.Options()).write(to: path, replacing: true)
    }
  }

  @Test func `ranks that do not fit together are refused by name`() throws {
    let schema = RunSchema(
      .run, title: "other",
      arrays: [ArraySchema("/x/y", .int32, [.init("sample", 2)], longName: "y")],
      provenance: Provenance(configuration: "", seed: 1, blasCore: ""))
    let recorder = try Recorder(RunPlace(folder + "/other"), schema)
    try recorder.append("/x/y", [1, 2] as [Int32])
    let other = try RunReader(recorder.seal())
    let first = try record("first")
    #expect {
      _ = try ArchiveRewriter([first, other], ArchiveRewriter.Options())
    } throws: { String(describing: $0).contains("is missing") }
  }

  @Test func `csv takes arrays of one axis, or one array of any`() throws {
    let reader = try record("csv")
    let path = folder + "/out.csv"
    try ArchiveExport(reader, selection: ["/s/*"], checkpoint: nil).write(
      .csv, to: path, replacing: false)
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    #expect(lines.count == 25)
    #expect(lines[0] == "s/label,s/name")
    #expect(lines[3] == "2,n2")
    try ArchiveExport(reader, selection: ["/a/values"], checkpoint: -1).write(
      .csv, to: path, replacing: true)
    let long = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    #expect(long.count == 24 * 30 + 1)
    #expect(long[0] == "sample,channel,a/values")
    #expect(long[32] == "1,1,\(Self.values[(4 * 24 + 1) * 30 + 1])")
    #expect {
      try ArchiveExport(reader, selection: [], checkpoint: nil).write(
        .csv, to: path, replacing: true)
    } throws: { String(describing: $0).contains("csv holds one table") }
    #expect(throws: ArchiveError.self) {
      try ArchiveExport(reader, selection: ["/nothing"], checkpoint: nil).write(
        .npz, to: folder + "/n.npz", replacing: false)
    }
    #expect(!FileManager.default.fileExists(atPath: folder + "/n.npz"))
  }

  @Test func `values changed after sealing get their own hash, and it is said`() throws {
    let source = try record("changed").path
    do {
      let file = try File.open(source, writable: true)
      try file.root.dataset("/d/field").write([7.5], start: [1], count: [1])
      try file.close()
    }
    let changed = try RunReader(source)
    #expect(!(try ArchiveCheck.run(source).findings.isEmpty))
    let path = folder + "/mended.h5"
    let notes = try ArchiveRewriter([changed], .init()).write(to: path, replacing: false)
    #expect(notes.count == 1 && notes[0].contains("/d/field"))
    #expect(try RunReader(path).read("/d/field", as: Double.self).elements == [1.5, 7.5, 3.5])
    #expect(try ArchiveCheck.run(path).findings.isEmpty)
    let outcome = try ArchiveExport(changed, selection: ["/d/*"], checkpoint: nil).write(
      .npz, to: folder + "/mended.npz", replacing: false)
    #expect(outcome.notes.count == 1)
  }

  @Test func `a damaged chunk is named, and nothing is left`() throws {
    let reader = try record("damaged")
    let dataset = try File.open(reader.path).root.dataset("/a/values")
    let offset = [0, 0, 0]
    let stored = try dataset.readChunk(offset: offset)
    let chunk = Data(try #require(stored).bytes)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: reader.path))
    let place = try #require(bytes.range(of: chunk))
    bytes[place.lowerBound + chunk.count / 2] ^= 4
    let damaged = folder + "/hurt.h5"
    try bytes.write(to: URL(fileURLWithPath: damaged))
    let other = folder + "/other.h5"
    for pattern in [ChunkPattern?.none, .sample] {
      var options = ArchiveRewriter.Options()
      options.pattern = pattern
      #expect {
        try ArchiveRewriter([RunReader(damaged)], options).write(to: other, replacing: false)
      } throws: {
        let text = String(describing: $0)
        return text.contains("hurt.h5:/a/values") && text.contains("checksum")
      }
    }
    for format in ArchiveExport.Format.allCases {
      #expect(throws: (any Error).self) {
        try ArchiveExport(RunReader(damaged), selection: ["/a/values"], checkpoint: nil).write(
          format, to: other, replacing: false)
      }
    }
    let left = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(Set(left) == ["damaged.h5", "hurt.h5"], "\(left)")
  }

  @Test func `ranks that say other things of their arrays are refused, and their coordinates join`()
    throws
  {
    func rank(_ name: String, _ ids: [Double], units: String = "m") throws -> RunReader {
      let schema = RunSchema(
        .run, title: "rank",
        arrays: [
          ArraySchema(
            "/x/y", .float32, [.init("sample", ids.count, coordinates: ids), .init("channel", 2)],
            longName: "y", units: units),
          ArraySchema(
            "/z/y", .float32, [.init("channel", 2), .init("sample", ids.count)], longName: "y"),
        ], provenance: Provenance(configuration: "", seed: 1, blasCore: ""))
      let recorder = try Recorder(RunPlace(folder + "/" + name), schema)
      for path in ["/x/y", "/z/y"] {
        try recorder.append(path, (0..<2 * ids.count).map { Float(ids[0]) + Float($0) })
      }
      return try RunReader(recorder.seal())
    }
    let ranks = [try rank("r0", [5, 7, 8]), try rank("r1", [20, 21])]
    let path = folder + "/ids.h5"
    try ArchiveRewriter(ranks, .init()).write(to: path, replacing: false)
    let joined = try RunReader(path)
    #expect(try joined.read("/x/sample", as: Double.self).elements == [5, 7, 8, 20, 21])
    #expect(try joined.read("/z/sample", as: Double.self).elements == [0, 1, 2, 3, 4])
    #expect(
      try joined.read("/z/y", as: Float.self).elements == [5, 6, 7, 20, 21, 8, 9, 10, 22, 23])
    #expect(try ArchiveCheck.run(path).findings.isEmpty)
    let odd = try rank("r2", [1], units: "km")
    #expect {
      _ = try ArchiveRewriter([ranks[0], odd], .init())
    } throws: { String(describing: $0).contains("units") }
  }

  @Test func `the order in which arrays were made stays`() throws {
    let schema = RunSchema(
      .run, title: "order",
      arrays: ["zeta", "alpha", "mid"].map {
        ArraySchema("/p/\($0)", .int32, [.init("channel", 2)], longName: $0)
      }, provenance: Provenance(configuration: "", seed: 1, blasCore: ""))
    let recorder = try Recorder(RunPlace(folder + "/order"), schema)
    for array in schema.arrays { try recorder.append(array.path, [1, 2] as [Int32]) }
    let path = folder + "/again.h5"
    try ArchiveRewriter([RunReader(recorder.seal())], .init()).write(to: path, replacing: false)
    let names = try File.open(path).root.group("p").links(byCreation: true).map(\.name.shown)
    #expect(names == ["zeta", "alpha", "mid", "channel"])
  }

  @Test func `an array in one piece that was never written stays so`() throws {
    let path = folder + "/piece.h5"
    let file = try File.create(path)
    try file.root.setAttribute("isotherm_layout", .integer(1))
    try file.root.setAttribute("kind", .text("metrics"))
    for name in ["never", "zeros"] {
      let dataset = try file.root.createDataset(name, .float32, shape: [4, 6])
      if name == "zeros" { try dataset.write([Float](repeating: 0, count: 24)) }
    }
    try file.close()
    for (round, pattern) in [ChunkPattern?.none, .sample].enumerated() {
      var options = ArchiveRewriter.Options()
      options.pattern = pattern
      options.filters = .standard
      let out = folder + "/piece-\(round).h5"
      try ArchiveRewriter([RunReader(path)], options).write(to: out, replacing: false)
      let root = try File.open(out).root
      #expect(try root.dataset("never").firstUnwritten() != nil)
      #expect(try root.dataset("zeros").firstUnwritten() == nil)
      #expect(try ArchiveDifference(RunReader(path), RunReader(out), tolerance: 0).agrees)
    }
  }
}
