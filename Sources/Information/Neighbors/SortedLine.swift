/// Points on a line: neighbours within a distance by binary search.
struct SortedLine: Sendable {
  private let sorted: [Double]

  init(_ values: [Double]) { sorted = values.sorted() }

  /// Number of points strictly nearer to `value`, one of them, than `radius`, itself left out; with `including`, also those
  /// exactly as far. Distances are compared as they are rounded, so that a neighbour at exactly `radius` is judged as it
  /// was measured.
  func countNear(_ value: Double, radius: Double, including: Bool = false) -> Int {
    sorted.withUnsafeBufferPointer { sorted in
      func isNear(_ place: Int) -> Bool {
        let distance = abs(sorted[place] - value)
        return including ? distance <= radius : distance < radius
      }
      // value - radius is rounded: step over what it judges wrongly.
      var low = firstPlace(sorted, notBelow: value - radius)
      while low > 0, isNear(low - 1) { low -= 1 }
      while low < sorted.count, sorted[low] < value, !isNear(low) { low += 1 }
      var high = firstPlace(sorted, notBelow: value + radius)
      while high < sorted.count, isNear(high) { high += 1 }
      while high > 0, sorted[high - 1] > value, !isNear(high - 1) { high -= 1 }
      return max(0, high - low - (including || radius > 0 ? 1 : 0))
    }
  }

  private func firstPlace(_ sorted: UnsafeBufferPointer<Double>, notBelow value: Double) -> Int {
    // Branch-free halving: the comparison is as good as random.
    var (place, length) = (0, sorted.count)
    while length > 1 {
      let half = length / 2
      place += sorted[place + half - 1] < value ? half : 0
      length -= half
    }
    return length == 1 && sorted[place] < value ? place + 1 : place
  }
}
