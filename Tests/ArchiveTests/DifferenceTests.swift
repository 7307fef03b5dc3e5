import Archive
import Arrays
import Foundation
import HDF5
import Kernels
import Testing

/// Comparing archives value by value.
@Suite struct DifferenceTests {
  private let folder: String
  init() throws {
    folder = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  private static let numbers = ElementType.allCases.filter { $0 != .utf8 }
  private static let shapes: [[Int]] = [[], [0], [1], [7], [3, 0], [2, 5], [300, 7, 11]]

  /// An archive with an array of each type and shape; `change` may alter the bytes of the one at its path.
  private func make(
    _ name: String, chunked: Bool = false, seed: UInt64 = 5,
    _ change: (String, ElementType, inout [UInt8]) -> Void = { _, _, _ in }
  ) throws -> RunReader {
    let path = "\(folder)/\(name)-\(UUID().uuidString).h5"
    let file = try File.create(path)
    let root = try file.root
    try root.setAttribute("isotherm_layout", .integer(1))
    try root.setAttribute("kind", .text("metrics"))
    var random = Philox(seed: seed, stream: 1)
    for type in Self.numbers {
      let group = try root.makeGroup("x/\(type.rawValue)")
      for shape in Self.shapes {
        let size = shape.reduce(type.byteCount ?? 1, *)
        var bytes = (0..<size).map { _ in UInt8(random.uniform() * 256) }
        if type.isFloatingPoint {
          // No exponent of all ones: every value is a number.
          for i in stride(from: (type.byteCount ?? 1) - 1, to: size, by: type.byteCount ?? 1) {
            bytes[i] &= 0xBF
          }
        }
        let label = shape.isEmpty ? "scalar" : shape.map(String.init).joined(separator: "x")
        change("/x/\(type.rawValue)/\(label)", type, &bytes)
        let isChunked = chunked && !shape.isEmpty && !shape.contains(0)
        let dataset = try group.createDataset(
          label, type, shape: shape,
          DatasetCreation(
            chunk: isChunked ? shape.map { max(1, $0 / 2) } : nil,
            filters: isChunked ? .standard : .none))
        try bytes.withUnsafeBytes { try dataset.write(from: $0, as: type) }
      }
    }
    try file.close()
    return try RunReader(path)
  }

  @Test func `one changed bit of any type, shape and place is found, and named by its place`()
    throws
  {
    let first = try make("first")
    let again = try make("again", chunked: true)
    #expect(
      try ArchiveDifference(first, again, tolerance: 0).items.allSatisfy { $0.verdict == .equal })
    var random = Philox(seed: 9, stream: 2)
    for type in Self.numbers {
      for shape in Self.shapes where !shape.contains(0) {
        let label = shape.isEmpty ? "scalar" : shape.map(String.init).joined(separator: "x")
        guard shape.count < 3 || random.uniform() < 0.3 else { continue }
        let count = shape.reduce(1, *)
        let index = Int(random.uniform() * Double(count))
        let path = "/x/\(type.rawValue)/\(label)"
        let changed = try make("changed", chunked: random.uniform() < 0.5) { place, type, bytes in
          if place == path { bytes[index * (type.byteCount ?? 1)] ^= 1 }
        }
        let difference = try ArchiveDifference(first, changed, tolerance: 0)
        #expect(!difference.agrees, "\(path)")
        let odd = difference.items.filter { $0.verdict != .equal }
        #expect(odd.map(\.path) == [path])
        var (expected, rest) = ([Int](), index)
        for length in shape.reversed() {
          expected.insert(rest % length, at: 0)
          rest /= length
        }
        #expect(odd.first?.place == expected, "\(path)")
      }
    }
  }

  @Test func `whole numbers are compared as such beyond what a double tells apart`() throws {
    func pair(_ a: Int64, _ b: Int64) throws -> (RunReader, RunReader) {
      func one(_ name: String, _ value: Int64) throws -> RunReader {
        try make(name) { path, _, bytes in
          if path == "/x/int64/1" { bytes = withUnsafeBytes(of: value) { Array($0) } }
        }
      }
      return (try one("a", a), try one("b", b))
    }
    let (a, b) = try pair(1 << 60, (1 << 60) + 1)
    #expect(try !ArchiveDifference(a, b, tolerance: 0).agrees)
    #expect(try !ArchiveDifference(a, b, tolerance: 0.9).agrees)
    #expect(try ArchiveDifference(a, b, tolerance: 1).agrees)
    let (c, d) = try pair(.min, .max)
    let item = try ArchiveDifference(c, d, tolerance: 1e18).items.first { $0.path == "/x/int64/1" }
    #expect(item?.verdict == .different)
    #expect(item?.detail.contains("18446744073709551615") == true)
  }

