import Arrays
import CCrypto
import Foundation
import HDF5

/// The logical hash of an array: sha256 over its values in C order, little endian, then its type and shape.
///
/// Chunks and filters do not enter, so equal data have equal hashes after repack, seal or export. Type and shape come
/// last because the length of a stream is not known before its end. A string enters as its UTF-8 bytes and a zero.
public final class LogicalHash: @unchecked Sendable {
  private var context = SHA256_CTX()

  /// An empty hash.
  public init() { SHA256_Init(&context) }

  /// Adds values, in order.
  public func update(_ bytes: UnsafeRawBufferPointer) {
    if bytes.count > 0 { SHA256_Update(&context, bytes.baseAddress, bytes.count) }
  }

  /// Adds strings, in order.
  public func update(_ texts: [String]) {
    for text in texts { Array((text + "\0").utf8).withUnsafeBytes { update($0) } }
  }

  /// The hash of everything added so far as an array of this type and shape, in hexadecimal. More can be added
  /// afterwards.
  public func value(_ type: ElementType, shape: [Int]) -> String {
    var copy = context
    let trailer = Array("\(type.rawValue)[\(shape.map(String.init).joined(separator: ","))]".utf8)
    SHA256_Update(&copy, trailer, trailer.count)
    return Self.finish(&copy)
  }

  private static func finish(_ context: inout SHA256_CTX) -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    SHA256_Final(&digest, &context)
    return digest.hexadecimal
  }

  // MARK: - Going on later

  /// Bytes added so far.
  var byteCount: Int { Int((UInt64(context.Nh) << 32 | UInt64(context.Nl)) / 8) }

  /// All that is needed to add more in another process: the eight words of the hash, the number of bytes added, and those
  /// that do not fill a block of 64 yet.
  var state: [UInt8] {
    var bytes: [UInt8] = []
    withUnsafeBytes(of: context.h) { words in
      for word in words.bindMemory(to: UInt32.self) {
        withUnsafeBytes(of: word.littleEndian) { bytes += $0 }
      }
    }
    withUnsafeBytes(of: UInt64(byteCount).littleEndian) { bytes += $0 }
    withUnsafeBytes(of: context.data) { bytes += $0.prefix(Int(context.num)) }
    return bytes
  }

  /// A hash that goes on from a ``state``; nil for bytes that are none.
  convenience init?(state: [UInt8]) {
    guard state.count >= 40 else { return nil }
    let (words, count) = state.withUnsafeBytes { bytes in
      (
        (0..<8).map {
          UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self))
        },
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 32, as: UInt64.self))
      )
    }
    let rest = state[40...]
    guard rest.count == Int(count % 64), count < 1 << 60 else { return nil }
    self.init()
    withUnsafeMutableBytes(of: &context.h) { target in
      words.withUnsafeBytes { target.copyMemory(from: $0) }
    }
    withUnsafeMutableBytes(of: &context.data) { target in target.copyBytes(from: rest) }
    context.num = UInt32(rest.count)
    context.Nl = UInt32(truncatingIfNeeded: 8 * count)
    context.Nh = UInt32(truncatingIfNeeded: (8 * count) >> 32)
  }

  /// sha256 of plain bytes, in hexadecimal.
  public static func sha256(_ bytes: [UInt8]) -> String {
    let hash = LogicalHash()
    bytes.withUnsafeBytes { hash.update($0) }
    return hash.plainValue
  }

  /// sha256 of a file's bytes, in hexadecimal, read 4 MiB at a time.
  /// - Throws: ``ArchiveError`` when it cannot be read to its end.
  public static func sha256(ofFile path: String) throws -> String {
    let hash = LogicalHash()
    do {
      let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      while let block = try file.read(upToCount: 4 << 20), !block.isEmpty {
        block.withUnsafeBytes { hash.update($0) }
      }
    } catch {
      throw ArchiveError(.system, "\(path): cannot be read: \(error.localizedDescription)")
    }
    return hash.plainValue
  }

  /// The hash of the bytes added, without type and shape. Nothing can be added afterwards.
  private var plainValue: String {
    Self.finish(&context)
  }
}

extension [UInt8] {
  var hexadecimal: String {
    let digits = Array<Character>("0123456789abcdef")
    return String(flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }

  /// The bytes that ``hexadecimal`` writes so; nil for any other text.
  init?(hexadecimal text: String) {
    let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
    guard digits.count == text.utf8.count, digits.count % 2 == 0 else { return nil }
    self = stride(from: 0, to: digits.count, by: 2).map {
      UInt8(16 * digits[$0] + digits[$0 + 1])
    }
  }
}
