import Arrays
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
    let rows = try PNGRows(canvas, mayHavePalette: true)
    let deflated = try rows.deflated()
    try store(path, texts) { file, entries, message in
      isotherm_png_write(
        file, deflated, deflated.count, Int32(rows.width), Int32(rows.height),
        Int32(rows.channels), rows.colors, Int32(rows.colors.count / 3), resolution(canvas.scale),
        entries, Int32(entries.count), message)
    }
  }

  /// Pixels a metre for `scale` pixels a point.
  static func resolution(_ scale: Double) -> Int32 { Int32((scale * 72 / 0.0254).rounded()) }

  /// Lets `body` encode an image into memory, and writes it as a whole.
  static func store(
    _ path: String, _ texts: [(key: String, text: String)],
    _ body: (
      UnsafeMutablePointer<FILE>, [isotherm_png_text], UnsafeMutablePointer<CChar>
    ) -> Int32
  ) throws {
    // The library keeps both addresses until the file is closed, longer than a call that is given `&variable` may.
    let buffer = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: 1)
    let count = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    buffer.initialize(to: nil)
    count.initialize(to: 0)
    defer {
      free(buffer.pointee)
      buffer.deallocate()
      count.deallocate()
    }
    guard let file = open_memstream(buffer, count) else {
      throw FigureError(message: "out of memory for the image; lower --dpi or --size")
    }
    var message = [CChar](repeating: 0, count: 256)
    // A zero would end the text for C.
    let copies = texts.map { (strdup($0.key), strdup($0.text.replacing("\0", with: "\u{FFFD}"))) }
    defer {
      for (key, text) in copies {
        free(key)
        free(text)
      }
    }
    let failed = body(file, copies.map { isotherm_png_text(key: $0.0, text: $0.1) }, &message)
    let closed = fclose(file)
    guard failed == 0, closed == 0, let bytes = buffer.pointee else {
      let told = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      let reason = told.isEmpty ? "out of memory" : String(decoding: told, as: UTF8.self)
      throw FigureError(message: "cannot make the image \(path): \(reason)")
    }
    try OutputFile.write(UnsafeRawBufferPointer(start: bytes, count: count.pointee), to: path)
  }
}
