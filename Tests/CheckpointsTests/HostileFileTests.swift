import Foundation
import Testing

import Checkpoints

/// Files that are made to harm: each is refused by one line, and nothing of it is run or opened.
@Suite struct HostileFileTests {
  private let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  private static let storage = Pickle.storage("FloatStorage", "0", 6)
  private static let many = 1_000_000

  /// Values of pickles, and how they are refused; nil where the pickle is good for nothing but harmless.
  private static let pickles: [(String, [UInt8], CheckpointError.Code)] = [
    (
      "a call of the shell",
      Pickle.global("posix", "system") + Pickle.tuple([Pickle.text("touch harmed")]) + [0x52],
      .forbidden
    ),
    (
      "a global by two texts",
      Pickle.text("builtins") + Pickle.text("eval") + [0x93], .forbidden
    ),
    ("a function of torch", Pickle.global("torch", "load"), .forbidden),
    (
      "a storage that is called", Pickle.global("torch", "FloatStorage") + [0x29, 0x52], .forbidden
    ),
    (
      "an object made by its class", Pickle.global("collections", "OrderedDict") + [0x29, 0x81],
      .forbidden
    ),
    ("an instance", [0x28] + Array("ios\nsystem\n".utf8), .forbidden),
    ("an extension", [0x82, 1], .forbidden),
    ("a name that climbs", Pickle.global("collections", "OrderedDict.__init__"), .forbidden),
    (
      "a million lists in each other",
      [UInt8](repeating: 0x5D, count: many) + [UInt8](repeating: 0x61, count: many - 1), .damaged
    ),
    ("100,000 tuples in each other", [0x29] + [UInt8](repeating: 0x85, count: 100_000), .missing),
    ("a million marks", [UInt8](repeating: 0x28, count: many), .damaged),
    ("a list in itself", [0x5D, 0x71, 0, 0x68, 0, 0x61], .missing),
    ("a dictionary in itself", [0x7D, 0x71, 0] + Pickle.text("a") + [0x68, 0, 0x73], .missing),
    ("text beyond the file", [0x58, 0xFF, 0xFF, 0xFF, 0xFF], .damaged),
    ("nothing on the stack", [0x61], .damaged),
    ("nothing remembered", [0x68, 3], .damaged),
    ("two values", [0x4E, 0x4E], .damaged),
    ("no tensor", Pickle.dictionary([("a", [0x4E])]), .missing),
    ("an extent beyond its storage", tensor([1 << 40], [1]), .damaged),
    ("an extent that overflows", tensor([1 << 40, 1 << 40], [1 << 40, 1]), .damaged),
    ("strides that overflow", tensor([2, 2], [Int.max, Int.max]), .damaged),
    ("a stride beyond its storage", tensor([2, 3], [4, 1]), .damaged),
    ("a negative stride", tensor([2, 3], [-3, 1]), .damaged),
    ("a negative length", tensor([-2, 3], [3, 1]), .damaged),
    ("a negative offset", Pickle.tensor(storage, offset: -1, [2], [1]), .damaged),
    ("an offset beyond its storage", Pickle.tensor(storage, offset: 7, [0], [1]), .damaged),
    ("one value for many", tensor([1 << 40], [0]), .unsupported),
    (
      "a storage that is not there",
      Pickle.tensor(Pickle.storage("FloatStorage", "9", 6), [6], [1]), .damaged
    ),
    (
      "a storage larger than its member",
      Pickle.tensor(Pickle.storage("FloatStorage", "0", 7), [1], [1]), .damaged
    ),
    (
      "a storage of huge size",
      Pickle.tensor(Pickle.storage("FloatStorage", "0", Int.max), [1], [1]), .damaged
    ),
    (
      "a storage outside the archive",
      Pickle.tensor(Pickle.storage("FloatStorage", "../0", 6), [6], [1]), .damaged
    ),
    (
      "more axes than anyone has",
      tensor([Int](repeating: 1, count: 99), [Int](repeating: 1, count: 99)), .damaged
    ),
  ]

