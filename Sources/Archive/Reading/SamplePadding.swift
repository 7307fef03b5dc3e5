/// Which positions of a text run's samples are padding: what a network computes there stands for nothing.
public struct SamplePadding: Sendable {
  /// Positions of each sample's own tokens; nil where nothing is padded, as in runs over images.
  public let lengths: [Int]?
  /// Positions that tokens fill, padding included; nil as above.
  public let positions: Int?

  /// Reads lengths from a training run.
  /// - Throws: when the archive cannot be read.
  public init(_ reader: RunReader) throws {
    guard reader.contains(Layout.Samples.length) else {
      (lengths, positions) = (nil, nil)
      return
    }
    lengths = try reader.read(Layout.Samples.length, as: Int32.self).elements.map { Int($0) }
    positions = try reader.describe(Layout.Samples.token).shape[1]
  }

  /// `values` `[sample, position, ...]` with 0 at padding. They are the positions from `first` on of `count` in all, `step` of
  /// them, of the first `samples` samples. A class token, which makes `count` one more than the tokens, is no padding.
  public func cleared(
    _ values: [Float], samples: Int, from first: Int = 0, of count: Int, step: Int
  ) -> [Float] {
    guard let lengths, let positions, samples > 0, step > 0 else { return values }
    var values = values
    let width = values.count / (samples * step)
    for sample in 0..<min(samples, lengths.count) {
      let own = max(0, min(step, lengths[sample] + count - positions - first))
      let start = sample * step * width
      for i in start + own * width..<start + step * width { values[i] = 0 }
    }
    return values
  }
}
