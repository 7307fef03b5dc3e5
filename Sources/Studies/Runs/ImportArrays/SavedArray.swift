import Archive
import Arrays
import Checkpoints

/// One array of a file that somebody saved; its rows are read when they are asked for.
struct SavedArray {
  let file: String
  let name: String
  let shape: [Int]
  /// Type of the elements, as the file says.
  let type: String
  /// Whether it holds whole numbers.
  let isWhole: Bool
  /// How far a sum of rounded values may be from what it was: relative, for rows of maps.
  let rounding: Double
  /// Values of some rows, positions of the first axis, in C order; whole numbers beyond 2²⁴ are refused where they are read.
  let read: (Range<Int>) throws -> [Float]

  /// The file's name without its folder.
  var fileName: String { String(file.split(separator: "/").last ?? "") }
  /// For people.
  var place: String { file + ":" + name }

  /// Every array of a file: `.npz`, `.npy`, `.safetensors`, `.h5`, or a torch file.
  /// - Throws: ``CheckpointError`` and its like for a file that is damaged, hostile or of another kind.
  static func all(of path: String) throws -> [SavedArray] {
    let file: any TensorFile
    do {
      file = try Checkpoint.open(path)
    } catch let error as CheckpointError
      where error.code == .forbidden && error.found.contains("Python objects")
    {
      throw advised(error)
    }
    let isHDF5 = file.format == .kerasWeights
    return try file.tensors.map { info in
      let name = file.format == .numpy ? stem(path) : info.name
      let (isWhole, rounding) = number(info.type)
      var isNumber = true
      if case .unreadable = info.type { isNumber = false }
      guard isHDF5, !info.shape.isEmpty, isNumber else {
        return SavedArray(
          file: path, name: name, shape: info.shape, type: "\(info.type)", isWhole: isWhole,
          rounding: rounding
        ) { try file.floats(info.name, rows: $0).elements }
      }
      // Through the reader that knows what nobody wrote, and what CF attributes say.
      let rows = try ForeignRows(path, "/" + info.name)
      return SavedArray(
        file: path, name: name, shape: info.shape, type: "\(info.type)", isWhole: rows.isWhole,
        rounding: rounding
      ) { try rows.read($0) }
    }
  }

  private static func number(_ type: TensorType) -> (isWhole: Bool, rounding: Double) {
    switch type {
    case .number(.float16): (false, 2e-3)
    case .number(.bfloat16): (false, 2e-2)
    case .number(let type): (!type.isFloatingPoint, 1e-4)
    default: (true, 1e-4)
    }
  }

  private static func stem(_ path: String) -> String {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return name.hasSuffix(".npy") ? String(name.dropLast(4)) : name
  }

  /// What makes people save Python objects in place of arrays.
  private static func advised(_ error: CheckpointError) -> CheckpointError {
    guard let tensor = error.tensor else { return error }
    let remedy =
      tensor.lowercased().contains("att") && !tensor.contains("mask")
      ? "\(error.remedy); where it is None, load the model with attn_implementation=\"eager\", which gives maps"
      : "\(error.remedy); where samples have different lengths, pad them to one and save attention_mask"
    return CheckpointError(
      error.code, file: error.file, tensor: tensor, expected: error.expected, found: error.found,
      remedy: remedy)
  }
}

/// An array of a file in the order of axes that an archive has.
final class MappedArray {
  let source: SavedArray
  /// Axes in the order of the file.
  private let axes: [String]
  /// Axes in the order of the archive, `sample` first.
  let archived: [String]
  /// Positions along axes that are no axes of the result: layer, depth, checkpoint.
  private let fixed: [String: Int]
  private let cache: ReadCache

  init(
    _ source: SavedArray, axes: [String], archived: [String], fixed: [String: Int],
    cache: ReadCache
  ) {
    (self.source, self.axes, self.archived) = (source, axes, archived)
    (self.fixed, self.cache) = (fixed, cache)
  }

  /// Lengths in the order of the archive.
  var shape: [Int] {
    archived.map { name in axes.firstIndex(of: name).map { source.shape[$0] } ?? 1 }
  }

  /// Values of some samples (of a parameter: rows) in C order.
  func read(_ rows: Range<Int>) throws -> [Float] {
    if axes.first == archived.first {
      let rest = Array(axes.dropFirst())
      let shape = [rows.count] + source.shape.dropFirst()
      return Self.arranged(
        try source.read(rows), [axes[0]] + rest, Array(shape), fixed, to: archived)
    }
    let whole = try cache.values(ObjectIdentifier(self)) {
      // Layers lie one behind the other: only this one is read.
      if let index = axes.first.flatMap({ fixed[$0] }) {
        let values = try source.read(index..<index + 1)
        return Self.arranged(
          values, Array(axes.dropFirst()), Array(source.shape.dropFirst()), fixed, to: archived)
      }
      return Self.arranged(
        try source.read(0..<(source.shape.first ?? 1)), axes, source.shape, fixed, to: archived)
    }
    let size = shape.dropFirst().reduce(1, *)
    return Array(whole[rows.lowerBound * size..<rows.upperBound * size])
  }

  /// Values `[axes]` in the order of `target`, at the positions `fixed` of all other axes.
  private static func arranged(
    _ values: [Float], _ axes: [String], _ shape: [Int], _ fixed: [String: Int],
    to target: [String]
  ) -> [Float] {
    if axes == target { return values }
    let strides = shape.indices.map { shape[($0 + 1)...].reduce(1, *) }
    var start = 0
    for (axis, name) in axes.enumerated() { start += (fixed[name] ?? 0) * strides[axis] }
    let steps = target.map { name in axes.firstIndex(of: name).map { strides[$0] } ?? 0 }
    let lengths = target.map { name in axes.firstIndex(of: name).map { shape[$0] } ?? 1 }
    let count = lengths.reduce(1, *)
    guard let inner = lengths.last, let step = steps.last, count > 0 else { return [] }
    var (out, index, place) = ([Float](), [Int](repeating: 0, count: lengths.count), start)
    out.reserveCapacity(count)
    while out.count < count {
      for i in 0..<inner { out.append(values[place + i * step]) }
      var axis = lengths.count - 2
      while axis >= 0 {
        index[axis] += 1
        place += steps[axis]
        if index[axis] < lengths[axis] { break }
        place -= lengths[axis] * steps[axis]
        index[axis] = 0
        axis -= 1
      }
    }
    return out
  }
}

/// The array that was read last, whole: of those whose samples do not lie one behind the other.
final class ReadCache {
  private var key: ObjectIdentifier?
  private var kept: [Float] = []

  func values(_ key: ObjectIdentifier, _ read: () throws -> [Float]) throws -> [Float] {
    if self.key == key { return kept }
    kept = []
    kept = try read()
    self.key = key
    return kept
  }
}
