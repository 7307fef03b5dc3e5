import Arrays
import CCrypto
import Foundation
import HDF5

/// The logical hash of an array: sha256 over its values in C order, little endian, then its type and shape.
///
/// Chunks and filters do not enter, so equal data have equal hashes after repack, seal or export. Type and shape come
/// last because the length of a stream is not known before its end. A string enters as its UTF-8 bytes and a zero.
public final class LogicalHash: @unchecked Sendable {
  private let context: OpaquePointer?

  /// An empty hash.
  public init() {
    context = EVP_MD_CTX_new()
    EVP_DigestInit_ex(context, EVP_sha256(), nil)
  }

  deinit { EVP_MD_CTX_free(context) }

  /// Adds values, in order.
  public func update(_ bytes: UnsafeRawBufferPointer) {
    if bytes.count > 0 { EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) }
  }

  /// Adds strings, in order.
  public func update(_ texts: [String]) {
    for text in texts { Array((text + "\0").utf8).withUnsafeBytes { update($0) } }
  }

  /// The hash of everything added so far as an array of this type and shape, in hexadecimal. More can be added
  /// afterwards.
  public func value(_ type: ElementType, shape: [Int]) -> String {
    let copy = EVP_MD_CTX_new()
    defer { EVP_MD_CTX_free(copy) }
    EVP_MD_CTX_copy_ex(copy, context)
    let trailer = Array("\(type.rawValue)[\(shape.map(String.init).joined(separator: ","))]".utf8)
    EVP_DigestUpdate(copy, trailer, trailer.count)
    var digest = [UInt8](repeating: 0, count: 32)
    EVP_DigestFinal_ex(copy, &digest, nil)
    return digest.hexadecimal
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
    var digest = [UInt8](repeating: 0, count: 32)
    EVP_DigestFinal_ex(context, &digest, nil)
    return digest.hexadecimal
  }
}

extension [UInt8] {
  var hexadecimal: String {
    let digits = Array<Character>("0123456789abcdef")
    return String(flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }
}
