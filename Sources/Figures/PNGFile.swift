import CDeflate
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
    let channels = palette == nil ? 3 : 1
    let deflated = try deflate(
      palette?.indices ?? bytes, width: width * channels, rows: height, channels)
    try store(path, texts) { file, entries, message in
      isotherm_png_write(
        file, deflated, deflated.count, Int32(width), Int32(height), Int32(channels),
        palette?.colors ?? [], Int32((palette?.colors.count ?? 0) / 3), resolution(canvas.scale),
        entries, Int32(entries.count), message)
    }
  }

  /// Pixels a metre for `scale` pixels a point.
  static func resolution(_ scale: Double) -> Int32 { Int32((scale * 72 / 0.0254).rounded()) }

  /// Lets `body` write a file under a temporary name, and gives it its own when that went well.
  static func store(
    _ path: String, _ texts: [(key: String, text: String)],
    _ body: (
      UnsafeMutablePointer<FILE>, [isotherm_png_text], UnsafeMutablePointer<CChar>
    ) -> Int32
  ) throws {
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
    let failed = body(file, copies.map { isotherm_png_text(key: $0.0, text: $0.1) }, &message)
    let closed = fclose(file)
    guard failed == 0, closed == 0, rename(temporary, path) == 0 else {
      unlink(temporary)
      let told = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      let reason =
        told.isEmpty ? String(cString: strerror(errno)) : String(decoding: told, as: UTF8.self)
      throw FigureError(message: "cannot write \(path): \(reason); the disk may be full")
    }
  }

  /// The image data of a PNG: each row after a byte that names its filter, deflated by libdeflate, which is several times
  /// faster than the zlib within libpng.
  ///
  /// RGB rows are stored as differences from the row above: cells and axes repeat down the page. Palette indices are stored as
  /// they are, because their differences mean nothing.
  static func deflate(
    _ bytes: [UInt8], width: Int, rows: Int, _ channels: Int
  ) throws -> [UInt8] {
    let isDifference = channels == 3
    let filtered = [UInt8](unsafeUninitializedCapacity: rows * (width + 1)) { out, initialized in
      bytes.withUnsafeBufferPointer { bytes in
        guard let bytes = bytes.baseAddress, let out = out.baseAddress else { return }
        for row in 0..<rows {
          let (target, here) = (out + row * (width + 1), bytes + row * width)
          let isChanged = isDifference && row > 0
          target[0] = isChanged ? 2 : 0
          if isChanged {
            let above = here - width
            for i in 0..<width { target[1 + i] = here[i] &- above[i] }
          } else {
            (target + 1).update(from: here, count: width)
          }
        }
      }
      initialized = rows * (width + 1)
    }
    guard let compressor = libdeflate_alloc_compressor(5) else {
      throw FigureError(message: "out of memory while compressing the image")
    }
    defer { libdeflate_free_compressor(compressor) }
    let bound = libdeflate_zlib_compress_bound(compressor, filtered.count)
    return [UInt8](unsafeUninitializedCapacity: bound) { out, initialized in
      initialized = libdeflate_zlib_compress(
        compressor, filtered, filtered.count, out.baseAddress, bound)
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
