import Foundation

/// A folder that goes away with the test.
final class ScratchFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }

  /// Writes a file and gives its path.
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }
}

/// The folder of checkpoints beside the repository, made by others; not everywhere.
enum SharedCheckpoints {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("shared/checkpoints").path

  /// Whether they are there; says so when they are not.
  static let areThere: Bool = {
    let areThere = FileManager.default.fileExists(atPath: folder + "/gpt2/model.safetensors")
    if !areThere { print("skipped: the shared checkpoints are not beside this checkout") }
    return areThere
  }()
}
