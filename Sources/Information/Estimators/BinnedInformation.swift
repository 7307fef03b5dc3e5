import Foundation
import Kernels

/// Information of two sides cut into equal bins along every column, over each column's own range, or a bin for each class: the plug-in estimate
/// H(X) + H(Y) - H(X,Y) with Miller & Madow's (1955) correction of its bias, (cells - 1)/2n for each entropy. In nats.
///
/// What does not hold: the value is that of the binned sides, lower than I(X;Y) for coarse bins; with more columns than two
/// or three nearly every sample has a cell of its own and the value is ln n (flag `saturated`).
public struct BinnedInformation: MutualInformationEstimator {
  /// Bins along a column; from the number of samples when nil: ⌈n^¼⌉ + 2, which leaves ten samples or more a cell in two
  /// dimensions.
  public var bins: Int?

  /// An estimator.
  public init(bins: Int? = nil) { self.bins = bins }

  /// No: the bias is not in any interval.
  public var isResampled: Bool { false }

  /// Name on the command line and in archives.
  public var name: String { "binning" }
  /// See ``MutualInformationEstimator/treatment``.
  public var treatment: Treatment.Kind { .cells }
  /// Its settings in words.
  public var settings: String {
    "\(bins.map(String.init) ?? "⌈n^¼⌉ + 2") bins a column over its range, Miller-Madow correction"
  }

  /// The estimate and its flags; see ``MutualInformationEstimator/value(_:_:)``.
  public func value(
    _ pairs: PairedSamples, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags) {
    let count = bins ?? Int(pow(Double(pairs.count), 0.25).rounded(.up)) + 2
    let (x, y) = (cells(pairs.x, count), cells(pairs.y, count))
    var both: [Int64: Int] = [:]
    for (a, b) in zip(x, y) { both[Int64(a) << 32 | Int64(b), default: 0] += 1 }
    // With few samples a cell the correction says nothing, and could carry the value past ln n.
    let isSaturated = both.count > pairs.count / 4
    func entropy(_ counts: [Int]) -> Double {
      let total = Double(pairs.count)
      // Sorted, so that the sum does not depend on the order of a hash table.
      let sum = counts.sorted().reduce(0.0) { $0 - Double($1) / total * log(Double($1) / total) }
      return isSaturated ? sum : sum + Double(counts.count - 1) / (2 * total)
    }
    func counts(_ cells: [Int32]) -> [Int] {
      var counts: [Int32: Int] = [:]
      for cell in cells { counts[cell, default: 0] += 1 }
      return Array(counts.values)
    }
    let value = entropy(counts(x)) + entropy(counts(y)) - entropy(Array(both.values))
    return (value, isSaturated ? [.saturated] : [])
  }

  /// The number of each sample's cell. Classes have a cell each, unless bins were asked for that are fewer.
  private func cells(_ side: SampleMatrix, _ bins: Int) -> [Int32] {
    let levels = Levels(side)
    if levels.areLabels, self.bins == nil || levels.count <= bins { return levels.codes }
    let ranges = (0..<side.dimension).map { column -> (Double, Double) in
      let values = side.column(column)
      return (values.min() ?? 0, values.max() ?? 0)
    }
    var known: [[UInt16]: Int32] = [:]
    return (0..<side.count).map { row in
      let cell = (0..<side.dimension).map { column -> UInt16 in
        let (low, high) = ranges[column]
        guard high > low else { return 0 }
        let place = (side[row, column] / 2 - low / 2) / (high / 2 - low / 2) * Double(bins)
        // Rounded values lie on borders of bins, where a change of units would decide their side.
        let border = place.rounded()
        return UInt16(min(bins - 1, Int(abs(place - border) < 1e-6 ? border : place)))
      }
      if let number = known[cell] { return number }
      let number = Int32(known.count)
      known[cell] = number
      return number
    }
  }
}
