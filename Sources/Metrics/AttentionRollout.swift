import Arrays

/// Attention rolled out over layers (Abnar & Zuidema 2020, eq. 1): the product of ½(A + I), A the mean over heads, from the
/// first layer to the last.
///
/// Row q of the rollout is how much position q has taken from each position of the embedding if attention and the residual
/// connection, in equal parts, were all that carries information. What does not hold: MLPs, values and norms do not enter, so it
/// is a bookkeeping of maps and not a measurement of influence.
public struct AttentionRollout: Sendable {
  /// Up to the layer added last, `[sample, 1, query, key]`; the identity before any. Rows sum to 1 when those of all maps did.
  public private(set) var maps: NDArray<Float>

  /// The rollout of no layer.
  public init(samples: Int, positions: Int) {
    var elements = [Float](repeating: 0, count: samples * positions * positions)
    for sample in 0..<samples {
      for position in 0..<positions {
        elements[(sample * positions + position) * positions + position] = 1
      }
    }
    maps = NDArray(shape: [samples, 1, positions, positions], elements: elements)
  }

  /// Multiplies by the maps of the next layer, `[sample, head, query, key]` with this rollout's samples. Takes time
  /// proportional to the third power of the number of positions.
  public mutating func add(_ layer: NDArray<Float>) {
    let (samples, heads, n) = (layer.shape[0], layer.shape[1], layer.shape[2])
    precondition(samples == maps.shape[0] && n == maps.shape[2], "maps of different shape")
    let before = maps.elements
    var after = before.map { $0 / 2 }
    before.withUnsafeBufferPointer { before in
      layer.elements.withUnsafeBufferPointer { layer in
        after.withUnsafeMutableBufferPointer { after in
          for sample in 0..<samples {
            let start = sample * n * n
            for query in 0..<n {
              for key in 0..<n {
                var weight: Float = 0
                for head in 0..<heads {
                  weight += layer[(sample * heads + head) * n * n + query * n + key]
                }
                weight /= Float(2 * heads)
                if weight == 0 { continue }
                for origin in 0..<n {
                  after[start + query * n + origin] += weight * before[start + key * n + origin]
                }
              }
            }
          }
        }
      }
    }
    maps = NDArray(shape: maps.shape, elements: after)
  }
}

extension AttentionMask {
  /// Maps of one head whose queries look alike at all keys they see, `[sample, 1, query, key]`; a query that sees no other looks
  /// at itself.
  public func uniformMaps(samples: Int) -> NDArray<Float> {
    var elements = [Float](repeating: 0, count: samples * positions * positions)
    for sample in 0..<samples {
      for query in 0..<positions {
        let start = (sample * positions + query) * positions
        let seen = visibleKeys(sample: sample, query: query)
        for key in 0..<seen { elements[start + key] = 1 / Float(seen) }
        if seen == 0 { elements[start + query] = 1 }
      }
    }
    return NDArray(shape: [samples, 1, positions, positions], elements: elements)
  }
}
