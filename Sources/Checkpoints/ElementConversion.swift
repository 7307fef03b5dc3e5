import Arrays

/// Stored elements as single-precision numbers.
enum ElementConversion {
  /// Rounds little-endian elements to the nearest `Float`. `target` has one place an element.
  /// - Throws: ``CheckpointError`` for a boolean that is neither 0 nor 1.
  static func toFloat(
    _ bytes: UnsafeRawBufferPointer, _ info: TensorInfo,
    _ target: UnsafeMutableBufferPointer<Float>, _ path: String
  ) throws {
    func integers<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type) {
      each(bytes, target, Number.self) { Float(Number(littleEndian: $0)) }
    }
    switch info.type {
    case .boolean:
      if let wrong = bytes.first(where: { $0 > 1 }) {
        throw CheckpointError.damaged(
          path, tensor: info.name, expected: "booleans of 0 or 1", found: "\(wrong)")
      }
      integers(UInt8.self)
    case .number(let type):
      switch type {
      case .int8: integers(Int8.self)
      case .uint8: integers(UInt8.self)
      case .int16: integers(Int16.self)
      case .uint16: integers(UInt16.self)
      case .int32: integers(Int32.self)
      case .uint32: integers(UInt32.self)
      case .int64: integers(Int64.self)
      case .uint64: integers(UInt64.self)
      case .float16:
        each(bytes, target, UInt16.self) { Float(Float16(bitPattern: UInt16(littleEndian: $0))) }
      case .bfloat16:
        each(bytes, target, UInt16.self) { BFloat16(bitPattern: UInt16(littleEndian: $0)).float }
      case .float32:
        each(bytes, target, UInt32.self) { Float(bitPattern: UInt32(littleEndian: $0)) }
      case .float64:
        each(bytes, target, UInt64.self) { Float(Double(bitPattern: UInt64(littleEndian: $0))) }
      case .utf8: break
      }
    case .unreadable: break
    }
  }

  private static func each<Stored: BitwiseCopyable>(
    _ bytes: UnsafeRawBufferPointer, _ target: UnsafeMutableBufferPointer<Float>,
    _ type: Stored.Type, _ convert: (Stored) -> Float
  ) {
    let size = MemoryLayout<Stored>.size
    for i in 0..<min(target.count, bytes.count / size) {
      target[i] = convert(bytes.loadUnaligned(fromByteOffset: i * size, as: Stored.self))
    }
  }

  /// Turns the bytes of each element around, in place.
  static func swapBytes(_ bytes: UnsafeMutableRawBufferPointer, elementSize: Int) {
    guard elementSize > 1 else { return }
    for start in stride(from: 0, to: bytes.count - elementSize + 1, by: elementSize) {
      for i in 0..<elementSize / 2 { bytes.swapAt(start + i, start + elementSize - 1 - i) }
    }
  }
}
