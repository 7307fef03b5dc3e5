import Arrays
import Foundation
import HDF5

/// One small checkpoint in every format: `weight`, float32 `[2, 3]`, 0.5, 1.5, ... 5.5, and `bias`, float32 `[2]`, -1 and 2.
enum SampleFiles {
  static let weight: [Float] = [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
  static let bias: [Float] = [-1, 2]
  static let values = floatBytes(weight) + floatBytes(bias)

  static let safetensorsHeader = """
    {"__metadata__":{"format":"pt"},"weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},\
    "bias":{"dtype":"F32","shape":[2],"data_offsets":[24,32]}}
    """

  /// All but HDF5: the suffix, and the bytes.
  static let byHand: [(suffix: String, bytes: [UInt8])] = [
    (".safetensors", safetensors(safetensorsHeader, values)),
    (".pt", Pickle.torch(dictionary, [("0", floatBytes(weight)), ("1", floatBytes(bias))])),
    (
      ".bin",
      Pickle.legacy(dictionary, [("0", 6, floatBytes(weight)), ("1", 2, floatBytes(bias))])
    ),
    (
      ".npz",
      zip([
        ("weight.npy", npy("'<f4'", "(2, 3)", floatBytes(weight))),
        ("bias.npy", npy("'<f4'", "(2,)", floatBytes(bias))),
      ])
    ),
    (
      ".gguf",
      gguf(
        [("weight", [3, 2], 0, 0), ("bias", [2], 0, 32)],
        floatBytes(weight) + [UInt8](repeating: 0, count: 8) + floatBytes(bias),
        keys: [
          ggufText("general.architecture") + UInt32(8).bytes + ggufText("llama"),
          ggufText("list") + UInt32(9).bytes + UInt32(8).bytes + UInt64(2).bytes + ggufText("a")
            + ggufText("b"),
        ])
    ),
    (
      ".onnx",
      onnx([
        initializer("weight", [2, 3], floatBytes(weight)),
        initializer("bias", [2], floatBytes(bias)),
      ])
    ),
  ]

  private static let dictionary = Pickle.dictionary([
    ("weight", Pickle.tensor(Pickle.storage("FloatStorage", "0", 6), [2, 3], [3, 1])),
    ("bias", Pickle.parameter(Pickle.tensor(Pickle.storage("FloatStorage", "1", 2), [2], [1]))),
  ])

  /// The checkpoint as Keras' weights, by the HDF5 library.
  static func writeHDF5(_ path: String) throws {
    let file = try File.create(path, replacing: true)
    try file.root.createDataset("weight", .float32, shape: [2, 3]).write(weight)
    try file.root.createDataset("bias", .float32, shape: [2]).write(bias)
    try file.close()
  }

  /// Writes every format to a folder; gives the paths.
  static func write(to folder: ScratchFolder) throws -> [String] {
    var paths: [String] = []
    for (suffix, bytes) in byHand { paths.append(try folder.write("sample" + suffix, bytes)) }
    let weights = folder.file("sample.weights.h5")
    try writeHDF5(weights)
    paths.append(weights)
    let image = Array(try Data(contentsOf: URL(fileURLWithPath: weights)))
    paths.append(
      try folder.write(
        "sample.keras", zip([("config.json", [0x7B, 0x7D]), ("model.weights.h5", image)])))
    return paths
  }
}
