import Archive
import Arrays
import Foundation
import HDF5
import Testing

/// What nobody wrote is absent or refused, never a number.
@Suite struct AbsenceTests {
  private let folder: String
  init() throws {
    folder = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  private func schema(_ type: ElementType) -> RunSchema {
    RunSchema(
      .fields, title: "test",
      arrays: ["whole", "begun", "never"].map {
        ArraySchema(
          "/fields/\($0)/u", type, [.init("depth", 6), .init("sample", 500)], longName: "field")
      } + [
        ArraySchema("/progress/loss", .float64, [.growing("step")], longName: "loss"),
        ArraySchema("/classes/name", .utf8, [.init("class", 2)], longName: "names"),
      ],
      provenance: Provenance(configuration: "x: 1\n", seed: 3, blasCore: "none"))
  }

  private func write<Element: ArrayElement>(_ values: [Element], _ name: String) throws -> Recorder
  {
    let recorder = try Recorder(RunPlace(folder + "/" + name), schema(Element.elementType))
    try recorder.append("/fields/whole/u", values)
    try recorder.append("/fields/begun/u", Array(values[..<1000]))
    try recorder.append("/progress/loss", [0.5])
    try recorder.finish()
    return recorder
  }

  private func expectAbsence<Element: ArrayElement & Equatable>(
    _ values: [Element], in name: String
  ) throws {
    let reader = try RunReader(folder + "/" + name)
    #expect(try reader.read("/fields/whole/u", as: Element.self).elements == values)
    #expect(!reader.contains("/fields/never/u"))
    #expect(!reader.contains("/classes/name"))
    #expect(
      try Set(reader.absentArrays()) == ["/fields/never/u", "/classes/name", "/fields/begun/u"])
    let begun = try reader.read(
      "/fields/begun/u", as: Element.self, start: [0, 0], count: [2, 500])
    #expect(begun.elements == Array(values[..<1000]))
    for (start, count) in [([0, 0], [6, 500]), ([1, 0], [2, 500]), ([5, 499], [1, 1])] {
      #expect(throws: ArchiveError.self) {
        try reader.read("/fields/begun/u", as: Element.self, start: start, count: count)
      }
    }
  }

  private func checkType<Element: ArrayElement & Equatable>(_ values: [Element]) throws {
    let name = "\(Element.elementType)"
    let recorder = try write(values, name)
    try expectAbsence(values, in: name + ".run")
    let file = try recorder.seal()
    try expectAbsence(values, in: name + ".h5")
    // In other hands the rows that are not there are the declared fill value.
    let dataset = try File.open(file).root.dataset("/fields/begun/u")
    #expect(try dataset.attribute("_FillValue") != nil)
    let last = try dataset.read(Double.self, start: [5, 0], count: [1, 1])[0]
    #expect(last.isNaN || last == Double(Int32.min) || last == 255)
  }

  @Test func `arrays never written are left out, and half-written ones end where they end`() throws
  {
    try checkType((0..<3000).map { Float($0) })
    try checkType((0..<3000).map { Double($0) })
    try checkType((0..<3000).map { Int32($0) })
    try checkType((0..<3000).map { UInt8($0 % 250) })
  }

  /// A run of four parts, 100 rows of noise each.
  private func parts(_ name: String) throws -> [Float] {
    let recorder = try Recorder(
      RunPlace(folder + "/" + name),
      RunSchema(
        .run, title: "test",
        arrays: [
          ArraySchema(
            "/activations/a/values", .float32, [.growing("checkpoint"), .init("sample", 300)],
            longName: "stream")
        ], provenance: Provenance(configuration: "x: 1\n", seed: 3, blasCore: "none")))
    var (values, state) = ([Float](), UInt64(7))
    for _ in 0..<4 {
      let rows = (0..<100 * 300).map { _ -> Float in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(state >> 40) + 1
      }
      values += rows
      try recorder.append("/activations/a/values", rows)
      try recorder.finish()
    }
    return values
  }

  @Test func `a part cut to any length is named by every reader, and the others are read`() throws {
    let whole = folder + "/whole.run"
    let values = try parts("whole")
    let size =
      try FileManager.default.attributesOfItem(atPath: whole + "/part-000001.h5")[.size] as? Int
      ?? 0
    #expect(size > 50_000)
    for length in [0, 1, 7, 100, 800, 2048, size / 3, size / 2, size - 2048, size - 1, nil] {
      let name = folder + "/cut-\(length ?? -1)"
      try FileManager.default.copyItem(atPath: whole, toPath: name + ".run")
      let part = name + ".run/part-000001.h5"
      if let length {
        #expect(truncate(part, length) == 0)
      } else {
        try FileManager.default.removeItem(atPath: part)
      }
      let reader = try RunReader(name + ".run")
      for rows in [0..<100, 200..<400] {
        let read = try reader.read(
          "/activations/a/values", as: Float.self, start: [rows.lowerBound, 0],
          count: [rows.count, 300])
        #expect(read.elements == Array(values[rows.lowerBound * 300..<rows.upperBound * 300]))
      }
      for (start, count) in [
        ([100, 0], [100, 300]), ([150, 3], [1, 1]), ([0, 0], [400, 300]),
      ] {
        let error = #expect(throws: ArchiveError.self) {
          try reader.read("/activations/a/values", as: Float.self, start: start, count: count)
        }
        #expect(error.map { "\($0)".contains("part-000001.h5") } ?? false, "\(length ?? -1)")
      }
      #expect(try !ArchiveCheck.run(name + ".run").findings.isEmpty)
      #expect(throws: (any Error).self) {
        try ArchiveExport(reader, selection: ["*"], checkpoint: nil).write(
          .npz, to: name + ".npz", replacing: false)
      }
      #expect(throws: (any Error).self) {
        try ArchiveRewriter([reader], .init()).write(to: name + "-again.h5", replacing: false)
      }
      #expect(throws: (any Error).self) { try Recorder.takeOver(RunPlace(name + ".run")).seal() }
      for left in ["\(name).npz", "\(name)-again.h5", "\(name).h5"] {
        #expect(!FileManager.default.fileExists(atPath: left), "\(left)")
      }
    }
  }

  @Test func `a chunk that is not in a sealed file is refused, whatever is asked of it`() throws {
    let path = folder + "/holes.h5"
    let file = try File.create(path)
    for (name, rows) in [("small", 20), ("large", 4000)] {
      let dataset = try file.root.createDataset(
        name, .float32, shape: [rows, 100],
        DatasetCreation(chunk: [rows / 4, 100], filters: .standard))
      let block = [Float](repeating: 1, count: rows / 4 * 100)
      for quarter in [0, 1, 3] {
        try dataset.write(block, start: [quarter * rows / 4, 0], count: [rows / 4, 100])
      }
      try dataset.setAttribute("logical_sha256", .text("made whole"))
      #expect(try dataset.firstUnwritten() == [rows / 2, 0])
    }
    try file.root.setAttribute("isotherm_layout", .integer(1))
    try file.root.setAttribute("kind", .text("run"))
    try file.close()
    let reader = try RunReader(path)
    for (name, rows) in [("/small", 20), ("/large", 4000)] {
      #expect(throws: HDF5Error.self) { try reader.read(name, as: Float.self) }
      #expect(throws: HDF5Error.self) { try reader.readRow(name, rows / 2, as: Double.self) }
      #expect(try reader.readRow(name, 0, as: Float.self).elements.allSatisfy { $0 == 1 })
    }
  }
}
