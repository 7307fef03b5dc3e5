import Foundation
import Kernels

/// Matrix-based Rényi information (Sánchez Giraldo, Rao & Príncipe 2015) of order α = 1.01: with Gaussian Gram matrices
/// of trace one, S(A) = ln tr(Aᵅ)/(1 - α) and I = S(A) + S(B) - S(A∘B / tr A∘B). In nats.
///
/// The kernel width is `width` times the root-mean-square distance from the mean on each side. At most `sampleLimit`
/// samples enter, drawn at random, since the eigenvalues cost n³: the first of them may be all of one class.
///
/// What does not hold: it is no estimate of Shannon's I(X;Y) but a quantity of its own, between 0 and ln n, that depends on
/// the kernel width; compare its values with each other only. Too narrow a kernel saturates at ln n.
public struct RenyiInformation: MutualInformationEstimator {
  /// Kernel width over each side's root-mean-square distance from its mean.
  public var width: Double
  /// The order α.
  public static let order = 1.01
  private static let sampleLimit = 1024

  private let key: UInt64

  /// An estimator.
  public init(width: Double = 0.5, seed: UInt64 = 1) { (self.width, key) = (width, seed) }

  /// No: the bias is not in any interval.
  public var isResampled: Bool { false }

  /// Name on the command line and in archives.
  public var name: String { "renyi" }
  /// Its settings in words.
  public var settings: String {
    "order \(Self.order), kernel width \(width) of each side's spread, at most \(Self.sampleLimit) "
      + "samples, drawn at random"
  }
  /// Seed of its own random choices.
  public var seed: UInt64? { key }

  /// The estimate and its flags; see ``MutualInformationEstimator/value(_:_:)``.
  public func value(
    _ pairs: PairedSamples, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags) {
    var random = Philox(seed: key, purpose: .resampling, index: 1 << 21)
    let used =
      pairs.count <= Self.sampleLimit
      ? pairs : pairs.rows(Array(random.permutation(pairs.count).prefix(Self.sampleLimit)))
    let count = used.count
    var kernels = [[Double](), [Double](), [Double]()]
    for (index, side) in [used.x, used.y].enumerated() {
      kernels[index] = Self.kernel(side, width)
    }
    kernels[2] = zip(kernels[0], kernels[1]).map { $0 * $1 * Double(count) }
    var entropies = [Double?](repeating: nil, count: 3)
    entropies.withUnsafeMutableBufferPointer { entropies in
      nonisolated(unsafe) let entropies = entropies
      pool.forEach(3) { item, _ in entropies[item] = Self.entropy(kernels[item], count) }
    }
    guard let x = entropies[0], let y = entropies[1], let both = entropies[2] else {
      throw EstimationError(message: "the eigenvalues of a kernel matrix did not converge")
    }
    var flags: Estimate.Flags = []
    if both > 0.95 * log(Double(count)) { flags.insert(.saturated) }
    return (x + y - both, flags)
  }

  /// Gram matrix with trace one.
  static func kernel(_ side: SampleMatrix, _ width: Double) -> [Double] {
    // Centred before single precision, which has no room for an offset.
    var centred = side.values
    for column in 0..<side.dimension {
      var mean = 0.0
      for row in 0..<side.count { mean += side[row, column] / Double(side.count) }
      for row in 0..<side.count { centred[row * side.dimension + column] -= mean }
    }
    let gram = centredGram(centred.map { Float($0) }, count: side.count)
    let count = side.count
    let spread = (0..<count).reduce(0.0) { $0 + gram[$1 * count + $1] } / Double(count)
    let variance = max(width * width * spread, .leastNormalMagnitude)
    return (0..<count * count).map { place in
      let (i, j) = (place / count, place % count)
      let distance = max(0, gram[i * count + i] + gram[j * count + j] - 2 * gram[place])
      return exp(-distance / (2 * variance)) / Double(count)
    }
  }

  static func entropy(_ matrix: [Double], _ count: Int) -> Double? {
    guard let values = SymmetricMatrix.eigenvalues(matrix, count: count) else { return nil }
    // Rounding leaves eigenvalues of -1e-17 where they are 0.
    let sum = values.reduce(0) { $0 + ($1 > 0 ? pow($1, order) : 0) }
    return log(sum) / (1 - order)
  }
}
