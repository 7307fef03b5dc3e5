import Foundation
import Kernels

/// Rotary positions (Su et al. 2021, eq. 34): channel pairs (c, c + h/2) of a head's queries and keys are turned by
/// position · base^(-2c/h), base ``PositionEncoding/base``, so that a score depends on the distance of two positions only.
public struct Rotation<S: KernelScalar>: Sendable {
  private let table: Buffer<S>
  private let half: Int

  /// Angles for `positions` positions and heads of `headWidth` channels, an even number.
  public init(positions: Int, headWidth: Int) {
    half = headWidth / 2
    table = Buffer(positions * headWidth)
    for position in 0..<positions {
      for c in 0..<half {
        let angle =
          Double(position) * pow(PositionEncoding.base, -2 * Double(c) / Double(headWidth))
        table.start[position * headWidth + c] = S(cos(angle))
        table.start[position * headWidth + half + c] = S(sin(angle))
      }
    }
  }

  /// Turns the queries and keys within `[sample, position, width + 2 · keyWidth]` in place; backward is the inverse, which is
  /// also the transpose.
  @specialized(where S == Float)
  func turn(_ projected: UnsafeMutablePointer<S>, _ shape: BatchShape, forward: Bool) {
    let heads = shape.heads + shape.keyValueHeads
    let sign: S = forward ? 1 : -1
    for row in 0..<shape.rows {
      let cosine = table.start + row % shape.positions * 2 * half
      let sine = cosine + half
      for head in 0..<heads {
        let x = projected + row * shape.projectedWidth + head * 2 * half
        for c in 0..<half {
          let (a, b) = (x[c], x[c + half])
          x[c] = a * cosine[c] - sign * b * sine[c]
          x[c + half] = b * cosine[c] + sign * a * sine[c]
        }
      }
    }
  }
}
