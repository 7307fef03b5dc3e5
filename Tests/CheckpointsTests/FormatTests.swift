import Arrays
import Foundation
import HDF5
import Testing

import Checkpoints

/// Every format gives the same values, whole and by rows.
@Suite struct FormatTests {
  private let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  @Test func `one checkpoint reads the same from every format`() throws {
    var formats: Set<CheckpointFormat> = []
    for path in try SampleFiles.write(to: folder) {
      let file = try Checkpoint.open(path)
      formats.insert(file.format)
      #expect(Set(file.names) == ["weight", "bias"], "\(path)")
      #expect(try file.tensor("weight").shape == [2, 3], "\(path)")
      #expect(try file.tensor("weight").type == .number(.float32), "\(path)")
      #expect(try file.floats("weight").elements == SampleFiles.weight, "\(path)")
      #expect(try file.floats("weight", rows: 1..<2).elements == [3.5, 4.5, 5.5], "\(path)")
      #expect(try file.floats("weight", rows: 1..<1).elements == [], "\(path)")
      #expect(try file.bytes("bias") == floatBytes(SampleFiles.bias), "\(path)")
      let missing = #expect(throws: CheckpointError.self) { try file.floats("weigth") }
      #expect(missing?.code == .missing && missing?.found.contains("weight") == true, "\(path)")
      #expect(throws: CheckpointError.self) { try file.floats("weight", rows: 0..<3) }
    }
    #expect(
      formats == [
        .safetensors, .torch, .torchLegacy, .numpyArchive, .gguf, .onnx, .kerasWeights,
        .keras,
      ])
  }

  /// Type in safetensors, little-endian bytes, value.
  private static let types: [(String, [UInt8], Float)] = [
    ("F64", (0.1).bitPattern.bytes, 0.1), ("F32", Float(0.1).bitPattern.bytes, 0.1),
    ("F16", Float16(0.1).bitPattern.bytes, Float(Float16(0.1))),
    ("F16", [0x01, 0x00], 0x1p-24), ("BF16", [0xCD, 0x3D], 0.100_097_656_25),
    ("F32", [0, 0, 0x80, 0x7F], .infinity), ("I64", Int64(-3).bytes, -3),
    ("U64", UInt64.max.bytes, 0x1p64), ("I32", Int32.min.bytes, -0x1p31),
    ("U32", UInt32.max.bytes, 0x1p32), ("I16", Int16(-2).bytes, -2),
    ("U16", UInt16.max.bytes, 65_535), ("I8", [0x80], -128), ("U8", [0xFF], 255),
    ("BOOL", [1], 1), ("BOOL", [0], 0),
  ]

  @Test(arguments: types.indices)
  func `elements of every type become the nearest single`(_ number: Int) throws {
    let (type, bytes, value) = Self.types[number]
    let header =
      "{\"a\":{\"dtype\":\"\(type)\",\"shape\":[],\"data_offsets\":[0,\(bytes.count)]}}"
    let path = try folder.write("a.safetensors", safetensors(header, bytes))
    let file = try Checkpoint.open(path)
    #expect(try file.floats("a").shape == [])
    #expect(try file.floats("a").elements == [value])
    #expect(try file.bytes("a") == bytes)
  }

  @Test func `arrays of NumPy have either byte order and either order of axes`() throws {
    let big = SampleFiles.weight.flatMap { $0.bitPattern.bytes.reversed() }
    let columns = floatBytes([0.5, 3.5, 1.5, 4.5, 2.5, 5.5])
    for (bytes, rows) in [
      (npy("'>f4'", "(2, 3)", big), 2), (npy("'<f4'", "(2, 3)", columns, fortran: true), 2),
      (npy("'<f4'", "(2, 3)", floatBytes(SampleFiles.weight), version: 2), 2),
      (npy("'<f4'", "(2, 1, 3)", floatBytes(SampleFiles.weight), version: 3), 2),
    ] {
      let file = try Checkpoint.open(try folder.write("a.npy", bytes))
      #expect(try file.floats("array").elements == SampleFiles.weight)
      #expect(try file.floats("array", rows: 1..<rows).elements == [3.5, 4.5, 5.5])
    }
    for (descriptor, shape) in [
      ("'<f4'", "(2, 5)"), ("'|O'", "(3,)"), ("'<U3'", "(2,)"), ("[('a', '<f4')]", "(6,)"),
      ("'<f4'", "(-2, -3)"), ("'<f4'", "(2, 3), 'x': 1"), ("'<f4'", "(2*3,)"), ("'x4'", "(6,)"),
      ("'<f4'", "(99999999999999999999,)"), ("'<f4'", "(4294967296, 4294967296)"),
    ] {
      let path = try folder.write("b.npy", npy(descriptor, shape, SampleFiles.values))
      #expect(throws: CheckpointError.self, "\(descriptor) \(shape)") { try Checkpoint.open(path) }
    }
  }

  @Test func `views of a torch storage keep their strides`() throws {
    let storage = Pickle.storage("FloatStorage", "k", 6)
    let path = try folder.write(
      "a.pt",
      Pickle.torch(
        Pickle.dictionary([
          ("turned", Pickle.tensor(storage, [3, 2], [1, 3])),
          ("window", Pickle.tensor(storage, offset: 1, [2, 2], [3, 1])),
          ("column", Pickle.tensor(storage, offset: 2, [2], [3])),
          ("scalar", Pickle.tensor(storage, offset: 5, [], [])),
          ("cube", Pickle.tensor(storage, [3, 1, 2], [1, 9, 3])),
          ("empty", Pickle.tensor(storage, offset: 6, [0, 4], [4, 1])),
          ("step", Pickle.integer(7)),
          ("inner", Pickle.dictionary([("tied", Pickle.tensor(storage, [6], [1]))])),
        ]), [("k", floatBytes(SampleFiles.weight))]))
    let file = try Checkpoint.open(path)
    #expect(try file.floats("turned").elements == [0.5, 3.5, 1.5, 4.5, 2.5, 5.5])
    #expect(try file.floats("turned", rows: 1..<3).elements == [1.5, 4.5, 2.5, 5.5])
    #expect(try file.floats("window").elements == [1.5, 2.5, 4.5, 5.5])
    #expect(try file.floats("column").elements == [2.5, 5.5])
    #expect(try file.floats("column", rows: 1..<2).elements == [5.5])
    #expect(try file.floats("scalar").elements == [5.5])
    #expect(try file.floats("cube").elements == [0.5, 3.5, 1.5, 4.5, 2.5, 5.5])
    #expect(try file.floats("cube", rows: 2..<3).elements == [2.5, 5.5])
    #expect(try file.floats("empty").shape == [0, 4])
    #expect(try file.floats("inner.tied").elements == SampleFiles.weight)
    #expect(file.info("step") == nil)
  }

  @Test func `weights that an ONNX export renamed and turned have their names back`() throws {
    let path = try folder.write(
      "a.onnx",
      onnx(
        [
          initializer("onnx::MatMul_7", [3, 2], floatBytes(SampleFiles.weight)),
          initializer("mlp.fc.bias", [2], floatBytes(SampleFiles.bias)),
          field(1, 3) + field(2, 7) + field(8, Array("steps".utf8))
            + field(7, varint(-1) + varint(300) + varint(5)),
        ],
        nodes: [
          node("MatMul", ["x", "onnx::MatMul_7"], "y"), node("Add", ["mlp.fc.bias", "y"], "z"),
        ]))
    let file = try Checkpoint.open(path)
    #expect(try file.tensor("mlp.fc.weight").shape == [2, 3])
    #expect(try file.floats("mlp.fc.weight").elements == [0.5, 2.5, 4.5, 1.5, 3.5, 5.5])
    #expect(try file.floats("steps").elements == [-1, 300, 5])
    #expect(try file.floats("steps", rows: 1..<2).elements == [300])
  }

  @Test func `quantised tensors of GGUF are listed by type and refused when read`() throws {
    let bytes = gguf(
      [("q", [32, 2], 2, 0), ("f", [2], 0, 64)],
      [UInt8](repeating: 0, count: 64) + floatBytes(SampleFiles.bias))
    let file = try Checkpoint.open(try folder.write("a.gguf", bytes))
    #expect(try file.tensor("q").shape == [2, 32])
    let error = #expect(throws: CheckpointError.self) { try file.floats("q") }
    #expect(error?.code == .unsupported && error?.found.contains("Q4_0") == true)
    #expect(try file.floats("f").elements == SampleFiles.bias)
  }

  @Test func `groups of Keras are parts of the names`() throws {
    let path = folder.file("a.weights.h5")
    let made = try File.create(path)
    let group = try made.root.makeGroup("layers/dense/vars")
    try group.createDataset("0", .float64, shape: [2, 3]).write(SampleFiles.weight.map(Double.init))
    try group.createDataset("1", .float16, shape: [2]).write(SampleFiles.bias.map { Float16($0) })
    try made.close()
    let file = try Checkpoint.open(path)
    #expect(file.names == ["layers/dense/vars/0", "layers/dense/vars/1"])
    #expect(try file.floats("layers/dense/vars/0", rows: 1..<2).elements == [3.5, 4.5, 5.5])
    #expect(try file.floats("layers/dense/vars/1").elements == SampleFiles.bias)
  }

  @Test func `a folder holds one checkpoint, or shards that its index names`() throws {
    func single(_ name: String, _ values: [Float]) -> [UInt8] {
      safetensors(
        "{\"\(name)\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
        floatBytes(values))
    }
    _ = try folder.write("s1.safetensors", single("a", [1, 2]))
    _ = try folder.write("s2.safetensors", single("b", [3, 4]))
    _ = try folder.write("other.safetensors", Array("not looked at".utf8))
    func index(_ map: String) throws -> any TensorFile {
      _ = try folder.write(
        "model.safetensors.index.json", Array("{\"weight_map\":{\(map)}}".utf8))
      return try Checkpoint.open(folder.path)
    }
    let file = try index("\"a\":\"s1.safetensors\",\"b\":\"s2.safetensors\"")
    #expect(file.format == .shards && file.names == ["a", "b"])
    #expect(try file.floats("b").elements == [3, 4])
    for (map, code) in [
      ("\"a\":\"s1.safetensors\",\"c\":\"s2.safetensors\"", CheckpointError.Code.missing),
      ("\"b\":\"s1.safetensors\",\"a\":\"s2.safetensors\"", .missing),
      ("\"a\":\"s3.safetensors\"", .notReadable), ("\"a\":\"../s1.safetensors\"", .forbidden),
      ("\"a\":\"/etc/passwd\"", .forbidden), ("\"a\":\"x/../s1.safetensors\"", .forbidden),
      ("\"a\":\"..\"", .forbidden), ("\"a\":\"\"", .forbidden),
      ("\"a\":\"model.safetensors.index.json\"", .forbidden), ("\"a\":1", .damaged),
      ("\"a\":\"s1.safetensors\",\"a\":\"s1.safetensors\"", .damaged),
    ] {
      let error = #expect(throws: CheckpointError.self, "\(map)") { _ = try index(map) }
      #expect(error?.code == code, "\(map): \(String(describing: error))")
    }
  }

  @Test func `a shard with a tensor that belongs elsewhere is refused`() throws {
    _ = try folder.write(
      "s1.safetensors", safetensors(SampleFiles.safetensorsHeader, SampleFiles.values))
    _ = try folder.write(
      "model.safetensors.index.json",
      Array("{\"weight_map\":{\"bias\":\"s1.safetensors\"}}".utf8))
    let error = #expect(throws: CheckpointError.self) { try Checkpoint.open(folder.path) }
    #expect(error?.code == .unexpected && error?.tensor == "weight")
  }
}
