import Foundation
import Kernels

/// ``RenyiInformation`` of a layer from its distances, with the input, with classes, or with another layer. In nats.
///
/// Cost: an eigenvalue problem of n³ for every shuffle, and three of (n/2)³ for every subsample.
public struct LayerRenyi: Sendable {
  private let count: Int
  private let kernel: [Double]
  private let isConstant: Bool

  /// Of a layer, with kernels of `width` times its root-mean-square spread.
  public init(_ layer: LayerDistances, width: Double) {
    count = layer.count
    isConstant = layer.spread <= 0
    let variance = max(width * width * layer.spread, .leastNormalMagnitude)
    kernel = layer.squared.map { exp(-$0 / (2 * variance)) }
  }

  /// Of classes: two samples are alike when their class is the same.
  public init(labels: [Int32]) {
    count = labels.count
    isConstant = Set(labels).count == 1
    var kernel = [Double](repeating: 0, count: labels.count * labels.count)
    for i in labels.indices {
      for j in labels.indices where labels[i] == labels[j] { kernel[i * labels.count + j] = 1 }
    }
    self.kernel = kernel
  }

  /// S(A) + S(B) - S(A∘B) with another side of the same samples.
  /// - Throws: ``EstimationError`` when eigenvalues do not converge.
  public func information(with other: LayerRenyi, _ plan: ResamplingPlan) throws -> Estimate {
    requireOfCaller(other.count == count, "two sides of the same samples")
    let all = Array(0..<count)
    let margins = try Self.entropy(kernel, count, all) + Self.entropy(other.kernel, count, all)
    func joint(_ order: [Int]?) throws -> Double {
      try Self.entropy(product(other, order), count, all)
    }
    let value = try margins - joint(nil)
    let plain = product(other, nil)
    let interval = try Resampling.interval(value, count: count, plan) { chosen in
      try Self.entropy(kernel, count, chosen) + Self.entropy(other.kernel, count, chosen)
        - Self.entropy(plain, count, chosen)
    }
    let null = try Resampling.null(of: value, count: count, plan) { try margins - joint($0) }
    var flags: Estimate.Flags = []
    flags.formUnion(null.flags)
    if isConstant || other.isConstant { flags.insert(.constant) }
    if margins - value > 0.95 * log(Double(count)) { flags.insert(.saturated) }
    return Estimate(
      value: value, null: null.mean, nullUpper: null.upper, pValue: null.pValue,
      lower: interval.lower, upper: interval.upper, flags: flags)
  }

  private func product(_ other: LayerRenyi, _ order: [Int]?) -> [Double] {
    var result = kernel
    for i in 0..<count {
      let row = (order?[i] ?? i) * count
      for j in 0..<count { result[i * count + j] *= other.kernel[row + (order?[j] ?? j)] }
    }
    return result
  }

  private static func entropy(_ kernel: [Double], _ count: Int, _ chosen: [Int]) throws -> Double {
    let n = chosen.count
    var matrix = [Double](repeating: 0, count: n * n)
    for (a, i) in chosen.enumerated() {
      for (b, j) in chosen.enumerated() { matrix[a * n + b] = kernel[i * count + j] / Double(n) }
    }
    guard let entropy = RenyiInformation.entropy(matrix, n) else {
      throw EstimationError(message: "the eigenvalues of a kernel matrix did not converge")
    }
    return entropy
  }
}
