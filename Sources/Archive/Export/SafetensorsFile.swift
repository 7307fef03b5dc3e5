import Arrays
import Foundation

/// The safetensors format: the length of a JSON header (64 bits, little endian), the header, the values one after the
/// other. https://huggingface.co/docs/safetensors
enum SafetensorsFile {
  static func write(
    _ items: [ArchiveExport.Item], metadata: [String: String], to out: OutputFile
  ) throws {
    var header: [String: Any] = ["__metadata__": metadata]
    var place = 0
    for item in items {
      header[item.name] = [
        "dtype": try name(item.type, item.name), "shape": item.shape,
        "data_offsets": [place, place + item.byteCount],
      ]
      place += item.byteCount
    }
    var json = Array(
      try JSONSerialization.data(
        withJSONObject: header, options: [.sortedKeys, .withoutEscapingSlashes]))
    // Values begin on eight bytes, so that they can be mapped into memory.
    while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
    try out.write(json.count.littleEndianBytes(8))
    try out.write(json)
    for item in items { try item.forEachBlock { try out.write($0) } }
  }

  private static func name(_ type: ElementType, _ path: String) throws -> String {
    switch type {
    case .int8: "I8"
    case .uint8: "U8"
    case .int16: "I16"
    case .uint16: "U16"
    case .int32: "I32"
    case .uint32: "U32"
    case .int64: "I64"
    case .uint64: "U64"
    case .float16: "F16"
    case .bfloat16: "BF16"
    case .float32: "F32"
    case .float64: "F64"
    case .utf8: throw ArchiveError(.refused, "\(path): safetensors holds no text; use npz or csv")
    }
  }
}

extension FixedWidthInteger {
  /// The lowest `count` bytes, the least significant first.
  func littleEndianBytes(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: self >> (8 * $0)) }
  }
}
