import Arrays

/// Which positions of a run's samples are padding: what a network computes there stands for nothing.
public struct SamplePadding: Sendable {
  /// Positions of each sample's own tokens; nil where nothing is padded, as in runs over images.
  public let lengths: [Int]?
  /// Positions that tokens fill, padding included; nil as above.
  public let positions: Int?
  /// Whether each position is a token, `[sample, position]`, where padding does not lie behind the tokens; else nil.
  public let mask: [Bool]?

  /// Reads lengths, or else the mask, from a run.
  /// - Throws: when the archive cannot be read.
  public init(_ reader: RunReader) throws {
    let hasMask = reader.contains(Layout.Samples.mask)
    if reader.contains(Layout.Samples.length) {
      lengths = try reader.read(Layout.Samples.length, as: Int32.self).elements.map { Int($0) }
      let path = hasMask ? Layout.Samples.mask : Layout.Samples.token
      positions = try reader.describe(path).shape[1]
      mask = nil
      return
    }
    guard hasMask else {
      (lengths, positions, mask) = (nil, nil, nil)
      return
    }
    let values: NDArray<UInt8> = try reader.read(Layout.Samples.mask)
    guard values.rank == 2, values.elements.contains(0) else {
      (lengths, positions, mask) = (nil, nil, nil)
      return
    }
    let count = values.shape[1]
    (positions, mask) = (count, values.elements.map { $0 != 0 })
    lengths = (0..<values.shape[0]).map { sample in
      values.elements[sample * count..<(sample + 1) * count].count { $0 != 0 }
    }
  }

  /// Whether a position of a sample is a token; true where nothing is padded.
  public func isToken(_ sample: Int, _ position: Int) -> Bool {
    if let mask, let positions {
      let place = sample * positions + position
      return position >= positions || place >= mask.count || mask[place]
    }
    guard let lengths, sample < lengths.count else { return true }
    return position < lengths[sample]
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
      let start = sample * step * width
      if mask != nil {
        // Positions beyond those of the mask stand in front of them.
        for place in 0..<step where first + place >= count - positions {
          guard !isToken(sample, first + place - (count - positions)) else { continue }
          for i in start + place * width..<start + (place + 1) * width { values[i] = 0 }
        }
        continue
      }
      let own = max(0, min(step, lengths[sample] + count - positions - first))
      for i in start + own * width..<start + step * width { values[i] = 0 }
    }
    return values
  }
}

extension SamplePadding {
  /// States `[sample, position, channel]` of the samples `rows` with the tokens of each in front and 0 behind them; as they are where
  /// padding lies behind the tokens anyway.
  public func tokensFirst(states: [Float], of rows: [Int]) -> [Float] {
    guard let positions, mask != nil, !rows.isEmpty else { return states }
    let width = states.count / (rows.count * positions)
    guard width * rows.count * positions == states.count else { return states }
    var out = [Float](repeating: 0, count: states.count)
    for (place, row) in rows.enumerated() {
      for (target, source) in tokens(row, positions).enumerated() {
        for c in 0..<width {
          out[(place * positions + target) * width + c] =
            states[(place * positions + source) * width + c]
        }
      }
    }
    return out
  }

  /// Maps `[sample, head, query, key]` of the samples `rows`, queries and keys as in ``tokensFirst(states:of:)``.
  public func tokensFirst(maps: [Float], of rows: [Int]) -> [Float] {
    guard let n = positions, mask != nil, !rows.isEmpty else { return maps }
    let heads = maps.count / (rows.count * n * n)
    guard heads * rows.count * n * n == maps.count else { return maps }
    var out = [Float](repeating: 0, count: maps.count)
    for (place, row) in rows.enumerated() {
      let own = tokens(row, n)
      for head in 0..<heads {
        let start = (place * heads + head) * n * n
        for (q, query) in own.enumerated() {
          for (k, key) in own.enumerated() {
            out[start + q * n + k] = maps[start + query * n + key]
          }
        }
      }
    }
    return out
  }

  private func tokens(_ row: Int, _ positions: Int) -> [Int] {
    (0..<positions).filter { isToken(row, $0) }
  }
}
