import CCairo

extension Canvas {
  /// Shows the pixels of a raster image, `rows` lines of `stride` words 0xRRGGBB of which the first `columns` count.
  func withPixels<Result>(
    _ body: (
      _ pixels: UnsafePointer<UInt32>, _ stride: Int, _ columns: Int, _ rows: Int
    ) throws -> Result
  ) rethrows -> Result? {
    cairo_surface_flush(surface)
    guard let data = cairo_image_surface_get_data(surface) else { return nil }
    let stride = Int(cairo_image_surface_get_stride(surface)) / 4
    return try UnsafeRawPointer(data).withMemoryRebound(
      to: UInt32.self, capacity: stride * Int(cairo_image_surface_get_height(surface))
    ) { pixels in
      try body(
        pixels, stride, Int(cairo_image_surface_get_width(surface)),
        Int(cairo_image_surface_get_height(surface)))
    }
  }

  /// The pixels of a raster image: red, green, blue, row by row from the top; nothing for other targets.
  public func pixels() -> (bytes: [UInt8], width: Int, height: Int) {
    withPixels { pixels, stride, columns, rows in
      let bytes = [UInt8](unsafeUninitializedCapacity: rows * columns * 3) { out, initialized in
        var place = 0
        for row in 0..<rows {
          for column in 0..<columns {
            let pixel = pixels[row * stride + column]
            out[place] = UInt8(truncatingIfNeeded: pixel >> 16)
            out[place + 1] = UInt8(truncatingIfNeeded: pixel >> 8)
            out[place + 2] = UInt8(truncatingIfNeeded: pixel)
            place += 3
          }
        }
        initialized = rows * columns * 3
      }
      return (bytes, columns, rows)
    } ?? ([], 0, 0)
  }
}
