import Kernels

/// The generator of random numbers, in words and constants.
extension ExplanationWriter {
  private func hexadecimal(_ value: some BinaryInteger) -> String {
    "0x" + String(value, radix: 16, uppercase: true)
  }

  /// Says how random numbers come about under a seed.
  func sayGenerator(seed: UInt64) {
    let w = self
    w.put("seed", String(seed))
    let rounds = w.put("rounds", Philox.rounds)
    let multipliers = (
      w.put("multiplier_0", hexadecimal(Philox.multipliers.0)),
      w.put("multiplier_1", hexadecimal(Philox.multipliers.1))
    )
    let increments = (
      w.put("increment_0", hexadecimal(Philox.increments.0)),
      w.put("increment_1", hexadecimal(Philox.increments.1))
    )
    w.say(
      "Generator: Philox 4x32-\(rounds). Block n of stream s under the seed: four words of 32 bits (c0, c1, c2, c3) = (n low, n high, "
        + "s low, s high), key (k0, k1) = (seed low, seed high). \(rounds) rounds: a = \(multipliers.0) · c0, b = \(multipliers.1) · c2, 64 bits "
        + "each; (c0, c1, c2, c3) ← (b high xor c1 xor k0, b low, a high xor c3 xor k1, a low); then k0 += \(increments.0), "
        + "k1 += \(increments.1), modulo 2^32. A stream is the words c0, c1, c2, c3 of blocks 0, 1, 2 … Seed \(seed)."
    )
    w.say(
      "64 bits are two words, the first the high one. uniform = (the top 53 of 64 bits + 0.5)/2^53. normal = √(-2 ln u) "
        + "cos(2πv) of two uniforms u, v. permutation of n: of the list 0 … n - 1, for i from n - 1 down to 1, elements i and "
        + "⌊uniform · (i + 1)⌋ are exchanged.")
    let shift = w.put("purpose_shift", Philox.purposeShift)
    for purpose in Philox.Purpose.allCases { w.put("purpose_\(purpose)", Int(purpose.rawValue)) }
    w.say(
      "Stream (purpose, index) is number purpose · 2^\(shift) + index; the numbers of the purposes: "
        + Philox.Purpose.allCases.map { "\($0) \($0.rawValue)" }.joined(separator: ", ") + ".")
  }
}
