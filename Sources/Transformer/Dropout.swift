import Kernels

/// Drops a share of the elements and scales the others up.
///
/// Which elements go is a function of the stream alone, so that the backward pass draws the same mask again and nothing is
/// kept.
struct Dropout<S: KernelScalar>: Sendable {
  /// Share dropped.
  let share: Double

  /// Multiplies `x` by the mask of stream `stream` of `seed`.
  @specialized(where S == Float)
  func apply(_ x: UnsafeMutablePointer<S>, count: Int, seed: UInt64, stream: UInt64) {
    let mask = DropoutMask(share: share, seed: seed, index: stream)
    if S.self == Float.self {
      mask.apply(UnsafeMutableRawPointer(x).assumingMemoryBound(to: Float.self), count: count)
    } else {
      for i in 0..<count { x[i] *= S(mask.factor(i)) }
    }
  }
}
