/// The value below which a share of finite `values` lies: the ⌊share · (n - 1)⌋-th smallest; nil for none. Linear in n on average:
/// Hoare's selection (1961), pivots the middle of three, so that the same values give the same steps.
package func quantile(_ values: [Double], _ share: Double) -> Double? {
  guard !values.isEmpty else { return nil }
  var values = values
  let wanted = Int(Double(values.count - 1) * min(max(share, 0), 1))
  values.withUnsafeMutableBufferPointer { values in
    var (low, high) = (0, values.count - 1)
    while low < high {
      let (a, b, c) = (values[low], values[(low + high) / 2], values[high])
      let pivot = max(min(a, b), min(max(a, b), c))
      var (i, j) = (low, high)
      while i <= j {
        while values[i] < pivot { i += 1 }
        while values[j] > pivot { j -= 1 }
        if i <= j {
          values.swapAt(i, j)
          i += 1
          j -= 1
        }
      }
      if wanted <= j { high = j } else if wanted >= i { low = i } else { break }
    }
  }
  return values[wanted]
}
