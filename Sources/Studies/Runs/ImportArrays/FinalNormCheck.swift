import Arrays
import Foundation
import Kernels

/// Whether the last state is the one behind the final norm, as the logits tell: a logit lens.
///
/// Scores of tokens are linear in the state behind the norm, z = W h + b, and linear in the normalised state before it, z = W N(h) + b,
/// the norm's gain and bias within W and b. Both are fitted to half of the tokens by least squares and judged on the others, by the
/// relative squared error; neither holds where a head lies between (BERT's), and then nothing is said.
struct FinalNormCheck {
  /// Relative squared errors on tokens that were not fitted to; nil where there are too few tokens, or no logits.
  let asIs: Double?, normalised: Double?

  /// Errors up to this say that scores are linear in what was looked at.
  private static let small = 1e-4

  init(_ arrays: MappedArrays, _ shapes: CaptureShapes, _ values: CaptureValues) throws {
    var found: (asIs: Double, normalised: Double)?
    if let logits = arrays.slot(.logits), logits.axes.count == 3, let width = shapes.width,
      let positions = shapes.positions, let state = arrays.states[shapes.layers],
      logits.shape[1] == positions
    {
      // Four tokens a number that is fitted, of the samples in front.
      let samples = min(shapes.samples, max(1, (4 * width + positions) / positions))
      let checkpoint = arrays.steps.count - 1
      let rows = 0..<samples
      let h = try state.read(rows, checkpoint: checkpoint)
      let z = try logits.read(rows, checkpoint: checkpoint)
      let kept = (0..<samples * positions).filter { values.mask?[$0] ?? true }
      found = Self.errors(h, z, kept, width: width, scores: logits.shape[2])
    }
    (asIs, normalised) = (found?.asIs, found?.normalised)
  }

  /// What the logits say; unknown where they say nothing.
  var verdict: ArrayMap.FinalNorm {
    guard let asIs, let normalised else { return .unknown }
    if asIs <= Self.small, asIs <= normalised * 1e-2 { return .applied }
    if normalised <= Self.small, normalised <= asIs * 1e-2 { return .notApplied }
    return .unknown
  }

  private static func errors(
    _ h: [Float], _ z: [Float], _ kept: [Int], width: Int, scores: Int
  ) -> (asIs: Double, normalised: Double)? {
    // Fitted to every second token; fewer than numbers that are fitted would always fit. Wider states take too long for a check.
    guard width <= 1024, kept.count >= 2 * (width + 1) + 8, scores > 0 else { return nil }
    let outputs = min(scores, 8)
    let targets = kept.map { token in
      (0..<outputs).map { Double(z[token * scores + $0 * (scores / outputs)]) }
    }
    let plain = kept.map { token in (0..<width).map { Double(h[token * width + $0]) } }
    let normed = plain.map { row -> [Double] in
      let mean = row.reduce(0, +) / Double(width)
      let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
      return row.map { ($0 - mean) / max(variance, 1e-30).squareRoot() }
    }
    let scaled = plain.map { row -> [Double] in
      let square = row.reduce(0) { $0 + $1 * $1 } / Double(width)
      return row.map { $0 / max(square, 1e-30).squareRoot() }
    }
    guard let a = error(plain, targets), let b = error(normed, targets),
      let c = error(scaled, targets)
    else { return nil }
    return (a, min(b, c))
  }

  private static func error(_ inputs: [[Double]], _ targets: [[Double]]) -> Double? {
    let places = inputs.indices.partitioned()
    guard
      let fit = LinearFit(places.even.map { inputs[$0] }, places.even.map { targets[$0] })
    else { return nil }
    var (wrong, all) = (0.0, 0.0)
    for place in places.odd {
      for (found, (target, mean)) in zip(fit.value(inputs[place]), zip(targets[place], fit.means)) {
        wrong += (found - target) * (found - target)
        all += (target - mean) * (target - mean)
      }
    }
    return all > 0 ? wrong / all : nil
  }
}

extension Range<Int> {
  fileprivate func partitioned() -> (even: [Int], odd: [Int]) {
    (filter { $0 % 2 == 0 }, filter { $0 % 2 == 1 })
  }
}

/// Least squares of several targets on inputs with an intercept; a ridge of 1e-10 of the mean square keeps what is not determined
/// from growing.
struct LinearFit {
  /// Means of the targets.
  let means: [Double]
  private let inputMeans: [Double]
  /// `[input][target]`.
  private let weights: [[Double]]

  /// Nil when the inputs have no spread.
  init?(_ inputs: [[Double]], _ targets: [[Double]]) {
    let (n, width, outputs) = (inputs.count, inputs.first?.count ?? 0, targets.first?.count ?? 0)
    guard n > 1, width > 0 else { return nil }
    let centre = (0..<width).map { c in inputs.reduce(0) { $0 + $1[c] } / Double(n) }
    let middle = (0..<outputs).map { c in targets.reduce(0) { $0 + $1[c] } / Double(n) }
    var (gram, right) = (
      [[Double]](repeating: [Double](repeating: 0, count: width), count: width),
      [[Double]](repeating: [Double](repeating: 0, count: outputs), count: width)
    )
    for (x, y) in zip(inputs, targets) {
      for i in 0..<width {
        let a = x[i] - centre[i]
        for j in 0...i { gram[i][j] += a * (x[j] - centre[j]) }
        for k in 0..<outputs { right[i][k] += a * (y[k] - middle[k]) }
      }
    }
    let ridge = 1e-10 * (0..<width).reduce(0) { $0 + gram[$1][$1] } / Double(width)
    guard ridge > 0 else { return nil }
    for i in 0..<width { gram[i][i] += ridge }
    guard let solution = Self.solve(gram, right) else { return nil }
    (means, inputMeans, weights) = (middle, centre, solution)
  }

  /// Targets of one input.
  func value(_ input: [Double]) -> [Double] {
    means.indices.map { k in
      input.indices.reduce(means[k]) { $0 + (input[$1] - inputMeans[$1]) * weights[$1][k] }
    }
  }

  /// Solves by Cholesky with the lower triangle of `matrix`; nil when it is not positive definite.
  private static func solve(_ matrix: [[Double]], _ right: [[Double]]) -> [[Double]]? {
    var (l, x) = (matrix, right)
    let n = matrix.count
    for i in 0..<n {
      for j in 0...i {
        let sum = (0..<j).reduce(l[i][j]) { $0 - l[i][$1] * l[j][$1] }
        if i == j {
          guard sum > 0 else { return nil }
          l[i][i] = sum.squareRoot()
        } else {
          l[i][j] = sum / l[j][j]
        }
      }
    }
    for k in (right.first ?? []).indices {
      for i in 0..<n { x[i][k] = (0..<i).reduce(x[i][k]) { $0 - l[i][$1] * x[$1][k] } / l[i][i] }
      for i in (0..<n).reversed() {
        x[i][k] = (i + 1..<max(n, i + 1)).reduce(x[i][k]) { $0 - l[$1][i] * x[$1][k] } / l[i][i]
      }
    }
    return x
  }
}
