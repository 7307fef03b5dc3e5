import Arrays

/// Compares states of the residual stream, sample by sample.
public enum StateComparison {
  /// Pearson correlation of two states over all positions and channels: one value a sample. 0 for a constant state, NaN for one
  /// that is not finite.
  public static func correlation(_ a: NDArray<Float>, _ b: NDArray<Float>) -> [Double] {
    perSample(a, b) { x, y in
      let n = Double(x.count)
      var (meanX, meanY) = (0.0, 0.0)
      for i in x.indices {
        meanX += Double(x[i])
        meanY += Double(y[i])
      }
      (meanX, meanY) = (meanX / n, meanY / n)
      var (dot, left, right) = (0.0, 0.0, 0.0)
      for i in x.indices {
        let (p, q) = (Double(x[i]) - meanX, Double(y[i]) - meanY)
        dot += p * q
        left += p * p
        right += q * q
      }
      guard left.isFinite, right.isFinite else { return .nan }
      return left > 0 && right > 0 ? dot / (left * right).squareRoot() : 0
    }
  }

  /// Relative squared error ‖a - b‖²/‖b‖² of a state: one value a sample.
  public static func relativeError(_ a: NDArray<Float>, _ b: NDArray<Float>) -> [Double] {
    perSample(a, b) { x, y in
      var (error, scale) = (0.0, 0.0)
      for i in x.indices {
        let difference = Double(x[i]) - Double(y[i])
        error += difference * difference
        scale += Double(y[i]) * Double(y[i])
      }
      return scale > 0 ? error / scale : .nan
    }
  }

  /// Cosine of two states over all positions and channels: one value a sample. 0 for a state of length 0, NaN for one that is not
  /// finite.
  public static func cosine(_ a: NDArray<Float>, _ b: NDArray<Float>) -> [Double] {
    perSample(a, b) { x, y in
      var (dot, left, right) = (0.0, 0.0, 0.0)
      for i in x.indices {
        dot += Double(x[i]) * Double(y[i])
        left += Double(x[i]) * Double(x[i])
        right += Double(y[i]) * Double(y[i])
      }
      guard left.isFinite, right.isFinite else { return .nan }
      return left > 0 && right > 0 ? dot / (left * right).squareRoot() : 0
    }
  }

  /// Samples whose state holds numbers that are not finite.
  public static func broken(_ state: NDArray<Float>) -> [Bool] {
    norm(state).map { !$0.isFinite }
  }

  /// Euclidean norm over all positions and channels: one value a sample.
  public static func norm(_ state: NDArray<Float>) -> [Double] {
    let size = state.shape.dropFirst().reduce(1, *)
    return (0..<(state.shape.first ?? 0)).map { sample in
      var sum = 0.0
      for index in sample * size..<(sample + 1) * size {
        let value = Double(state.elements[index])
        sum += value * value
      }
      return sum.squareRoot()
    }
  }

  /// How far a state has gone from the first, ‖a - first‖/‖first‖: one value a sample.
  public static func drift(_ a: NDArray<Float>, from first: NDArray<Float>) -> [Double] {
    relativeError(a, first).map { $0.squareRoot() }
  }

  /// How different the positions of a sample still are, ‖u - 1ū‖/‖u‖ with ū the mean over positions, in float64: 0 when all are the
  /// same (rank collapse, Dong et al. 2021). `[sample, position, channel]`; one value a sample, over its first `lengths[sample]`
  /// positions, all of them when nil.
  public static func positionSpread(
    _ state: NDArray<Float>, positions: Int, lengths: [Int]? = nil
  ) -> [Double] {
    let samples = state.shape[0]
    let width = state.count / max(samples * positions, 1)
    return state.elements.withUnsafeBufferPointer { values in
      (0..<samples).map { sample in
        let own = lengths?[sample] ?? positions
        let x = values[sample * positions * width..<(sample * positions + own) * width]
        var mean = [Double](repeating: 0, count: width)
        for (i, value) in x.enumerated() { mean[i % width] += Double(value) / Double(own) }
        var (spread, whole) = (0.0, 0.0)
        for (i, value) in x.enumerated() {
          let difference = Double(value) - mean[i % width]
          spread += difference * difference
          whole += Double(value) * Double(value)
        }
        return whole > 0 ? (spread / whole).squareRoot() : .nan
      }
    }
  }

  /// Euclidean norm over channels, mean over samples: `[sample, position, channel] -> [position]`.
  public static func positionNorm(_ state: NDArray<Float>, positions: Int) -> [Double] {
    let samples = state.shape[0]
    let width = state.count / max(samples * positions, 1)
    var norms = [Double](repeating: 0, count: positions)
    state.elements.withUnsafeBufferPointer { values in
      for sample in 0..<samples {
        for position in 0..<positions {
          var square = 0.0
          let start = (sample * positions + position) * width
          for i in start..<start + width { square += Double(values[i]) * Double(values[i]) }
          norms[position] += square.squareRoot() / Double(samples)
        }
      }
    }
    return norms
  }

  private static func perSample(
    _ a: NDArray<Float>, _ b: NDArray<Float>,
    _ measure: (UnsafeBufferPointer<Float>, UnsafeBufferPointer<Float>) -> Double
  ) -> [Double] {
    precondition(a.count == b.count && a.shape[0] == b.shape[0], "states of different size")
    let size = a.count / max(a.shape[0], 1)
    return a.elements.withUnsafeBufferPointer { a in
      b.elements.withUnsafeBufferPointer { b in
        (0..<a.count / max(size, 1)).map { sample in
          let range = sample * size..<(sample + 1) * size
          return measure(
            UnsafeBufferPointer(rebasing: a[range]), UnsafeBufferPointer(rebasing: b[range]))
        }
      }
    }
  }
}
