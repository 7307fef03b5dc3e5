import Kernels

/// Twists of both sides, learned by Adam (Kingma & Ba 2015) on ``RankInformation``, from a start.
struct TwistFit {
  var x: Twist, y: Twist
  /// The highest value on the rows it was learned from.
  private(set) var value: Double

  /// The value at the start alone.
  init(_ start: (x: Twist, y: Twist), _ x: FlowSide, _ y: FlowSide, _ pool: WorkerPool) {
    (self.x, self.y) = start
    value =
      RankInformation.of(
        start.x.pass(x.values).z, start.y.pass(y.values).z, x.dimension, y.dimension,
        gradient: false, pool)?.value ?? -.infinity
  }

  /// Goes on for `steps` steps of `rate`; the best of them is kept, so that the value never falls.
  mutating func learn(
    _ left: FlowSide, _ right: FlowSide, steps: Int, rate: Double, _ pool: WorkerPool
  ) {
    var (current, moments) = ((x: x, y: y), (Moments(x), Moments(y)))
    for step in 1...steps {
      let passes = (current.x.pass(left.values), current.y.pass(right.values))
      guard
        let found = RankInformation.of(
          passes.0.z, passes.1.z, left.dimension, right.dimension, gradient: true, pool)
      else { return }
      if found.value > value { (value, x, y) = (found.value, current.x, current.y) }
      let slopes = (
        current.x.gradient(left.values, passes.0, found.x),
        current.y.gradient(right.values, passes.1, found.y)
      )
      let now = rate * min(1, 3 * (1 - Double(step) / Double(steps)) + 0.05)
      moments.0.step(&current.x, slopes.0, now, step)
      moments.1.step(&current.y, slopes.1, now, step)
    }
  }

  /// First and second moments of a twist's gradient.
  private struct Moments {
    private var first: Twist, second: Twist

    init(_ twist: Twist) {
      let zero = [Double](repeating: 0, count: twist.dimension)
      first = Twist(logScale: zero, centre: zero, first: zero, second: zero)
      second = first
    }

    mutating func step(_ twist: inout Twist, _ slope: Twist, _ rate: Double, _ step: Int) {
      let correction = (1 - power(0.9, step), 1 - power(0.99, step))
      func update(
        _ m: inout [Double], _ v: inout [Double], _ d: [Double], _ w: inout [Double],
        together: Bool, _ rate: Double
      ) {
        for i in d.indices {
          m[i] = 0.9 * m[i] + 0.1 * d[i]
          v[i] = 0.99 * v[i] + 0.01 * d[i] * d[i]
        }
        // A direction has one scale: its components are not each brought to the same size of step.
        let shared = (v.reduce(0, +) / correction.1).squareRoot()
        for i in d.indices {
          let size = together ? shared : (v[i] / correction.1).squareRoot()
          w[i] += rate * m[i] / correction.0 / (size + 1e-12)
        }
      }
      update(
        &first.logScale, &second.logScale, slope.logScale, &twist.logScale, together: false, rate)
      update(&first.centre, &second.centre, slope.centre, &twist.centre, together: false, rate / 2)
      update(&first.first, &second.first, slope.first, &twist.first, together: true, rate)
      update(&first.second, &second.second, slope.second, &twist.second, together: true, rate)
      twist.straighten()
    }

    private func power(_ base: Double, _ exponent: Int) -> Double {
      (0..<exponent).reduce(1) { value, _ in value * base }
    }
  }
}
