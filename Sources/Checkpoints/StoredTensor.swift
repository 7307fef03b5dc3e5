/// A tensor and where its elements lie.
struct StoredTensor: Sendable {
  /// Name, shape, type.
  let info: TensorInfo
  /// Elements to go on for one step along each axis; nil for C order without gaps.
  let strides: [Int]?
  /// Whether elements have their most significant byte first.
  let isBigEndian: Bool
  /// The bytes from the first element on.
  let bytes: @Sendable () throws -> Region

  /// Elements in a region that lies open. Checks that the last of them lies inside.
  /// - Throws: ``CheckpointError/Code/damaged`` when the elements reach beyond the region, or are more than it has room for.
  init(
    _ info: TensorInfo, in region: Region, strides: [Int]? = nil, isBigEndian: Bool = false
  ) throws {
    try self.init(
      info, byteCount: region.count, path: region.source.path, strides: strides,
      isBigEndian: isBigEndian
    ) { region }
  }

  /// Elements in a region of `byteCount` bytes that `bytes` brings when they are read.
  init(
    _ info: TensorInfo, byteCount: Int, path: String, strides: [Int]? = nil,
    isBigEndian: Bool = false, bytes: @escaping @Sendable () throws -> Region
  ) throws {
    self.info = info
    self.isBigEndian = isBigEndian
    self.bytes = bytes
    guard let size = info.type.byteCount else {
      self.strides = nil
      return
    }
    let strides = strides.flatMap { Self.isContiguous($0, info.shape) ? nil : $0 }
    self.strides = strides
    guard let needed = Self.extent(info, strides, size), needed <= byteCount else {
      throw CheckpointError.damaged(
        path, tensor: info.name, expected: "values of shape \(info.shape) within their storage",
        found: "\(byteCount) bytes of storage")
    }
    // A stride of 0 repeats elements: a few bytes could stand for more than any memory.
    guard info.count * size <= max(byteCount, 1 << 20) else {
      throw CheckpointError(
        .unsupported, file: path, tensor: info.name,
        expected: "as many stored values as the shape \(info.shape) has",
        found: "\(byteCount) bytes that are repeated",
        remedy: "save a copy of the tensor (contiguous())")
    }
  }

  /// Bytes from the first element to behind the last; nil when a stride is negative or too large.
  private static func extent(_ info: TensorInfo, _ strides: [Int]?, _ size: Int) -> Int? {
    if info.count == 0 { return 0 }
    guard let strides else { return info.count * size }
    guard strides.count == info.shape.count else { return nil }
    var last = 0
    for (length, stride) in zip(info.shape, strides) {
      let (step, tooFar) = stride.multipliedReportingOverflow(by: length - 1)
      let (next, tooLarge) = last.addingReportingOverflow(step)
      guard stride >= 0, !tooFar, !tooLarge else { return nil }
      last = next
    }
    let (count, tooMany) = last.addingReportingOverflow(1)
    let (bytes, tooLong) = count.multipliedReportingOverflow(by: size)
    return tooMany || tooLong ? nil : bytes
  }

  private static func isContiguous(_ strides: [Int], _ shape: [Int]) -> Bool {
    guard strides.count == shape.count else { return false }
    var expected = 1
    for (length, stride) in zip(shape, strides).reversed() {
      if length != 1 && stride != expected { return false }
      expected *= max(length, 1)
    }
    return true
  }

  /// Writes rows in C order, little endian; `target` is exactly as long.
  func read(rows: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    guard let size = info.type.byteCount, !target.isEmpty else { return }
    try bytes().withBytes { source in
      if let strides {
        gather(source, rows, strides, size, target)
      } else {
        let start = rows.lowerBound * info.rowElementCount * size
        target.copyMemory(
          from: UnsafeRawBufferPointer(rebasing: source[start..<(start + target.count)]))
      }
    }
    if isBigEndian { ElementConversion.swapBytes(target, elementSize: size) }
  }

  private func gather(
    _ source: UnsafeRawBufferPointer, _ rows: Range<Int>, _ strides: [Int], _ size: Int,
    _ target: UnsafeMutableRawBufferPointer
  ) {
    switch size {
    case 1: gather(source, rows, strides, target, UInt8.self)
    case 2: gather(source, rows, strides, target, UInt16.self)
    case 4: gather(source, rows, strides, target, UInt32.self)
    default: gather(source, rows, strides, target, UInt64.self)
    }
  }

  private func gather<Bits: BitwiseCopyable>(
    _ source: UnsafeRawBufferPointer, _ rows: Range<Int>, _ strides: [Int],
    _ target: UnsafeMutableRawBufferPointer, _ type: Bits.Type
  ) {
    let size = MemoryLayout<Bits>.size
    // A strided tensor has at least one axis; the innermost is the loop, the others are counted up.
    let rank = info.shape.count
    var index = [Int](repeating: 0, count: rank)
    index[0] = rows.lowerBound
    let innerCount = rank == 1 ? rows.count : info.shape[rank - 1]
    let innerStride = strides[rank - 1]
    var out = 0
    while out < target.count {
      var place = 0
      for axis in 0..<rank { place += index[axis] * strides[axis] }
      for _ in 0..<innerCount {
        let bits = source.loadUnaligned(fromByteOffset: place * size, as: Bits.self)
        target.storeBytes(of: bits, toByteOffset: out, as: Bits.self)
        place += innerStride
        out += size
      }
      var axis = rank - 2
      while axis > 0 {
        index[axis] += 1
        if index[axis] < info.shape[axis] { break }
        index[axis] = 0
        axis -= 1
      }
      if axis == 0 { index[0] += 1 }
    }
  }
}

/// A file whose tensors are stretches of bytes: every format but HDF5.
struct StoredTensorFile: TensorFile {
  let path: String
  let format: CheckpointFormat
  private var index = TensorIndex()
  private var stored: [StoredTensor] = []

  init(path: String, format: CheckpointFormat) { (self.path, self.format) = (path, format) }

  var tensors: [TensorInfo] { index.tensors }

  func info(_ name: String) -> TensorInfo? { index.place(name).map { index.tensors[$0] } }

  mutating func add(_ tensor: StoredTensor) throws {
    try index.add(tensor.info, path: path)
    stored.append(tensor)
  }

  func read(_ name: String, rows: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    let (info, rows) = try checked(name, rows)
    guard let place = index.place(name), target.count == rows.count * (info.rowByteCount ?? 0)
    else {
      throw CheckpointError(
        .mismatch, file: path, tensor: name,
        expected: "room for \(rows.count * (info.rowByteCount ?? 0)) bytes",
        found: "\(target.count)", remedy: "give as much memory as the rows take")
    }
    try stored[place].read(rows: rows, into: target)
  }
}
