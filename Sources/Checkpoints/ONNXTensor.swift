import Arrays
import Foundation

/// Where the values of one ONNX initialiser lie, and of what type they are.
struct ONNXTensor {
  private let initializer: ONNXFile.Initializer
  private let path: String

  init(_ initializer: ONNXFile.Initializer, _ path: String) {
    (self.initializer, self.path) = (initializer, path)
  }

  private static let types: [Int: TensorType] = [
    1: .number(.float32), 2: .number(.uint8), 3: .number(.int8), 4: .number(.uint16),
    5: .number(.int16), 6: .number(.int32), 7: .number(.int64), 8: .unreadable("text"),
    9: .boolean, 10: .number(.float16), 11: .number(.float64), 12: .number(.uint32),
    13: .number(.uint64), 14: .unreadable("complex64"), 15: .unreadable("complex128"),
    16: .number(.bfloat16), 17: .unreadable("float8e4m3fn"), 18: .unreadable("float8e4m3fnuz"),
    19: .unreadable("float8e5m2"), 20: .unreadable("float8e5m2fnuz"), 21: .unreadable("uint4"),
    22: .unreadable("int4"), 23: .unreadable("float4e2m1"), 24: .unreadable("float8e8m0"),
  ]

  private func damaged(_ expected: String, _ found: String) -> CheckpointError {
    CheckpointError.damaged(path, tensor: initializer.name, expected: expected, found: found)
  }

  /// The tensor; with a name of before the export, turned around too.
  func stored(as name: String?, externals: inout ExternalData) throws -> StoredTensor {
    guard let type = Self.types[initializer.type] else {
      throw damaged("a type of ONNX", "type \(initializer.type)")
    }
    let shape = initializer.shape
    let turned = name != nil && shape.count == 2
    guard
      let info = TensorInfo(
        name: name ?? initializer.name, shape: turned ? shape.reversed() : shape, type: type)
    else { throw damaged("a shape whose size is a number", "\(shape)") }
    let strides = turned ? [1, shape[1]] : nil
    guard let count = info.byteCount else {
      return try StoredTensor(info, in: Region(source: try none(), offset: 0, count: 0))
    }
    if initializer.isExternal || !initializer.external.isEmpty {
      let region = try externals.region(initializer.external, initializer.name, count)
      return try StoredTensor(info, in: region, strides: strides)
    }
    if let raw = initializer.raw {
      guard raw.count == count, initializer.typed == nil else {
        throw damaged("\(count) bytes of values of shape \(shape)", "\(raw.count)")
      }
      return try StoredTensor(info, in: raw, strides: strides)
    }
    return try typed(info, count, strides)
  }

  private func none() throws -> ByteSource {
    guard let source = ByteSource.memory(path: path, count: 0, { _ in true }) else {
      throw damaged("memory", "none")
    }
    return source
  }

  /// Values in the fields of their type: bytes as they are for floating point, numbers of seven bits a byte for the others.
  private func typed(_ info: TensorInfo, _ count: Int, _ strides: [Int]?) throws -> StoredTensor {
    guard let typed = initializer.typed else {
      guard count == 0 else { throw damaged("values of shape \(info.shape)", "none") }
      return try StoredTensor(info, in: Region(source: try none(), offset: 0, count: 0))
    }
    guard typed.singles == 0, typed.pieces.count == 1, let piece = typed.pieces.first else {
      throw CheckpointError(
        .unsupported, file: path, tensor: info.name, expected: "packed values",
        found: "values one by one", remedy: "load and save the model with onnx")
    }
    let field: Int? =
      switch info.type {
      case .number(.float32): 4
      case .number(.float64): 10
      case .number(.int64): 7
      case .number(.uint64), .number(.uint32): 11
      case .unreadable: nil
      default: 5
      }
    guard typed.field == field else {
      throw damaged("values of \(info.type) in field \(field ?? 0)", "field \(typed.field)")
    }
    if typed.field == 4 || typed.field == 10 {
      guard piece.count == count else {
        throw damaged("\(count) bytes of values of shape \(info.shape)", "\(piece.count)")
      }
      return try StoredTensor(info, in: piece, strides: strides)
    }
    // Every number takes a byte at least, so the elements are no more than the file has bytes.
    guard info.count <= piece.count, let size = info.type.byteCount else {
      throw damaged("\(info.count) values", "\(piece.count) bytes")
    }
    let (path, elements) = (path, info.count)
    return try StoredTensor(info, byteCount: count, path: path, strides: strides) {
      try Self.unpacked(piece, elements, size, path).region
    }
  }

