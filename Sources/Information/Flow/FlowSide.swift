/// One side of pairs as the search for a twist takes it.
package struct FlowSide {
  /// Columns centred and scaled to unit variance, `[sample, column]`.
  package let values: [Double]
  /// What was taken away from each column, and its scale.
  let mean: [Double], scale: [Double]
  let count: Int, dimension: Int

  package init(_ samples: SampleMatrix) {
    (count, dimension) = (samples.count, samples.dimension)
    let (count, width) = (samples.count, samples.dimension)
    var (mean, scale) = ([Double](repeating: 0, count: width), [Double](repeating: 0, count: width))
    for place in samples.values.indices {
      mean[place % width] += samples.values[place] / Double(count)
    }
    for place in samples.values.indices {
      let d = samples.values[place] - mean[place % width]
      scale[place % width] += d * d / Double(count)
    }
    scale = scale.map { $0 > 0 ? $0.squareRoot() : 1 }
    values = samples.values.indices.map {
      (samples.values[$0] - mean[$0 % width]) / scale[$0 % width]
    }
    (self.mean, self.scale) = (mean, scale)
  }

  private init(_ values: [Double], _ side: FlowSide) {
    (self.values, mean, scale, dimension) = (values, side.mean, side.scale, side.dimension)
    count = values.count / side.dimension
  }

  /// The samples at these places.
  func rows(_ chosen: some Sequence<Int>) -> FlowSide {
    var result: [Double] = []
    for row in chosen { result += values[row * dimension..<(row + 1) * dimension] }
    return FlowSide(result, self)
  }

  /// The values in the units they came in, about the origin they came with.
  var original: [Double] {
    values.indices.map { values[$0] * scale[$0 % dimension] + mean[$0 % dimension] }
  }

  /// Squares of the lengths of ``original``.
  var originalSquares: [Double] {
    let values = original
    return (0..<count).map { row in
      (0..<dimension).reduce(0) {
        $0 + values[row * dimension + $1] * values[row * dimension + $1]
      }
    }
  }

  /// Squares of lengths, each column's square times `metric`.
  func squares(_ metric: [Double]) -> [Double] {
    (0..<count).map { row in
      (0..<dimension).reduce(0) {
        let value = values[row * dimension + $1]
        return $0 + metric[$1] * value * value
      }
    }
  }

  /// A twist in the units and about the origin the values came with, at this speed; `plane` in the units of ``values``,
  /// where it says what functions of the columns turn into each other.
  func twist(speed: Double, _ plane: (first: [Double], second: [Double])) -> Twist {
    let root = speed.squareRoot()
    var twist = Twist(
      logScale: scale.map { Double.logarithm(root * $0) }, centre: mean.map { root * $0 },
      first: zip(plane.first, scale).map { $0 / $1 },
      second: zip(plane.second, scale).map { $0 / $1 })
    twist.straighten()
    return twist
  }
}
