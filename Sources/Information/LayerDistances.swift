import Foundation
import Kernels

/// All that kernel and neighbour estimators need of a layer: squared Euclidean distances between its samples.
///
/// Columns are added block by block, so that a layer larger than memory can be taken in; n² numbers are kept.
public struct LayerDistances: Sendable {
  /// Number of samples n.
  public let count: Int
  /// Numbers a sample has so far.
  public private(set) var dimension = 0
  private var gram: [Double]

  /// Of `count` samples, without a column yet.
  public init(count: Int) throws {
    guard count >= 4 else {
      throw EstimationError(message: "information needs at least 4 samples, found \(count)")
    }
    self.count = count
    gram = [Double](repeating: 0, count: count * count)
  }

  /// Adds columns: `[sample, column]`.
  /// - Throws: ``EstimationError`` for values that are not finite, or no whole number of columns.
  public mutating func add(_ values: [Float]) throws {
    guard values.count % count == 0, values.allSatisfy(\.isFinite) else {
      throw EstimationError(message: "a captured value is NaN or infinite; the run diverged")
    }
    dimension += values.count / count
    for (place, value) in centredGram(values, count: count).enumerated() { gram[place] += value }
  }

  /// Mean squared distance from the mean.
  public var spread: Double {
    (0..<count).reduce(0) { $0 + gram[$1 * count + $1] } / Double(count)
  }

  /// Squared distances `[sample, sample]`.
  public var squared: [Double] {
    var distances = [Double](repeating: 0, count: count * count)
    for i in 0..<count {
      for j in 0..<count where j != i {
        distances[i * count + j] = max(
          0, gram[i * count + i] + gram[j * count + j] - 2 * gram[i * count + j])
      }
    }
    return distances
  }
}

/// One number a sample, whose equality says whether two samples fall into the same bins in every column.
public struct BinPatterns: Sendable {
  /// Number of samples n.
  public let count: Int
  private let bins: Int
  private var hashes: [UInt64]

  /// Of `count` samples, with `bins` bins a column over the column's own range.
  public init(count: Int, bins: Int) {
    (self.count, self.bins) = (count, bins)
    hashes = [UInt64](repeating: 0x9E37_79B9_7F4A_7C15, count: count)
  }

  /// Adds columns: `[sample, column]`. Patterns are kept as 64-bit hashes: two of a million differ unseen with a chance
  /// of 1e-8.
  public mutating func add(_ values: [Float]) {
    let width = values.count / count
    for column in 0..<width {
      var (low, high) = (Float.infinity, -Float.infinity)
      for row in 0..<count {
        let value = values[row * width + column]
        low = min(low, value)
        high = max(high, value)
      }
      let range = high - low
      for row in 0..<count {
        var bin: UInt64 = 0
        if range > 0 {
          let place = (values[row * width + column] - low) / range * Float(bins)
          bin = UInt64(min(Float(bins - 1), place.rounded(.down)))
        }
        var mixed = hashes[row] ^ (bin &+ 0x9E37_79B9)
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        hashes[row] = mixed ^ (mixed >> 31)
      }
    }
  }

  /// Patterns by number, in the order in which they first appear.
  var patterns: [Int] {
    var known: [UInt64: Int] = [:]
    return hashes.map { hash in
      if let number = known[hash] { return number }
      known[hash] = known.count
      return known.count - 1
    }
  }
}
