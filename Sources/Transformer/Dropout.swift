import Kernels

/// Drops a share of the elements and scales the others up (Srivastava et al. 2014, inverted).
///
/// Which elements go is a function of the stream alone, so that the backward pass draws the same mask again and nothing is
/// kept: one 32-bit word decides two elements.
struct Dropout<S: KernelScalar>: Sendable {
  /// Share dropped; a multiple of 1/65,536.
  let share: Double

  /// Multiplies `x` by the mask of stream `stream` of `seed`.
  @specialized(where S == Float)
  func apply(_ x: UnsafeMutablePointer<S>, count: Int, seed: UInt64, stream: UInt64) {
    guard share > 0 else { return }
    let threshold = UInt32((share * 65_536).rounded())
    let scale = S(65_536 / (65_536 - Double(threshold)))
    var random = Philox(seed: seed, purpose: .dropout, index: stream)
    var i = 0
    while i < count {
      let word = random.next32()
      x[i] = word & 0xFFFF < threshold ? 0 : scale * x[i]
      if i + 1 < count { x[i + 1] = word >> 16 < threshold ? 0 : scale * x[i + 1] }
      i += 2
    }
  }
}
