import Archive
import Kernels

/// What was done to the inputs, and what of the answer is measured.
struct PerturbationExplanation {
  /// Bits of a stream's index that count samples; those above count conditions.
  static let sampleBits = 24

  /// Index of the stream of one condition and sample.
  static func index(condition: Int, sample: Int) -> UInt64 {
    UInt64(condition) << UInt64(sampleBits) | UInt64(sample)
  }

  /// The part of the archive.
  func part() -> Explanation.Part {
    let w = ExplanationWriter()
    w.say(
      "Condition c and sample s, both from 0, draw from stream (perturbation, c · 2^\(w.put("sample_bits", Self.sampleBits)) + s). "
        + "Positions and elements are the sample's own, padding left out.")
    w.say(
      "noise: the embedded stream (residual.0.pre) gains size · r · normal in each element, [position, channel] in C order, r the root mean "
        + "square of the stream; the layers go on from there.")
    w.say(
      "mask and swap act on the input: n positions without the class token, a permutation of n, and k = round(size · n). mask: at the first "
        + "max(1, k) positions of the permutation the input is 0 (patches after normalisation, or token 0). swap: max(1, ⌊k/2⌋) pairs of "
        + "neighbours in the permutation, as far as there are any, exchange their inputs.")
    w.say(
      "Each trajectory, the network or an equation of the fields archive that \(Layout.Provenance.group) names, runs from the stream with and without the "
        + "change; growth is ‖δu‖ at each depth over ‖δu‖ at depth 0.")
    return w.part("perturbation", "what was done to the inputs, and what is measured")
  }
}
