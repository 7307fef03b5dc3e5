import Foundation
import Testing

import Checkpoints

/// What the format's text asks for; all of the 32 cases that an independent script builds for its reference implementation.
@Suite struct SafetensorsTests {
  private let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  private static func entry(
    _ start: Int, _ end: Int, _ shape: String, _ type: String = "F32"
  ) -> String {
    "{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":[\(start),\(end)]}"
  }

  private static let data = [UInt8](repeating: 0, count: 16)
  private static let one = "{\"a\":\(entry(0, 16, "[4]"))}"

  private static let accepted: [(String, [UInt8], [String: [Int]])] = [
    (
      "two tensors",
      safetensors("{\"a\":\(entry(0, 8, "[2]")),\"b\":\(entry(8, 16, "[2]"))}", data),
      ["a": [2], "b": [2]]
    ),
    (
      "keys in another order",
      safetensors("{\"b\":\(entry(8, 16, "[2]")),\"a\":\(entry(0, 8, "[2]"))}", data),
      ["a": [2], "b": [2]]
    ),
    ("trailing spaces", safetensors(one + "   ", data), ["a": [4]]),
    ("a scalar", safetensors("{\"a\":\(entry(0, 4, "[]"))}", Array(data.prefix(4))), ["a": []]),
    (
      "an empty tensor",
      safetensors("{\"a\":\(entry(0, 0, "[0,3]")),\"b\":\(entry(0, 16, "[4]"))}", data),
      ["a": [0, 3], "b": [4]]
    ),
    ("no tensor", safetensors("{}", []), [:]),
    (
      "a further field",
      safetensors(
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16],\"x\":1}}", data),
      ["a": [4]]
    ),
    ("a boolean of 2", safetensors("{\"a\":\(entry(0, 1, "[1]", "BOOL"))}", [2]), ["a": [1]]),
  ]

  @Test(arguments: accepted.indices)
  func `accepts`(_ number: Int) throws {
    let (name, bytes, shapes) = Self.accepted[number]
    let file = try Checkpoint.open(try folder.write("a.safetensors", bytes))
    #expect(file.format == .safetensors, "\(name)")
    let found = Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.name, $0.shape) })
    #expect(found == shapes, "\(name)")
  }

  private static let refused: [(String, [UInt8])] = [
    ("a hole", safetensors("{\"a\":\(entry(0, 4, "[1]")),\"b\":\(entry(8, 16, "[2]"))}", data)),
    (
      "an overlap", safetensors("{\"a\":\(entry(0, 12, "[3]")),\"b\":\(entry(8, 16, "[2]"))}", data)
    ),
    (
      "one range twice",
      safetensors("{\"a\":\(entry(0, 16, "[4]")),\"b\":\(entry(0, 16, "[4]"))}", data)
    ),
    ("trailing bytes", safetensors("{\"a\":\(entry(0, 12, "[3]"))}", data)),
    ("values cut short", safetensors("{\"a\":\(entry(0, 32, "[8]"))}", data)),
    ("an end before the start", safetensors("{\"a\":\(entry(8, 0, "[0]"))}", data)),
    ("another shape", safetensors("{\"a\":\(entry(0, 16, "[5]"))}", data)),
    (
      "an overflowing shape",
      safetensors("{\"a\":\(entry(0, 16, "[1099511627776,1099511627776]"))}", data)
    ),
    ("a negative length", safetensors("{\"a\":\(entry(0, 16, "[-4]"))}", data)),
    ("a fractional length", safetensors("{\"a\":\(entry(0, 16, "[4.0]"))}", data)),
    ("an unknown type", safetensors("{\"a\":\(entry(0, 16, "[4]", "F31"))}", data)),
    (
      "a key twice", safetensors("{\"a\":\(entry(0, 8, "[2]")),\"a\":\(entry(8, 16, "[2]"))}", data)
    ),
    (
      "a key twice over one range",
      safetensors("{\"a\":\(entry(0, 16, "[4]")),\"a\":\(entry(0, 16, "[2,2]"))}", data)
    ),
    (
      "a field twice",
      safetensors(
        "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"I32\",\"shape\":[4],\"data_offsets\":[0,16]}}", data)
    ),
    (
      "metadata that is no text",
      safetensors("{\"__metadata__\":{\"n\":1},\"a\":\(entry(0, 16, "[4]"))}", data)
    ),
    ("a leading space", safetensors(" " + one, data)),
    ("a header beyond the file", safetensors(one, data, length: 1_000_000)),
    ("a header of 2^63", safetensors(one, data, length: 1 << 63)),
    ("a header beyond the format's bound", safetensors(one, data, length: 100_000_001)),
    (
      "a name that is not UTF-8",
      safetensors(Array("{\"".utf8) + [0xFF] + Array("\":\(entry(0, 16, "[4]"))}".utf8), data)
    ),
    (
      "three offsets",
      safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16,16]}}", data)
    ),
    (
      "a key twice, once escaped",
      safetensors("{\"a\":\(entry(0, 8, "[2]")),\"\\u0061\":\(entry(8, 16, "[2]"))}", data)
    ),
    ("four bytes", Array("abcd".utf8)),
    ("a value that is not JSON", safetensors("{\"a\":\(entry(0, 16, "[4]")),\"b\":NaN}", data)),
    ("something behind the header", safetensors(one + "x", data)),
    ("no offsets", safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[4]}}", data)),
    ("half a surrogate pair", safetensors("{\"\\ud800\":\(entry(0, 16, "[4]"))}", data)),
    ("deep nesting", safetensors(#"{"a":{"x":"# + String(repeating: "[", count: 100_000), data)),
    ("a length with a leading zero", safetensors("{\"a\":\(entry(0, 16, "[04]"))}", data)),
    ("metadata twice", safetensors("{\"__metadata__\":{},\"__metadata__\":{}}", [])),
  ]

  @Test(arguments: refused.indices)
  func `refuses`(_ number: Int) throws {
    let (name, bytes) = Self.refused[number]
    let path = try folder.write("a.safetensors", bytes)
    let error = #expect(throws: CheckpointError.self, "\(name)") { try Checkpoint.open(path) }
    #expect(error?.code == .damaged, "\(name): \(String(describing: error))")
    #expect(error?.description.contains("\n") == false)
  }

  @Test func `tells names apart that only look the same`() throws {
    let header = "{\"e\\u0301\":\(Self.entry(0, 8, "[2]")),\"\\u00e9\":\(Self.entry(8, 16, "[2]"))}"
    let values = floatBytes([1, 2, 3, 4])
    let file = try Checkpoint.open(
      try folder.write("a.safetensors", safetensors(header, values)))
    #expect(try file.floats("e\u{301}").elements == [1, 2])
    #expect(try file.floats("\u{e9}").elements == [3, 4])
  }

  @Test func `names a boolean that is neither when it is read`() throws {
    let path = try folder.write(
      "a.safetensors", safetensors("{\"a\":\(Self.entry(0, 2, "[2]", "BOOL"))}", [1, 2]))
    let file = try Checkpoint.open(path)
    #expect(throws: CheckpointError.self) { try file.floats("a") }
    #expect(try file.floats("a", rows: 0..<1).elements == [1])
  }

  @Test func `types of eight bits are listed and refused by name`() throws {
    let path = try folder.write(
      "a.safetensors", safetensors("{\"a\":\(Self.entry(0, 2, "[2]", "F8_E4M3"))}", [1, 2]))
    let file = try Checkpoint.open(path)
    #expect(file.tensors.first?.type == .unreadable("F8_E4M3"))
    let error = #expect(throws: CheckpointError.self) { try file.floats("a") }
    #expect(error?.description.contains("F8_E4M3") == true)
  }
}
