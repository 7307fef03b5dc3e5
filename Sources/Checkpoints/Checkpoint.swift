import Foundation

/// Opens checkpoints, whatever they are stored as.
public enum Checkpoint {
  /// Opens a file, or what a folder holds: `model.safetensors`, its shards, `pytorch_model.bin`, its shards, or else the only
  /// file with the suffix of a checkpoint. What a file is stored as is told by its bytes, not by its name.
  /// - Throws: ``CheckpointError``, also where a folder holds none or several.
  public static func open(_ path: String) throws -> any TensorFile {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue
    else { return try openFile(path) }
    return try openFile(path + "/" + member(of: path))
  }

  private static let usual = [
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
    "pytorch_model.bin.index.json",
  ]
  private static let suffixes = [
    ".safetensors", ".bin", ".pt", ".pth", ".gguf", ".onnx", ".weights.h5", ".keras", ".npz", ".h5",
  ]

  private static func member(of folder: String) throws -> String {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    if let name = usual.first(where: names.contains) { return name }
    let others = names.filter { name in suffixes.contains { name.hasSuffix($0) } }
    if others.count == 1 { return others[0] }
    throw CheckpointError(
      .missing, file: folder, expected: "one checkpoint, such as model.safetensors",
      found: others.isEmpty
        ? "none" : "\(others.count): \(others.prefix(4).joined(separator: ", "))",
      remedy: others.isEmpty
        ? "check the folder; a download may be unfinished" : "name the file")
  }

  /// Opens one file.
  static func openFile(_ path: String) throws -> any TensorFile {
    if path.hasSuffix(".json") { return try ShardedFile(path) }
    let source = try ByteSource.map(path)
    let region = source.region
    if region.starts(with: [0x50, 0x4B, 3, 4]) || region.starts(with: [0x50, 0x4B, 5, 6]) {
      return try openArchive(try ZipArchive(source))
    }
    if region.starts(with: Array("GGUF".utf8)) { return try GGUFFile.open(source) }
    if region.starts(with: [0x93] + Array("NUMPY".utf8)) { return try NumpyFile.openArray(source) }
    if region.starts(with: [0x89, 0x48, 0x44, 0x46]) { return try KerasFile(path) }
    if region.starts(with: TorchFile.legacyStart) { return try TorchFile.openLegacy(source) }
    if path.hasSuffix(".onnx") { return try ONNXFile.open(source) }
    if path.hasSuffix(".safetensors") || region.byte(8) == UInt8(ascii: "{") {
      return try SafetensorsFile.open(source)
    }
    // An ONNX model begins with the field ir_version.
    if region.byte(0) == 8, (try? ONNXFile.open(source)) != nil { return try ONNXFile.open(source) }
    throw CheckpointError(
      .unsupported, file: path,
      expected: "safetensors, a torch file, npz, npy, GGUF, ONNX or Keras weights",
      found: found(region), remedy: "check the file, or convert it to safetensors")
  }

  private static func openArchive(_ archive: ZipArchive) throws -> any TensorFile {
    let pickles = archive.members.filter {
      $0.name.hasSuffix("/data.pkl") && $0.name.utf8.count(where: { $0 == 0x2F }) == 1
    }
    if pickles.count == 1 { return try TorchFile.open(archive, pickle: pickles[0]) }
    if let weights = archive.member("model.weights.h5") {
      return try KerasFile.openArchive(archive, weights)
    }
    if archive.members.contains(where: { $0.name.hasSuffix(".npy") }) {
      return try NumpyFile.openArchive(archive)
    }
    throw CheckpointError(
      .unsupported, file: archive.path,
      expected: "a zip archive of torch, NumPy or Keras",
      found: "members such as \(archive.members.prefix(3).map { CheckpointError.shown($0.name) })",
      remedy: "check the file, or unpack it first")
  }

  private static func found(_ region: Region) -> String {
    if region.count == 0 { return "an empty file" }
    if region.starts(with: Array("version https://git-lfs".utf8)) {
      return "a Git LFS pointer; run git lfs pull"
    }
    if region.byte(0) == 0x80, region.byte(1).map({ $0 <= 5 }) == true {
      return "a bare pickle, which could run any code"
    }
    return "other bytes"
  }
}
