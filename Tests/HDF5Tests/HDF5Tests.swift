import Arrays
import Foundation
import HDF5
import Testing

/// A folder that goes away with the test.
final class ScratchFolder {
  let path: String
  init() throws {
    path = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }
  func file(_ name: String) -> String { path + "/" + name }
}

@Suite struct HDF5Tests {
  private let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  @Test func `numbers of every type come back as they were written`() throws {
    let path = folder.file("a.h5")
    let file = try File.create(path)
    func roundtrip<Number: ArrayElement & Equatable>(_ values: [Number]) throws {
      let dataset = try file.root.createDataset(
        "\(Number.elementType)", Number.elementType, shape: [values.count])
      try dataset.write(values)
      #expect(try dataset.read(Number.self) == values)
      #expect(try dataset.elementType == Number.elementType)
    }
    try roundtrip([Int8.min, 0, .max])
    try roundtrip([UInt8.min, 7, .max])
    try roundtrip([Int16.min, 0, .max])
    try roundtrip([UInt16.max])
    try roundtrip([Int32.min, 0, .max])
    try roundtrip([UInt32.max])
    try roundtrip([Int64.min, 0, .max])
    try roundtrip([UInt64.max])
    try roundtrip([Float.pi, -0, .infinity])
    try roundtrip([Double.pi, .leastNonzeroMagnitude])
    try file.close()
  }

  @Test func `blocks of random shapes agree with memory`() throws {
    var random = SystemRandomNumberGenerator()
    let file = try File.create(folder.file("b.h5"))
    for trial in 0..<20 {
      let shape = (0..<Int.random(in: 1...4, using: &random)).map { _ in
        Int.random(in: 1...7, using: &random)
      }
      let values = (0..<shape.reduce(1, *)).map { Int32($0) }
      let dataset = try file.root.createDataset(
        "t\(trial)", .int32, shape: shape,
        DatasetCreation(chunk: shape.map { ($0 + 1) / 2 }, filters: .standard))
      try dataset.write(values)
      let start = shape.map { Int.random(in: 0..<$0, using: &random) }
      let count = zip(shape, start).map { Int.random(in: 1...($0 - $1), using: &random) }
      var expected: [Int32] = []
      func visit(_ axis: Int, _ offset: Int) {
        if axis == shape.count { return expected.append(values[offset]) }
        for i in start[axis]..<start[axis] + count[axis] {
          visit(axis + 1, offset * shape[axis] + i)
        }
      }
      visit(0, 0)
      #expect(try dataset.read(Int32.self, start: start, count: count) == expected)
    }
    try file.close()
  }

  @Test func `text of any language comes back`() throws {
    let file = try File.create(folder.file("c.h5"))
    let texts = ["", "plain", "Grüße, 世界 ∂u/∂t", String(repeating: "x", count: 10_000)]
    let dataset = try file.root.createDataset("text", .utf8, shape: [4])
    try dataset.writeStrings(texts)
    #expect(try dataset.readStrings() == texts)
    let scalar = try file.root.createDataset("one", .utf8, shape: [])
    try scalar.writeStrings(["α"])
    #expect(try scalar.readStrings() == ["α"])
    try file.close()
  }

  @Test func `attributes of each kind come back, and are replaced`() throws {
    let file = try File.create(folder.file("d.h5"))
    let group = try file.root.makeGroup("a/b")
    try group.setAttribute("text", .text("nat"))
    try group.setAttribute("text", .text("pixel²"))
    try group.setAttribute("number", .number(0.5))
    try group.setAttribute("integer", .integer(-3))
    try group.setAttribute("texts", .texts(["one", "two"]))
    #expect(try group.attribute("text") == .text("pixel²"))
    #expect(try group.attribute("number") == .number(0.5))
    #expect(try group.attribute("integer") == .integer(-3))
    #expect(try group.attribute("texts") == .texts(["one", "two"]))
    #expect(try group.attribute("missing") == nil)
    #expect(try group.attributeNames().sorted() == ["integer", "number", "text", "texts"])
    #expect(group.path == "/a/b")
    try file.close()
  }

