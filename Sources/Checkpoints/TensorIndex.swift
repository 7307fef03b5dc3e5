/// The tensors of a file in their order, found by name. Names are told apart by their bytes: to a Swift string, a letter with
/// its accent and the two apart are the same.
struct TensorIndex: Sendable {
  /// The tensors in the order of the file.
  private(set) var tensors: [TensorInfo] = []
  private var places: [[UInt8]: Int] = [:]
  private var nameBytes = 0

  /// No tensors.
  init() {}

  /// Adds a tensor of the file `path`.
  /// - Throws: ``CheckpointError`` for a second tensor of a name, or more than a reader will hold.
  mutating func add(_ info: TensorInfo, path: String) throws {
    let name = Array(info.name.utf8)
    nameBytes += name.count
    guard tensors.count < Limits.tensors, nameBytes <= Limits.nameBytes else {
      throw CheckpointError(
        .unsupported, file: path,
        expected: "at most \(Limits.tensors) tensors with \(Limits.nameBytes) bytes of names",
        found: "more", remedy: "split the checkpoint into shards")
    }
    guard info.shape.count <= Limits.rank else {
      throw CheckpointError.damaged(
        path, tensor: info.name, expected: "at most \(Limits.rank) axes",
        found: "\(info.shape.count)")
    }
    guard places.updateValue(tensors.count, forKey: name) == nil else {
      throw CheckpointError.damaged(
        path, tensor: info.name, expected: "one tensor of that name", found: "two")
    }
    tensors.append(info)
  }

  /// The place of a name among the tensors; nil when there is none.
  func place(_ name: String) -> Int? { places[Array(name.utf8)] }
}
