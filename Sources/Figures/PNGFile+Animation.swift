import CPNG
import Foundation

extension PNGFile {
  /// Frames of one size on their way into an animation; each is compressed as it is added, so that only its bytes are kept.
  public struct Animation {
    private var frames: [[UInt8]] = []
    private var size: (width: Int, height: Int) = (0, 0)
    private var scale = 1.0

    /// No frames yet.
    public init() {}

    /// Number of frames.
    public var count: Int { frames.count }

    /// Adds a frame.
    /// - Throws: ``FigureError`` when its size is another than the first one's.
    public mutating func add(_ canvas: Canvas) throws {
      let rows = try PNGRows(canvas, mayHavePalette: false)
      let (width, height) = (rows.width, rows.height)
      guard frames.isEmpty || size == (width, height) else {
        throw FigureError(message: "frames of an animation must have one size")
      }
      (size, scale) = ((width, height), canvas.scale)
      frames.append(try rows.deflated())
    }

    /// Writes the frames as an animated PNG that repeats for ever, `seconds` each.
    public func write(
      to path: String, seconds: Double, texts: [(key: String, text: String)]
    ) throws {
      guard !frames.isEmpty else {
        throw FigureError(message: "cannot write \(path): an animation needs at least one frame")
      }
      let buffers = frames.map { frame -> UnsafeMutablePointer<UInt8> in
        let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: frame.count)
        buffer.update(from: frame, count: frame.count)
        return buffer
      }
      defer { for buffer in buffers { buffer.deallocate() } }
      try PNGFile.store(path, texts) { file, entries, message in
        isotherm_png_write_frames(
          file, buffers.map { UnsafePointer($0) }, frames.map(\.count), Int32(frames.count),
          Int32(size.width), Int32(size.height), PNGFile.resolution(scale),
          Int32(seconds.isNaN ? 1000 : max(1, min(65_535, (1000 * seconds).rounded()))), entries,
          Int32(entries.count),
          message)
      }
    }
  }
}
