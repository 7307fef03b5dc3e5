/// Tensors spread over several files, as an `….index.json` with a `weight_map` says.
///
/// Only shards that the map names are opened; each must lie beside the index, hold every tensor the map puts into it and no
/// other.
struct ShardedFile: TensorFile {
  let path: String
  let format = CheckpointFormat.shards
  private var index = TensorIndex()
  private var shards: [any TensorFile] = []
  private var shardOfTensor: [Int] = []

  /// Opens an index and its shards.
  init(_ path: String) throws {
    self.path = path
    let map = try Self.weightMap(path)
    var place: [String: Int] = [:]
    let folder = FilePath.folder(of: path)
    var wanted: [Set<[UInt8]>] = []
    for (tensor, shard) in map {
      if place[shard] == nil {
        place[shard] = shards.count
        wanted.append([])
        shards.append(try Self.open(shard, of: path, in: folder))
      }
      guard let number = place[shard] else { continue }
      wanted[number].insert(Array(tensor.utf8))
      guard let info = shards[number].info(tensor) else {
        throw CheckpointError(
          .missing, file: path, tensor: tensor, expected: "it in \(shard)", found: "no such tensor",
          remedy: "fetch that shard and the index again, of one revision")
      }
      try index.add(info, path: path)
      shardOfTensor.append(number)
    }
    for (number, shard) in shards.enumerated() {
      if let extra = shard.names.first(where: { !wanted[number].contains(Array($0.utf8)) }) {
        throw CheckpointError(
          .unexpected, file: shard.path, tensor: extra,
          expected: "only tensors that the index puts there",
          found: "this one", remedy: "fetch that shard and the index again, of one revision")
      }
    }
  }

  private static func weightMap(_ path: String) throws -> [(tensor: String, shard: String)] {
    guard case .object(let members)? = try JSONValue.read(path)["weight_map"] else {
      throw CheckpointError.damaged(
        path, expected: "an object weight_map", found: "none")
    }
    return try members.map {
      guard case .text(let shard) = $0.value else {
        throw CheckpointError.damaged(
          path, tensor: $0.key, expected: "the name of a shard", found: $0.value.shown)
      }
      return ($0.key, shard)
    }
  }

  private static func open(
    _ shard: String, of path: String, in folder: String
  ) throws -> any TensorFile {
    guard !shard.isEmpty, !shard.hasPrefix("."), shard.utf8.count <= 255,
      !shard.utf8.contains(where: { $0 == 0x2F || $0 == 0x5C || $0 < 0x20 })
    else {
      throw CheckpointError(
        .forbidden, file: path, expected: "shards that lie beside the index",
        found: CheckpointError.shown(shard), remedy: "fetch the checkpoint from a source you trust")
    }
    // Before it is opened: an index could name itself.
    guard !shard.lowercased().hasSuffix(".json") else {
      throw CheckpointError(
        .forbidden, file: path, expected: "shards with values",
        found: "another index, \(CheckpointError.shown(shard))",
        remedy: "fetch the checkpoint from a source you trust")
    }
    return try Checkpoint.openFile(folder + "/" + shard)
  }

  var files: [String] { [path] + shards.flatMap(\.files) }

  var tensors: [TensorInfo] { index.tensors }

  func info(_ name: String) -> TensorInfo? { index.place(name).map { index.tensors[$0] } }

  func read(_ name: String, rows: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    guard let place = index.place(name) else { return _ = try tensor(name) }
    try shards[shardOfTensor[place]].read(name, rows: rows, into: target)
  }
}