  @Test func `NaN of other bits and zeros of the other sign are close, and said`() throws {
    func one(_ name: String, _ values: [Double]) throws -> RunReader {
      try make(name) { path, _, bytes in
        if path == "/x/float64/7" { bytes = values.withUnsafeBytes { Array($0) } }
      }
    }
    let payload = Double(bitPattern: Double.nan.bitPattern | 77)
    let first = try one("first", [.nan, 0, 1, 2, 3, 4, .infinity])
    let second = try one("second", [payload, -0.0, 1, 2, 3, 4, .infinity])
    let difference = try ArchiveDifference(first, second, tolerance: 0)
    let item = difference.items.first { $0.path == "/x/float64/7" }
    #expect(difference.agrees && item?.verdict == .close)
    #expect(item?.detail == "1 NaN of other bits on both sides, 1 zeros of the other sign")
    let third = try one("third", [1, 0, 1, 2, 3, 4, 5])
    #expect(try !ArchiveDifference(first, third, tolerance: 1e300).agrees)
  }

  /// An array of 8 x 6 zeros of which only some blocks of 2 x 3 were ever written, in chunks of `chunk`.
  private func zeros(_ written: Set<Int>, chunk: [Int]) throws -> RunReader {
    let path = "\(folder)/zeros-\(UUID().uuidString).h5"
    let file = try File.create(path)
    let root = try file.root
    try root.setAttribute("isotherm_layout", .integer(1))
    try root.setAttribute("kind", .text("metrics"))
    let dataset = try root.createDataset(
      "x", .float32, shape: [8, 6], DatasetCreation(chunk: chunk, filters: .none))
    for block in written {
      let bytes = [UInt8](repeating: 0, count: 2 * 3 * 4)
      try bytes.withUnsafeBytes {
        try dataset.write(
          from: $0, as: .float32, start: [block / 2 * 2, block % 2 * 3], count: [2, 3])
      }
    }
    try file.close()
    return try RunReader(path)
  }

  @Test func `a chunk that was never written is not equal to one written with zeros`() throws {
    var random = Philox(seed: 11, stream: 3)
    for round in 0..<40 {
      let a = Set((0..<8).filter { _ in random.uniform() < 0.6 })
      let b = round % 4 == 0 ? a : Set((0..<8).filter { _ in random.uniform() < 0.6 })
      // Chunks of one file may join blocks: what a chunk holds was written when any of it was.
      let isWide = round % 3 == 0
      func chunks(_ blocks: Set<Int>) -> Set<Int> { isWide ? Set(blocks.map { $0 / 2 }) : blocks }
      let joined = isWide ? Set(chunks(b).flatMap { [2 * $0, 2 * $0 + 1] }) : b
      let difference = try ArchiveDifference(
        try zeros(a, chunk: [2, 3]), try zeros(b, chunk: isWide ? [2, 6] : [2, 3]), tolerance: 0)
      #expect(difference.agrees == (a == joined), "\(a.sorted()) against \(joined.sorted())")
      if a != joined {
        let item = try #require(difference.items.first { $0.path == "/x" })
        #expect(item.verdict == .different)
        #expect(item.detail.contains("never written"), "\(item.detail)")
        #expect(item.place != nil)
      }
    }
  }

  @Test func `texts that were never written are not equal to empty ones`() throws {
    func texts(_ values: [String]?) throws -> RunReader {
      let path = "\(folder)/texts-\(UUID().uuidString).h5"
      let file = try File.create(path)
      try file.root.setAttribute("isotherm_layout", .integer(1))
      try file.root.setAttribute("kind", .text("metrics"))
      let dataset = try file.root.createDataset("t", .utf8, shape: [3])
      if let values { try dataset.writeStrings(values) }
      try file.close()
      return try RunReader(path)
    }
    let (never, empty) = (try texts(nil), try texts(["", "", ""]))
    for (a, b) in [(never, empty), (empty, never)] {
      let item = try #require(
        try ArchiveDifference(a, b, tolerance: 0).items.first { $0.path == "/t" })
      #expect(item.verdict == .different && item.detail.contains("never written"))
    }
    for (a, b) in [(never, try texts(nil)), (empty, try texts(["", "", ""]))] {
      #expect(try ArchiveDifference(a, b, tolerance: 0).agrees)
    }
  }
}
