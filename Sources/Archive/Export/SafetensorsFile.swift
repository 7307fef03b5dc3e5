import Arrays
import Foundation

/// The safetensors format: the length of a JSON header (64 bits, little endian), the header, the values one after the
/// other. https://huggingface.co/docs/safetensors
enum SafetensorsFile {
  static func write(
    _ items: [ArchiveExport.Item], metadata: [String: String], to out: OutputFile
  ) throws -> [ArchiveExport.Region] {
    try writeHeader(
      items.map { (name: $0.name, type: $0.type, shape: $0.shape, byteCount: $0.byteCount) },
      metadata, to: out)
    return try items.map { item in
      let region = RegionWriter(item, out)
      try item.forEachBlock {
        region.note($0)
        try region.write($0)
      }
      return region.region()
    }
  }

  /// Tensors that are in memory.
  static func write(
    _ tensors: [ExportedTensor], metadata: [String: String], to out: OutputFile
  ) throws {
    try writeHeader(
      tensors.map {
        (name: $0.name, type: .float32, shape: $0.shape, byteCount: 4 * $0.values.count)
      }, metadata, to: out)
    for tensor in tensors { try tensor.values.withUnsafeBytes { try out.write($0) } }
  }

  private static func writeHeader(
    _ items: [(name: String, type: ElementType, shape: [Int], byteCount: Int)],
    _ metadata: [String: String], to out: OutputFile
  ) throws {
    var json = Array("{\"__metadata__\":".utf8) + (try encode(metadata))
    var places: [Int] = []
    var place = 0
    for item in items {
      places.append(place)
      place += item.byteCount
    }
    // Written by hand: to a dictionary of Swift strings, a letter with its accent and the two apart are one key.
    for (item, place) in zip(items, places).sorted(by: {
      $0.0.name.utf8.lexicographicallyPrecedes($1.0.name.utf8)
    }) {
      let entry = Entry(
        dtype: try name(item.type, item.name), shape: item.shape,
        places: [place, place + item.byteCount])
      json += Array(",".utf8) + (try encode(item.name)) + Array(":".utf8) + (try encode(entry))
    }
    json.append(UInt8(ascii: "}"))
    // Values begin on eight bytes, so that they can be mapped into memory.
    while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
    try out.write(json.count.littleEndianBytes(8))
    try out.write(json)
  }

  private struct Entry: Encodable {
    let dtype: String
    let shape: [Int]
    let places: [Int]

    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case places = "data_offsets"
    }
  }

  private static func encode<Value: Encodable>(_ value: Value) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(value))
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