  private static func tensor(_ shape: [Int], _ strides: [Int]) -> [UInt8] {
    Pickle.dictionary([("a", Pickle.tensor(storage, shape, strides))])
  }

  @Test(arguments: pickles.indices)
  func `a pickle that`(_ number: Int) throws {
    let (name, value, code) = Self.pickles[number]
    let values = floatBytes(SampleFiles.weight)
    for (suffix, bytes) in [
      ("pt", Pickle.torch(value, [("0", values)])),
      ("bin", Pickle.legacy(value, [("0", 6, values)])),
    ] {
      let path = try folder.write("a." + suffix, bytes)
      let error = #expect(throws: CheckpointError.self, "\(name)") { try Checkpoint.open(path) }
      // The storages of a legacy file come before the extents of its tensors.
      #expect(
        error?.code == code || (suffix == "bin" && error?.code == .damaged),
        "\(name): \(String(describing: error))")
      #expect(error?.description.contains("\n") == false)
    }
    #expect(!FileManager.default.fileExists(atPath: "harmed"))
  }

  @Test func `zip members that overlap, repeat or lie are refused`() throws {
    let member = npy("'<f4'", "(2,)", floatBytes(SampleFiles.bias))
    let good = zip([("a.npy", member), ("b.npy", member)])
    #expect(try Checkpoint.open(try folder.write("good.npz", good)).names == ["a", "b"])
    var changes: [(String, [UInt8])] = []
    func change(_ name: String, _ body: (inout [UInt8], _ directory: Int) -> Void) {
      var bytes = good
      let start = bytes.count - 22
      let directory = Int(bytes[start + 16]) | Int(bytes[start + 17]) << 8
      body(&bytes, directory)
      changes.append((name, bytes))
    }
    let entry = 46 + 5
    change("encrypted") { bytes, at in bytes[at + 8] |= 1 }
    change("another method") { bytes, at in bytes[at + 10] = 12 }
    change("one over the other") { bytes, at in
      for i in 42..<46 { bytes[at + entry + i] = bytes[at + i] }
    }
    change("another name in the local header") { bytes, _ in bytes[30] = UInt8(ascii: "c") }
    change("a size beyond the file") { bytes, at in
      bytes[at + 22] = 0xFF
      bytes[at + 26] = 0xFF
    }
    change("a place beyond the file") { bytes, at in bytes[at + 45] = 0x7F }
    change("more entries than there are") { bytes, _ in bytes[bytes.count - 12] = 3 }
    change("zip64 that is not there") { bytes, at in for i in 20..<24 { bytes[at + i] = 0xFF } }
    changes.append(("a name twice", zip([("a.npy", member), ("a.npy", member)])))
    changes.append(("cut short", Array(good.dropLast(5))))
    for (name, bytes) in changes {
      let path = try folder.write("bad.npz", bytes)
      #expect(throws: CheckpointError.self, "\(name)") { try Checkpoint.open(path) }
    }
  }

  @Test func `a torch member with another checksum is refused when it is read`() throws {
    var bytes = SampleFiles.byHand[1].bytes
    let values = floatBytes(SampleFiles.weight)
    let place = try #require(
      bytes.indices.first { bytes[$0...].starts(with: values) })
    bytes[place + 5] ^= 1
    let file = try Checkpoint.open(try folder.write("a.pt", bytes))
    #expect(try file.floats("bias").elements == SampleFiles.bias)
    #expect(throws: CheckpointError.self) { try file.floats("weight") }
  }

  @Test(arguments: HostileHDF5.files.indices)
  func `HDF5 that leads out of its file or promises too much is refused`(_ number: Int) throws {
    let (name, base64) = HostileHDF5.files[number]
    let bytes = try #require(Data(base64Encoded: base64))
    try SampleFiles.writeHDF5(folder.file("other.h5"))
    let path = try folder.write("bad.h5", Array(bytes))
    let error = #expect(throws: CheckpointError.self, "\(name)") { try Checkpoint.open(path) }
    #expect(
      error?.code == (name.hasPrefix("more") ? .damaged : .forbidden),
      "\(name): \(String(describing: error))")
  }

  @Test func `external data of ONNX stays beside the model`() throws {
    func model(_ location: String, _ keys: [(String, String)] = []) -> [UInt8] {
      onnx([
        field(1, 2) + field(2, 1) + field(8, Array("bias".utf8)) + field(14, 1)
          + ([("location", location)] + keys).flatMap {
            field(13, field(1, Array($0.0.utf8)) + field(2, Array($0.1.utf8)))
          }
      ])
    }
    _ = try folder.write("data.bin", [9] + floatBytes(SampleFiles.bias))
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("link.bin"), withDestinationPath: folder.file("data.bin"))
    let good = try Checkpoint.open(
      try folder.write("a.onnx", model("data.bin", [("offset", "1"), ("length", "8")])))
    #expect(try good.floats("bias").elements == SampleFiles.bias)
    for (location, keys, code) in [
      ("../data.bin", [], CheckpointError.Code.forbidden), ("/etc/passwd", [], .forbidden),
      ("x/../../data.bin", [], .forbidden), ("link.bin", [("offset", "1")], .forbidden),
      ("", [], .forbidden), ("./data.bin", [], .forbidden), ("gone.bin", [], .notReadable),
      ("data.bin", [("offset", "2")], .damaged), ("data.bin", [("offset", "-1")], .damaged),
      ("data.bin", [("offset", "9223372036854775807")], .damaged),
      ("data.bin", [("length", "4")], .damaged), ("data.bin", [("offset", "x")], .damaged),
    ] as [(String, [(String, String)], CheckpointError.Code)] {
      let path = try folder.write("b.onnx", model(location, keys))
      let error = #expect(throws: CheckpointError.self, "\(location)") { try Checkpoint.open(path) }
      #expect(error?.code == code, "\(location): \(String(describing: error))")
    }
  }

  @Test func `GGUF whose tensors overlap or reach beyond the file is refused`() throws {
    let values = SampleFiles.values
    for (name, bytes) in [
      ("overlap", gguf([("a", [4], 0, 0), ("b", [4], 0, 0)], values)),
      ("beyond the file", gguf([("a", [40], 0, 0)], values)),
      ("not aligned", gguf([("a", [4], 0, 4)], values)),
      ("overflow", gguf([("a", [1 << 40, 1 << 40], 0, 0)], values)),
      ("a length of 2^63", gguf([("a", [1 << 63], 0, 0)], values)),
      ("an offset of 2^64", gguf([("a", [4], 0, .max - 31)], values)),
      ("an unknown type", gguf([("a", [4], 99, 0)], values)),
      ("a name twice", gguf([("a", [4], 0, 0), ("a", [1], 0, 32)], values + values)),
      ("half a block", gguf([("a", [33], 2, 0)], values)),
      ("version 1", gguf([("a", [4], 0, 0)], values, version: 1)),
      (
        "a long array",
        gguf(
          [], values, keys: [ggufText("k") + UInt32(9).bytes + UInt32(4).bytes + UInt64.max.bytes])
      ),
      (
        "nested arrays",
        gguf([], values, keys: [ggufText("k") + [UInt8](repeating: 9, count: 4000)])
      ),
      ("five axes", gguf([("a", [1, 1, 1, 1, 1], 0, 0)], values)),
    ] {
      let path = try folder.write("a.gguf", bytes)
      #expect(throws: CheckpointError.self, "\(name)") { try Checkpoint.open(path) }
    }
  }

  @Test func `what is no checkpoint is named`() throws {
    for (name, bytes, words) in [
      ("a.bin", Array("version https://git-lfs.github.com/spec/v1\n".utf8), "git lfs pull"),
      ("b.bin", [], "an empty file"), ("c.pkl", Pickle.whole([0x4E]), "bare pickle"),
      ("d.zip", zip([("readme.txt", [65])]), "readme.txt"),
    ] as [(String, [UInt8], String)] {
      let path = try folder.write(name, bytes)
      let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(path) }
      #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }
    let empty = #expect(throws: CheckpointError.self) { try Checkpoint.open(folder.path + "/no") }
    #expect(empty?.code == .notReadable)
  }
}
