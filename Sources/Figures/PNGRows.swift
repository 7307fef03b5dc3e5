import CDeflate

/// The image data of a PNG before it is deflated: each row after a byte that names its filter.
///
/// RGB rows are stored as differences from the row above: cells and axes repeat down the page. Palette indices are stored as they
/// are, because their differences mean nothing.
struct PNGRows {
  let width: Int, height: Int
  /// 3 for RGB, 1 for a palette.
  let channels: Int
  /// The palette, red, green and blue of each colour; empty for RGB.
  let colors: [UInt8]
  private let buffer: LargeBuffer
  private let count: Int

  /// The rows of a raster image; by a palette where that is allowed and at most 256 colours occur.
  init(_ canvas: Canvas, mayHavePalette: Bool) throws {
    let rows = try canvas.withPixels { pixels, stride, width, height in
      guard let buffer = LargeBuffer(count: height * (3 * width + 1)) else {
        throw FigureError(message: "out of memory for the image; lower --dpi or --size")
      }
      if mayHavePalette,
        let colors = Self.indices(pixels, stride, width, height, to: buffer.bytes)
      {
        return (width, height, 1, colors, buffer, height * (width + 1))
      }
      Self.differences(pixels, stride, width, height, to: buffer.bytes)
      return (width, height, 3, [], buffer, height * (3 * width + 1))
    }
    guard let rows else { throw FigureError(message: "only an image of pixels becomes a PNG") }
    (width, height, channels, colors, buffer, count) = rows
  }

  /// Writes palette indices; returns the palette, or nil as soon as a 257th colour occurs.
  private static func indices(
    _ pixels: UnsafePointer<UInt32>, _ stride: Int, _ width: Int, _ height: Int,
    to out: UnsafeMutablePointer<UInt8>
  ) -> [UInt8]? {
    var places: [UInt32: UInt8] = [:]
    var colors: [UInt8] = []
    var (last, lastPlace) = (UInt32.max, UInt8(0))
    for row in 0..<height {
      let (line, target) = (pixels + row * stride, out + row * (width + 1))
      target[0] = 0
      for column in 0..<width {
        let color = line[column] & 0xFFFFFF
        if color != last {
          if let place = places[color] {
            lastPlace = place
          } else {
            guard places.count < 256 else { return nil }
            lastPlace = UInt8(places.count)
            places[color] = lastPlace
            colors += [16, 8, 0].map { UInt8(truncatingIfNeeded: color >> $0) }
          }
          last = color
        }
        target[1 + column] = lastPlace
      }
    }
    return colors
  }

  private static func differences(
    _ pixels: UnsafePointer<UInt32>, _ stride: Int, _ width: Int, _ height: Int,
    to out: UnsafeMutablePointer<UInt8>
  ) {
    for row in 0..<height {
      let line = pixels + row * stride
      let above = row > 0 ? line - stride : line
      let mask: UInt8 = row > 0 ? 0xFF : 0
      var target = out + row * (3 * width + 1)
      target[0] = row > 0 ? 2 : 0
      target += 1
      for column in 0..<width {
        let (here, over) = (line[column], above[column])
        for channel in 0..<3 {
          let shift = UInt32(16 - 8 * channel)
          target[channel] =
            UInt8(truncatingIfNeeded: here >> shift)
            &- (UInt8(truncatingIfNeeded: over >> shift) & mask)
        }
        target += 3
      }
    }
  }

  /// The rows deflated by libdeflate, several times faster than the zlib within libpng. Level 3 is a tenth of a figure's time faster
  /// than 5, for files 2 to 4 % larger (attention and similarity figures, 150 dpi).
  func deflated() throws -> [UInt8] {
    guard let compressor = libdeflate_alloc_compressor(3) else {
      throw FigureError(message: "out of memory while compressing the image")
    }
    defer { libdeflate_free_compressor(compressor) }
    let bound = libdeflate_zlib_compress_bound(compressor, count)
    return [UInt8](unsafeUninitializedCapacity: bound) { out, initialized in
      initialized = libdeflate_zlib_compress(
        compressor, buffer.start, count, out.baseAddress, bound)
    }
  }
}