  private static func unpacked(
    _ piece: Region, _ count: Int, _ size: Int, _ path: String
  ) throws -> ByteSource {
    var failure: (any Error)?
    let source = ByteSource.memory(path: path, count: count * size) { target in
      do {
        var cursor = ByteCursor(piece)
        for i in 0..<count {
          let bits = try ProtobufReader.varint(&cursor)
          for byte in 0..<size {
            target[i * size + byte] = UInt8(truncatingIfNeeded: bits >> UInt64(8 * byte))
          }
        }
        return cursor.isAtEnd
      } catch {
        failure = error
        return false
      }
    }
    if let source { return source }
    throw failure
      ?? CheckpointError.damaged(path, expected: "\(count) values of an initialiser", found: "more")
  }
}

/// Files beside an ONNX model that hold values of its initialisers.
struct ExternalData {
  private let path: String
  private let folder: String
  private var sources: [String: ByteSource] = [:]

  init(_ path: String) {
    self.path = path
    folder = FilePath.folder(of: path)
  }

  /// The bytes that an initialiser's keys `location`, `offset` and `length` name.
  /// - Throws: ``CheckpointError/Code/forbidden`` for a location outside the model's folder, or one over a symbolic link.
  mutating func region(
    _ keys: [(key: String, value: String)], _ tensor: String, _ count: Int
  ) throws -> Region {
    func value(_ key: String) -> String? { keys.first { $0.key == key }?.value }
    guard let location = value("location") else {
      throw CheckpointError.damaged(
        path, tensor: tensor, expected: "the location of external values", found: "none")
    }
    let source = try source(location, tensor)
    let offset = value("offset").map { Int($0) } ?? 0
    let length = value("length").map { Int($0) } ?? count
    guard let offset, let length, length == count, let region = source.region.slice(offset, count)
    else {
      throw CheckpointError.damaged(
        path, tensor: tensor,
        expected: "\(count) bytes within \(CheckpointError.shown(location))",
        found: "offset \(CheckpointError.shown(value("offset") ?? "0")), length "
          + "\(CheckpointError.shown(value("length") ?? "\(count)"))")
    }
    return region
  }

  private mutating func source(_ location: String, _ tensor: String) throws -> ByteSource {
    if let source = sources[location] { return source }
    let parts = location.split(separator: "/", omittingEmptySubsequences: false)
    guard !parts.isEmpty, parts.count <= 16, location.utf8.count <= 1024,
      parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }),
      !location.utf8.contains(where: { $0 == 0x5C || $0 < 0x20 }), sources.count < 1000
    else { throw forbidden(tensor, location) }
    // No part of the way may be a link, which could lead out of the folder.
    var place = folder
    for part in parts {
      place += "/" + part
      var status = stat()
      guard lstat(place, &status) == 0 else {
        throw CheckpointError(
          .notReadable, file: path, tensor: tensor,
          expected: "its values in \(CheckpointError.shown(location))",
          found: "no such file", remedy: "fetch it and put it beside the model")
      }
      guard status.st_mode & S_IFMT != S_IFLNK else {
        throw forbidden(tensor, location + ", a link")
      }
    }
    let source = try ByteSource.map(place, followingLinks: false)
    sources[location] = source
    return source
  }

  private func forbidden(_ tensor: String, _ found: String) -> CheckpointError {
    CheckpointError(
      .forbidden, file: path, tensor: tensor, expected: "values in a file beside the model",
      found: CheckpointError.shown(found), remedy: "fetch the model from a source you trust")
  }
}
