import CPNG
import Foundation

/// Writes a canvas as PNG: 8 bits, a palette where at most 256 colours occur, resolution and provenance texts.
public enum PNGFile {
  /// Writes `canvas` to `path`, under a temporary name first so that a failure leaves nothing behind.
  ///
  /// - Parameter texts: keyword and text pairs (tEXt; iTXt where not ASCII), in order.
  public static func write(
    _ canvas: Canvas, to path: String, texts: [(key: String, text: String)]
  ) throws {
    let (bytes, width, height) = canvas.pixels()
    let palette = indexed(bytes)
    let temporary = path + ".tmp"
    guard let file = fopen(temporary, "wb") else {
      throw FigureError(
        message: "cannot write \(path): \(String(cString: strerror(errno))); choose another place "
          + "with -o")
    }
    var message = [CChar](repeating: 0, count: 256)
    let copies = texts.map { (strdup($0.key), strdup($0.text)) }
    defer {
      for (key, text) in copies {
        free(key)
        free(text)
      }
    }
    let entries = copies.map { isotherm_png_text(key: $0.0, text: $0.1) }
    let resolution = Int32((canvas.scale * 72 / 0.0254).rounded())
    let failed = isotherm_png_write(
      file, palette?.indices ?? bytes, Int32(width), Int32(height), palette == nil ? 3 : 1,
      palette?.colors ?? [], Int32((palette?.colors.count ?? 0) / 3), resolution, entries,
      Int32(entries.count), 6, &message)
    let closed = fclose(file)
    guard failed == 0, closed == 0, rename(temporary, path) == 0 else {
      unlink(temporary)
      let told = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      let reason =
        told.isEmpty ? String(cString: strerror(errno)) : String(decoding: told, as: UTF8.self)
      throw FigureError(message: "cannot write \(path): \(reason); the disk may be full")
    }
  }

  private static func indexed(_ bytes: [UInt8]) -> (indices: [UInt8], colors: [UInt8])? {
    var places: [UInt32: UInt8] = [:]
    var colors: [UInt8] = []
    var indices = [UInt8](repeating: 0, count: bytes.count / 3)
    var (last, lastPlace) = (UInt32.max, UInt8(0))
    for i in indices.indices {
      let color =
        UInt32(bytes[3 * i]) << 16 | UInt32(bytes[3 * i + 1]) << 8 | UInt32(bytes[3 * i + 2])
      if color != last {
        if let place = places[color] {
          lastPlace = place
        } else {
          guard places.count < 256 else { return nil }
          lastPlace = UInt8(places.count)
          places[color] = lastPlace
          colors += [bytes[3 * i], bytes[3 * i + 1], bytes[3 * i + 2]]
        }
        last = color
      }
      indices[i] = lastPlace
    }
    return (indices, colors)
  }
}
