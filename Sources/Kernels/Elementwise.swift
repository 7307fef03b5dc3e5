/// Loops over whole vectors that have no subtlety: sums, scaled additions, bias rows.
///
/// Reductions add in a fixed order, so that a result does not depend on the number of threads.
public enum Elementwise<S: KernelScalar> {
  /// `y ← y + factor · x`.
  @specialized(where S == Float)
  public static func add(
    _ x: UnsafePointer<S>, to y: UnsafeMutablePointer<S>, count: Int, factor: S = 1
  ) {
    for i in 0..<count { y[i] += factor * x[i] }
  }

  /// `z = x + factor · y`.
  @specialized(where S == Float)
  public static func sum(
    _ x: UnsafePointer<S>, _ y: UnsafePointer<S>, factor: S, to z: UnsafeMutablePointer<S>,
    count: Int
  ) {
    for i in 0..<count { z[i] = x[i] + factor * y[i] }
  }

  /// `x ← factor · x`.
  @specialized(where S == Float)
  public static func scale(_ x: UnsafeMutablePointer<S>, by factor: S, count: Int) {
    for i in 0..<count { x[i] *= factor }
  }

  /// Adds `factor · bias` (`width` long) to each of `rows` rows.
  @specialized(where S == Float)
  public static func addBias(
    _ bias: UnsafePointer<S>, to x: UnsafeMutablePointer<S>, rows: Int, width: Int, factor: S = 1
  ) {
    for r in 0..<rows {
      let row = x + r * width
      for c in 0..<width { row[c] += factor * bias[c] }
    }
  }

  /// `h ← h + bias` in place over rows of `width`, and `y = max(h, 0)`.
  @specialized(where S == Float)
  public static func biasReLU(
    _ h: UnsafeMutablePointer<S>, bias: UnsafePointer<S>, to y: UnsafeMutablePointer<S>,
    rows: Int, width: Int
  ) {
    for r in 0..<rows {
      let (h, y) = (h + r * width, y + r * width)
      for c in 0..<width {
        h[c] += bias[c]
        y[c] = h[c] > 0 ? h[c] : 0
      }
    }
  }

  /// `d ← d` where `h` is positive, 0 elsewhere.
  @specialized(where S == Float)
  public static func reluGradient(
    _ h: UnsafePointer<S>, _ d: UnsafeMutablePointer<S>, count: Int
  ) {
    for i in 0..<count { d[i] = h[i] > 0 ? d[i] : 0 }
  }

  /// Adds the sum over `rows` rows of `x`, times `factor`, to `sums` (`width` long).
  @specialized(where S == Float)
  public static func addColumnSums(
    _ x: UnsafePointer<S>, to sums: UnsafeMutablePointer<S>, rows: Int, width: Int, factor: S = 1
  ) {
    for r in 0..<rows {
      let row = x + r * width
      for c in 0..<width { sums[c] += factor * row[c] }
    }
  }

  /// Σ x², in double precision over 16 running sums.
  @specialized(where S == Float)
  public static func sumOfSquares(_ x: UnsafePointer<S>, count: Int) -> Double {
    var lanes = SIMD16<Double>.zero
    let whole = count & ~15
    for i in stride(from: 0, to: whole, by: 16) {
      for lane in 0..<16 {
        let value = Double(x[i + lane])
        lanes[lane] += value * value
      }
    }
    var total = 0.0
    for lane in 0..<16 { total += lanes[lane] }
    for i in whole..<count { total += Double(x[i]) * Double(x[i]) }
    return total
  }

  /// Σ x y, in double precision.
  @specialized(where S == Float)
  public static func dot(_ x: UnsafePointer<S>, _ y: UnsafePointer<S>, count: Int) -> Double {
    var total = 0.0
    for i in 0..<count { total += Double(x[i]) * Double(y[i]) }
    return total
  }
}
