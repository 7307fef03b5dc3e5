import Arrays

/// What a checkpoint is stored as.
public enum CheckpointFormat: String, Sendable, CaseIterable {
  case safetensors
  case torch = "torch zip"
  case torchLegacy = "torch legacy"
  case numpy = "npy"
  case numpyArchive = "npz"
  case gguf
  case onnx
  case keras = "keras"
  case kerasWeights = "hdf5 weights"
  case shards
}

/// Named tensors of a checkpoint. Opening reads names, shapes and types only; values are read when asked for, so that a file
/// costs the memory of what is read from it.
public protocol TensorFile: Sendable {
  /// The file, or the index of its shards.
  var path: String { get }
  /// Every file that values come from, the index of shards among them.
  var files: [String] { get }
  /// What it is stored as.
  var format: CheckpointFormat { get }
  /// Every tensor, in the order of the file.
  var tensors: [TensorInfo] { get }
  /// The tensor of a name, byte for byte; nil when there is none.
  func info(_ name: String) -> TensorInfo?
  /// Writes the elements of some rows (positions of the first axis; a scalar has one) to `target`: in C order, little endian,
  /// exactly as many bytes as they take.
  /// - Throws: ``CheckpointError`` when there is no such tensor or row, its type is not read, or the values are damaged.
  func read(_ name: String, rows: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws
}

extension TensorFile {
  /// The one file.
  public var files: [String] { [path] }

  /// Names of the tensors in the order of the file.
  public var names: [String] { tensors.map(\.name) }

  /// The tensor of a name.
  /// - Throws: ``CheckpointError/Code/missing`` with the nearest name.
  public func tensor(_ name: String) throws -> TensorInfo {
    if let info = info(name) { return info }
    let nearest = NameDistance.nearest(to: name, among: names)
    throw CheckpointError(
      .missing, file: path, tensor: name, expected: "a tensor of that name",
      found: nearest.map { "\(tensors.count) others, the nearest \(CheckpointError.shown($0))" }
        ?? "no tensor at all",
      remedy: "check the name, or whether the file is a whole checkpoint")
  }

  /// The bytes of some rows, or all; see ``read(_:rows:into:)``.
  public func bytes(_ name: String, rows: Range<Int>? = nil) throws -> [UInt8] {
    let (info, rows) = try checked(name, rows)
    let count = rows.count * (info.rowByteCount ?? 0)
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      try read(
        name, rows: rows,
        into: UnsafeMutableRawBufferPointer(
          rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]))
      initialized = count
    }
  }

  /// Some rows, or all, rounded to single precision: `[rows, ...]`; integers and booleans as numbers.
  ///
  /// Takes the memory of the result and a block of about 4 MiB, or one row where that is larger.
  public func floats(_ name: String, rows: Range<Int>? = nil) throws -> NDArray<Float> {
    let (info, rows) = try checked(name, rows)
    let count = rows.count * info.rowElementCount
    let elements = try [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      try readFloats(info, rows, UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      initialized = count
    }
    let shape = info.shape.isEmpty ? [] : [rows.count] + info.shape.dropFirst()
    return NDArray(shape: shape, elements: elements)
  }

  private func readFloats(
    _ info: TensorInfo, _ rows: Range<Int>, _ target: UnsafeMutableBufferPointer<Float>
  ) throws {
    if info.type == .number(.float32) {
      return try read(info.name, rows: rows, into: UnsafeMutableRawBufferPointer(target))
    }
    guard let rowBytes = info.rowByteCount, rowBytes > 0 else { return }
    let step = max(1, (4 << 20) / rowBytes)
    let block = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(step, rows.count) * rowBytes, alignment: 16)
    defer { block.deallocate() }
    for first in stride(from: rows.lowerBound, to: rows.upperBound, by: step) {
      let part = first..<min(first + step, rows.upperBound)
      let bytes = UnsafeMutableRawBufferPointer(rebasing: block[..<(part.count * rowBytes)])
      try read(info.name, rows: part, into: bytes)
      let start = (first - rows.lowerBound) * info.rowElementCount
      let out = target[start..<(start + part.count * info.rowElementCount)]
      try ElementConversion.toFloat(
        UnsafeRawBufferPointer(bytes), info, UnsafeMutableBufferPointer(rebasing: out), path)
    }
  }

  /// The tensor of a name and the rows asked for; refuses types that are not read.
  func checked(_ name: String, _ rows: Range<Int>?) throws -> (TensorInfo, Range<Int>) {
    let info = try tensor(name)
    guard info.type.byteCount != nil else {
      throw CheckpointError(
        .unsupported, file: path, tensor: name,
        expected: "floating-point numbers, integers or booleans", found: "\(info.type)",
        remedy: "fetch the checkpoint in float16, bfloat16 or float32")
    }
    let rows = rows ?? 0..<info.rowCount
    guard rows.lowerBound >= 0, rows.upperBound <= info.rowCount else {
      throw CheckpointError(
        .missing, file: path, tensor: name, expected: "rows 0 to \(info.rowCount)",
        found: "\(rows)", remedy: "ask for rows that are there")
    }
    return (info, rows)
  }
}