  @Test func `scales name axes`() throws {
    let file = try File.create(folder.file("e.h5"))
    let root = try file.root
    let values = try root.createDataset("values", .float32, shape: [2, 3])
    for (axis, name, length) in [(0, "query", 2), (1, "key", 3)] {
      let scale = try root.createDataset(name, .int32, shape: [length])
      try scale.makeScale(name)
      try values.attach(scale, axis: axis)
      #expect(scale.isScale)
    }
    #expect(try values.axisNames() == ["query", "key"])
    #expect(!values.isScale)
    try file.close()
  }

  @Test func `virtual datasets join rows of other files by relative paths`() throws {
    for (name, rows) in [("p0.h5", [1, 2]), ("p1.h5", [3])] {
      let part = try File.create(folder.file(name))
      let dataset = try part.root.createDataset("v", .int32, shape: [rows.count])
      try dataset.write(rows.map { Int32($0) })
      try part.close()
    }
    let path = folder.file("index.h5")
    let index = try File.create(path)
    _ = try index.root.createDataset(
      "v", .int32, shape: [3],
      DatasetCreation(sources: [
        .init(file: "p0.h5", dataset: "v", start: 0, count: 2),
        .init(file: "p1.h5", dataset: "v", start: 2, count: 1),
      ]))
    try index.close()
    let joined = try File.open(path).root.dataset("v")
    #expect(try joined.read(Int32.self) == [1, 2, 3])
    #expect(try joined.isVirtual)
  }

  @Test func `a chunk can be read and written past the filters`() throws {
    let file = try File.create(folder.file("f.h5"))
    let creation = DatasetCreation(
      maximumShape: [nil], chunk: [4], filters: .init(shuffle: true, deflate: 1, fletcher32: true))
    let dataset = try file.root.createDataset("v", .float32, shape: [8], creation)
    try dataset.write((0..<8).map { Float($0) })
    let chunk = try #require(try dataset.readChunk(offset: [4]))
    let copy = try file.root.createDataset("w", .float32, shape: [4], creation)
    try chunk.bytes.withUnsafeBytes { try copy.writeChunk($0, offset: [0]) }
    #expect(try copy.read(Float.self) == [4, 5, 6, 7])
    #expect(try copy.layout?.filters == .standard)
    try file.close()
  }

  @Test func `the folder of a path is found, of one-letter names too`() {
    #expect(parentFolder("y") == ".")
    #expect(parentFolder("a/y") == "a")
    #expect(parentFolder("/y") == "/")
    #expect(parentFolder("/a/b.h5") == "/a")
  }

  @Test func `a missing file says so`() {
    #expect {
      _ = try File.open("/nowhere/x.h5")
    } throws: { ($0 as? HDF5Error)?.code == .missingFile }
  }

  @Test func `a foreign file and a truncated one are told apart, with the stack`() throws {
    let text = folder.file("text.h5")
    try "not HDF5 at all".write(toFile: text, atomically: true, encoding: .utf8)
    #expect {
      _ = try File.open(text)
    } throws: { error in
      guard let error = error as? HDF5Error else { return false }
      return error.code == .notReadable && error.message.contains("not an HDF5 file")
        && !error.stack.isEmpty
    }
    let whole = folder.file("whole.h5")
    let file = try File.create(whole)
    try file.root.createDataset("v", .float64, shape: [1000]).write(
      [Double](repeating: 1, count: 1000))
    try file.close()
    let bytes = try Data(contentsOf: URL(fileURLWithPath: whole))
    let cut = folder.file("cut.h5")
    try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: cut))
    #expect {
      _ = try File.open(cut)
    } throws: { ($0 as? HDF5Error)?.message.contains("cut short") ?? false }
  }

  @Test func `an existing file is not replaced unless asked`() throws {
    let path = folder.file("g.h5")
    try File.create(path).close()
    #expect {
      _ = try File.create(path)
    } throws: { ($0 as? HDF5Error)?.message.contains("--force") ?? false }
    try File.create(path, replacing: true).close()
  }

  @Test func `a block outside the shape is refused`() throws {
    let file = try File.create(folder.file("h.h5"))
    let dataset = try file.root.createDataset("v", .int32, shape: [3])
    #expect {
      _ = try dataset.read(Int32.self, start: [2], count: [2])
    } throws: { ($0 as? HDF5Error)?.code == .mismatch }
    #expect {
      _ = try file.root.dataset("nothing")
    } throws: { ($0 as? HDF5Error)?.code == .missingObject }
    try file.close()
  }
}
