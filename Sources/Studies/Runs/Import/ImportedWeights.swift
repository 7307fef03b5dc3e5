import Archive
import Arrays
import Checkpoints
import Foundation
import Kernels
import PretrainedNetworks

/// One checkpoint of a network, as it is imported: arrays with names, and how each is read.
struct ImportedWeights {
  /// One array.
  struct Item {
    /// Name in the archive.
    let name: String
    /// Name in the file.
    let source: String
    let shape: [Int]
    let type: ElementType
    let read: () throws -> Buffer<Float>
  }

  /// The folder or file.
  let path: String
  /// What the network is; nil where only weights are looked at.
  let plan: NetworkPlan?
  let file: any TensorFile
  let items: [Item]

  /// Opens a checkpoint; with `weightsOnly` whatever network it is of.
  init(_ path: String, weightsOnly: Bool) throws {
    self.path = path
    if weightsOnly {
      let file = try Checkpoint.open(path)
      (plan, self.file, items) = (nil, file, try Self.items(file))
    } else {
      let weights = try PretrainedWeights(path)
      (plan, file) = (weights.plan, weights.file)
      items = weights.plan.weights.rules.map { rule in
        let source = weights.source(rule.name)
        return Item(
          name: rule.name, source: source?.name ?? rule.source, shape: rule.shape,
          type: Self.stored(source?.type)
        ) { try weights.read(rule.name) }
      }
    }
    for item in items where item.shape.contains(where: { !(1...1 << 28).contains($0) }) {
      throw CheckpointError(
        .unsupported, file: file.path, tensor: item.source,
        expected: "axes of 1 to 2^28 elements", found: "\(item.shape)",
        remedy: "leave the tensor out of the checkpoint")
    }
  }

  /// Floating-point tensors of any file, by their own names.
  private static func items(_ file: any TensorFile) throws -> [Item] {
    var taken: Set<String> = []
    var items: [Item] = []
    for tensor in file.tensors where tensor.count > 0 {
      guard case .number(let type) = tensor.type, type.isFloatingPoint else {
        // Text beside the weights, such as a configuration in a dataset, is no weight.
        if case .unreadable(let what) = tensor.type, what != "text" {
          _ = try file.floats(tensor.name)
        }
        continue
      }
      let name = archiveName(tensor.name)
      guard taken.insert(name).inserted else {
        throw CheckpointError(
          .unsupported, file: file.path, tensor: tensor.name,
          expected: "names that differ in letters, digits, points, hyphens or underscores",
          found: "two that become \(name)", remedy: "rename one of the tensors")
      }
      items.append(
        Item(name: name, source: tensor.name, shape: tensor.shape, type: stored(tensor.type)) {
          let values = try file.floats(tensor.name).elements
          let buffer = Buffer<Float>(values.count)
          buffer.assign(values)
          return buffer
        })
    }
    guard !items.isEmpty else {
      throw CheckpointError(
        .missing, file: file.path, expected: "floating-point tensors", found: "none",
        remedy: "check whether it is the right file")
    }
    return items
  }

  /// A name as a member of a group: no slash, no sign that a shell or a path would read.
  static func archiveName(_ name: String) -> String {
    let kept = name.unicodeScalars.prefix(200).map { scalar -> Character in
      let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || "0"..."9" ~= scalar)
      if isPlain || scalar == "_" || scalar == "-" { return Character(scalar) }
      return scalar == "." || scalar == "/" ? "." : "_"
    }
    let text = String(kept)
    return text.isEmpty || text.hasPrefix(".") ? "_" + text : text
  }

  /// The type an archive keeps: the file's where our arithmetic loses nothing by it, else single precision.
  private static func stored(_ type: TensorType?) -> ElementType {
    switch type {
    case .number(.float16): .float16
    case .number(.bfloat16): .bfloat16
    default: .float32
    }
  }

  /// The step that the name ends in, `checkpoint-500`; nil when it ends in no number.
  var step: Int? {
    let name = FilePath.name(of: path)
    let digits = name.reversed().prefix { $0.isASCII && $0.isNumber }
    return Int(String(digits.reversed())).flatMap { $0 <= Int(Int32.max) ? $0 : nil }
  }

  /// Files of the folder beside the weights, whole texts: nil when there is none, or it is no text of at most 64 MB.
  func text(_ names: [String]) -> String? {
    let folder = FilePath.folder(of: file.path)
    for name in names {
      let place = folder + "/" + name
      guard let data = FileManager.default.contents(atPath: place), data.count <= 64 << 20 else {
        continue
      }
      if let text = String(data: data, encoding: .utf8), !text.contains("\0") { return text }
    }
    return nil
  }
}
