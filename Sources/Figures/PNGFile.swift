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

  /// Lets `body` write a file under a temporary name, and gives it its own when that went well.
  static func store(
    _ path: String, _ texts: [(key: String, text: String)],
    _ body: (
      UnsafeMutablePointer<FILE>, [isotherm_png_text], UnsafeMutablePointer<CChar>
    ) -> Int32
  ) throws {
    // Never a file of somebody else: the name is new, or refused.
    let temporary = path + ".\(getpid()).tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    let unfinished = Unfinished { unlink(temporary) }
    guard descriptor >= 0, let file = fdopen(descriptor, "wb") else {
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
    guard failed == 0, closed == 0, unfinished.done(by: { rename(temporary, path) }) == 0 else {
      unlink(temporary)
      let told = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      let reason =
        told.isEmpty ? String(cString: strerror(errno)) : String(decoding: told, as: UTF8.self)
      throw FigureError(message: "cannot write \(path): \(reason); the disk may be full")
    }
  }
}
