import Archive
import Foundation
import Testing

/// Whatever schema.json holds, the folder's parts are joined or refused by one line. 10,000 texts with ISOTHERM_LONG=1.
@Suite struct SchemaFuzzTests {
  @Test func `a mutated schema traps nobody`() throws {
    let count = ProcessInfo.processInfo.environment["ISOTHERM_LONG"] == nil ? 300 : 10_000
    let folder = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let place = RunPlace(folder + "/a")
    let schema = RunSchema(
      .metrics, title: "t",
      arrays: [
        ArraySchema("/a/x", .float64, [.growing("row"), .init("k", 3)], longName: "x"),
        ArraySchema("/a/n", .utf8, [.init("k", 3)], longName: "names"),
        ArraySchema("/a/k", .int32, [.init("k", 3)], longName: "numbers"),
      ], provenance: Provenance(configuration: "", seed: 1, blasCore: ""))
    do {
      let recorder = try Recorder(place, schema)
      recorder.write("/a/n", ["a", "b", "c"])
      try recorder.append("/a/x", [1.0, 2, 3])
      try recorder.append("/a/k", [Int32(1), 2, 3])
      try recorder.finish()
    }
    let path = place.folder + "/schema.json"
    let whole = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    let values = [
      "-1", "0", "1e400", "9223372036854775807", "9223372036854775808", "null", "\"\"", "[]", "{}",
      "true",
      "\"/\"", "\"utf8\"", "\"float16\"", "268435456", "1.5", "\"/a/x\"", "NaN",
      String(repeating: "[", count: 2000),
    ]
    var state: UInt64 = 1
    func next(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(max(limit, 1)))
    }
    var (joined, refused) = (0, 0)
    for number in 0..<count {
      var bytes = whole
      for _ in 0...next(2) {
        switch next(4) {
        case 0: bytes[next(bytes.count)] = UInt8(next(256))
        case 1: bytes.removeLast(next(bytes.count))
        default:
          let places = bytes.indices.filter { $0 > 0 && bytes[$0 - 1] == 58 }
          guard !places.isEmpty else { continue }
          let start = places[next(places.count)]
          let end = bytes[start...].firstIndex { $0 == 44 || $0 == 125 || $0 == 93 } ?? bytes.count
          bytes.replaceSubrange(start..<end, with: Array(values[next(values.count)].utf8))
        }
        if bytes.isEmpty { break }
      }
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      do {
        _ = try Recorder.takeOver(place)
        joined += 1
      } catch {
        refused += 1
        #expect(!String(describing: error).contains("\n"), "\(number): \(error)")
      }
    }
    #expect(joined > 0 && refused > 0)
  }
}
