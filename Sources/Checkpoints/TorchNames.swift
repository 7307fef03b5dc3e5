/// Names for the tensors within dictionaries and lists, `model.layers.0`: at most four levels, each container visited once a
/// level. Values that are no tensors are passed over: step numbers, names, settings.
struct TorchNames {
  private let reader: PickleReader
  private let path: String
  private var found: [(name: String, tensor: Int)] = []
  private var visits = 0
  private var nameBytes = 0

  init(_ reader: PickleReader, _ path: String) { (self.reader, self.path) = (reader, path) }

  func named(_ value: PickleValue) throws -> [(name: String, tensor: Int)] {
    var copy = self
    try copy.visit(value, "", 0)
    guard !copy.found.isEmpty else {
      throw CheckpointError(
        .missing, file: path, expected: "a dictionary of tensors", found: "none in the pickle",
        remedy: "save model.state_dict()")
    }
    return copy.found
  }

  private mutating func visit(_ value: PickleValue, _ name: String, _ depth: Int) throws {
    visits += 1
    nameBytes += name.utf8.count
    guard visits <= 1_000_000, found.count <= Limits.tensors, nameBytes <= 4 * Limits.nameBytes
    else {
      throw CheckpointError(
        .unsupported, file: path, expected: "at most \(Limits.tensors) tensors", found: "more",
        remedy: "split the checkpoint")
    }
    switch value {
    case .tensor(let number): found.append((name.isEmpty ? "tensor" : name, number))
    case .dictionary(let number) where depth < 5:
      let items = reader.containers[number]
      for place in stride(from: 0, to: items.count - 1, by: 2) {
        guard let key = key(items[place]) else { continue }
        try visit(items[place + 1], name.isEmpty ? key : name + "." + key, depth + 1)
      }
    case .list(let number) where depth < 5, .tuple(let number) where depth < 5:
      for (place, item) in reader.containers[number].enumerated() {
        try visit(item, name.isEmpty ? "\(place)" : "\(name).\(place)", depth + 1)
      }
    default: break
    }
  }

  private func key(_ value: PickleValue) -> String? {
    switch value {
    case .text(let text): text
    case .integer(let number): "\(number)"
    default: nil
    }
  }
}
