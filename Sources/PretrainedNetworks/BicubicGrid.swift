import Foundation

/// Cubic convolution (Keys 1981, with a = -0.75) of values on a grid, as PyTorch's `interpolate(mode: "bicubic")` without aligned
/// corners and without antialiasing: edges are repeated.
struct BicubicGrid {
  let rows: Int
  let columns: Int
  /// Values at each point.
  let channels: Int

  /// Weights of the four points around a place, and the first of them.
  private struct Stencil {
    let first: Int
    let weights: [Float]

    /// The place of `index` of a row of `count` points, on one of `source` points.
    init(_ index: Int, of count: Int, source: Int) {
      let place = (Float(index) + 0.5) * (Float(source) / Float(count)) - 0.5
      let base = place.rounded(.down)
      let t = place - base
      first = Int(base) - 1
      weights = [Self.outer(t + 1), Self.inner(t), Self.inner(1 - t), Self.outer(2 - t)]
    }

    private static func inner(_ x: Float) -> Float { (1.25 * x - 2.25) * x * x + 1 }
    private static func outer(_ x: Float) -> Float { ((-0.75 * x + 3.75) * x - 6) * x + 3 }
  }

  /// `[rows, columns, channels]` from `source` of this grid's shape.
  func resample(
    _ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, rows newRows: Int,
    columns newColumns: Int
  ) {
    let down = (0..<newRows).map { Stencil($0, of: newRows, source: rows) }
    let across = (0..<newColumns).map { Stencil($0, of: newColumns, source: columns) }
    for (r, vertical) in down.enumerated() {
      for (c, horizontal) in across.enumerated() {
        let out = target + (r * newColumns + c) * channels
        for channel in 0..<channels { out[channel] = 0 }
        for (i, rowWeight) in vertical.weights.enumerated() {
          let y = min(max(vertical.first + i, 0), rows - 1)
          for (j, columnWeight) in horizontal.weights.enumerated() {
            let x = min(max(horizontal.first + j, 0), columns - 1)
            let point = source + (y * columns + x) * channels
            for channel in 0..<channels {
              out[channel] += rowWeight * columnWeight * point[channel]
            }
          }
        }
      }
    }
  }
}
