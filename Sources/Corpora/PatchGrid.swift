import Arrays

/// Cuts images into square patches: a sample becomes `[position, pixel]`, positions row by row over the grid.
public struct PatchGrid: Sendable {
  /// Pixels along a patch's side.
  public let patch: Int
  /// Patches down and across.
  public let rows: Int, columns: Int

  /// The grid of `patch`-sized squares over images of this size; nil when they do not fit evenly.
  public init?(height: Int, width: Int, patch: Int) {
    guard patch > 0, height % patch == 0, width % patch == 0 else { return nil }
    (self.patch, rows, columns) = (patch, height / patch, width / patch)
  }

  /// Number of positions.
  public var positionCount: Int { rows * columns }
  /// Pixels of a patch.
  public var inputWidth: Int { patch * patch }

  /// Writes image `index` of `set`, scaled to zero mean and unit variance, as `[position, pixel]`.
  public func write(_ index: Int, of set: ImageSet, to target: UnsafeMutablePointer<Float>) {
    let (height, width) = set.size
    let scale = 1 / (255 * set.deviation)
    let offset = set.mean / set.deviation
    set.images.elements.withUnsafeBufferPointer { pixels in
      let image = index * height * width
      cut(to: target) { Float(pixels[image + $0]) * scale - offset }
    }
  }

  /// Writes an image `[y, x]` as it is, as `[position, pixel]`.
  public func write(_ image: UnsafeBufferPointer<Float>, to target: UnsafeMutablePointer<Float>) {
    cut(to: target) { image[$0] }
  }

  /// Writes pixel after pixel of patch after patch; `pixel` is told the place in the image.
  @inline(__always)
  private func cut(to target: UnsafeMutablePointer<Float>, _ pixel: (Int) -> Float) {
    let width = columns * patch
    var place = 0
    for row in 0..<rows {
      for column in 0..<columns {
        for y in 0..<patch {
          let line = (row * patch + y) * width + column * patch
          for x in 0..<patch {
            target[place] = pixel(line + x)
            place += 1
          }
        }
      }
    }
  }
}
