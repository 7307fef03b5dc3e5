import CPNG
import Foundation

extension PNGFile {
  /// An image as it was stored.
  public struct Content: Sendable {
    /// `[row, column, RGB]`, 8 bits each.
    public let bytes: [UInt8]
    /// Pixels across and down.
    public let width: Int, height: Int
    /// Texts by their keyword.
    public let texts: [String: String]
  }

  /// Reads an image and its texts.
  /// - Throws: ``FigureError`` for what cannot be read, is damaged, or is larger than 30,000 pixels along a side.
  public static func read(_ path: String) throws -> Content {
    guard let file = fopen(path, "rb") else {
      throw FigureError(
        message: "cannot read \(path): \(String(cString: strerror(errno))); check the path")
    }
    defer { fclose(file) }
    let texts = Texts()
    var pixels: UnsafeMutablePointer<UInt8>?
    var (width, height): (Int32, Int32) = (0, 0)
    var message = [CChar](repeating: 0, count: 256)
    let failed = isotherm_png_read(
      file, &pixels, &width, &height, Unmanaged.passUnretained(texts).toOpaque(),
      { context, key, text in
        guard let context, let key, let text else { return }
        Unmanaged<Texts>.fromOpaque(context).takeUnretainedValue()
          .values[String(cString: key)] = String(cString: text)
      }, &message)
    guard failed == 0, let pixels else {
      let told = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      throw FigureError(message: "cannot read \(path): \(String(decoding: told, as: UTF8.self))")
    }
    defer { free(pixels) }
    let count = Int(width) * Int(height) * 3
    return Content(
      bytes: Array(UnsafeBufferPointer(start: pixels, count: count)), width: Int(width),
      height: Int(height), texts: texts.values)
  }

  private final class Texts {
    var values: [String: String] = [:]
  }
}
