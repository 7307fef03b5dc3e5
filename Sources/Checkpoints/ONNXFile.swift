import Arrays

/// Initialisers of an ONNX graph (onnx.proto: ModelProto.graph = 7, GraphProto.initializer = 5).
///
/// Exporters rename and transpose the weights of linear layers (`onnx::MatMul_123`), but keep the names of their biases. Where a
/// product with such a weight is added to `….bias`, the weight is listed as `….weight` and as `[out, in]` again.
enum ONNXFile {
  /// One TensorProto, before its values are looked at.
  struct Initializer {
    var name = ""
    var shape: [Int] = []
    var type = 0
    var raw: Region?
    /// Values of typed fields: packed or one by one.
    var typed: (field: Int, pieces: [Region], singles: Int)?
    var external: [(key: String, value: String)] = []
    var isExternal = false
  }

  private struct Node {
    var inputs: [String] = []
    var outputs: [String] = []
    var operation = ""
  }

  static func open(_ source: ByteSource) throws -> StoredTensorFile {
    var (initializers, nodes) = ([Initializer](), [Node]())
    var reader = ProtobufReader(source.region)
    var graphs = 0
    while let (number, value) = try reader.next() {
      guard number == 7, let graph = value.region else { continue }
      graphs += 1
      try read(graph, &initializers, &nodes)
    }
    guard graphs == 1 else {
      throw CheckpointError.damaged(
        source.path, expected: "an ONNX model with one graph", found: "\(graphs)")
    }
    let renamed = originalNames(initializers, nodes)
    var externals = ExternalData(source.path)
    var file = StoredTensorFile(path: source.path, format: .onnx)
    for initializer in initializers {
      let name = renamed[initializer.name]
      try file.add(
        try ONNXTensor(initializer, source.path).stored(as: name, externals: &externals))
    }
    return file
  }

  private static func read(
    _ graph: Region, _ initializers: inout [Initializer], _ nodes: inout [Node]
  ) throws {
    var reader = ProtobufReader(graph)
    while let (number, value) = try reader.next() {
      guard let bytes = value.region else { continue }
      switch number {
      case 5:
        guard initializers.count < Limits.tensors else {
          throw CheckpointError.damaged(
            graph.source.path, expected: "at most \(Limits.tensors) initialisers", found: "more")
        }
        initializers.append(try initializer(bytes))
      case 1 where nodes.count < Limits.tensors:
        if let node = try node(bytes) { nodes.append(node) }
      case 15:
        throw CheckpointError(
          .unsupported, file: graph.source.path, expected: "dense initialisers",
          found: "a sparse one", remedy: "export the network with dense weights")
      default: break
      }
    }
  }

  private static func text(_ region: Region) throws -> String {
    var cursor = ByteCursor(region)
    return try cursor.text(region.count)
  }

  private static func node(_ region: Region) throws -> Node? {
    var node = Node()
    var reader = ProtobufReader(region)
    while let (number, value) = try reader.next() {
      guard let bytes = value.region else { continue }
      switch number {
      case 1 where node.inputs.count < 8: node.inputs.append(try text(bytes))
      case 2 where node.outputs.count < 8: node.outputs.append(try text(bytes))
      case 4: node.operation = try text(bytes)
      default: break
      }
    }
    // Only these tell names.
    return ["MatMul", "Add"].contains(node.operation) ? node : nil
  }

  private static func initializer(_ region: Region) throws -> Initializer {
    var tensor = Initializer()
    var reader = ProtobufReader(region)
    func damaged(_ expected: String, _ found: String) -> CheckpointError {
      CheckpointError.damaged(
        region.source.path, tensor: tensor.name, expected: expected, found: found)
    }
    while let (number, value) = try reader.next() {
      switch number {
      case 1:
        if let length = value.integer {
          tensor.shape.append(length)
        } else if let packed = value.region {
          var cursor = ByteCursor(packed)
          while !cursor.isAtEnd && tensor.shape.count <= Limits.rank {
            tensor.shape.append(Int(Int64(bitPattern: try ProtobufReader.varint(&cursor))))
          }
        }
        guard tensor.shape.count <= Limits.rank else {
          throw damaged("at most \(Limits.rank) axes", "more")
        }
      case 2: tensor.type = value.integer ?? 0
      case 3: throw damaged("tensors in one piece", "a segment")
      case 8: if let bytes = value.region { tensor.name = try text(bytes) }
      case 9: tensor.raw = value.region
      case 13: if let bytes = value.region { tensor.external.append(try pair(bytes)) }
      case 14: tensor.isExternal = value.integer == 1
      case 4, 5, 6, 7, 10, 11:
        var typed = tensor.typed ?? (field: number, pieces: [], singles: 0)
        guard typed.field == number else { throw damaged("values of one kind", "two") }
        if let bytes = value.region { typed.pieces.append(bytes) } else { typed.singles += 1 }
        tensor.typed = typed
      default: break
      }
      guard tensor.external.count <= 16 else { throw damaged("at most 16 keys of a file", "more") }
    }
    return tensor
  }

  private static func pair(_ region: Region) throws -> (key: String, value: String) {
    var pair = (key: "", value: "")
    var reader = ProtobufReader(region)
    while let (number, value) = try reader.next() {
      guard let bytes = value.region else { continue }
      if number == 1 {
        pair.key = try text(bytes)
      } else if number == 2 {
        pair.value = try text(bytes)
      }
    }
    return pair
  }

  /// Names that weights had before the export: those of the biases added to their products.
  private static func originalNames(
    _ initializers: [Initializer], _ nodes: [Node]
  ) -> [String: String] {
    let ranks = Dictionary(
      initializers.map { ($0.name, $0.shape.count) }, uniquingKeysWith: { first, _ in first })
    var weightOfProduct: [String: String] = [:]
    var uses: [String: Int] = [:]
    for node in nodes where node.operation == "MatMul" && node.inputs.count == 2 {
      let weight = node.inputs[1]
      guard weight.hasPrefix("onnx::MatMul_"), ranks[weight] == 2, let out = node.outputs.first
      else { continue }
      weightOfProduct[out] = weight
      uses[weight, default: 0] += 1
    }
    var names: [String: String] = [:]
    var taken = Set(ranks.keys)
    for node in nodes where node.operation == "Add" && node.inputs.count == 2 {
      for (product, bias) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
        guard let weight = weightOfProduct[product], uses[weight] == 1, names[weight] == nil,
          bias.hasSuffix(".bias"), ranks[bias] == 1
        else { continue }
        let name = bias.dropLast(4) + "weight"
        if taken.insert(String(name)).inserted { names[weight] = String(name) }
      }
    }
    return names
  }
}
