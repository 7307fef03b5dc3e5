import Foundation
import Kernels

/// What is done to pairs of other people's data before an estimator sees them, so that units, offsets, rounding and the
/// names of classes do not decide its value. Every step leaves the information as it is.
public struct Treatment: Sendable {
  /// What an estimator makes of its samples.
  public enum Kind: Sendable {
    /// A density of both sides: repeated values are spread.
    case density
    /// Distances between neighbours: the same, but classes beside a density stay equal or not.
    case neighbours
    /// The same with classes on both sides.
    case mixed
    /// Smooth functions of the samples: classes become columns of 0 and 1.
    case smooth
    /// Cells: every class is one.
    case cells
    /// A covariance.
    case moments
    /// Lengths of whole samples: one scale for all columns of a side, whose units are taken for the same.
    case metric
  }

  /// The pairs to estimate from.
  public private(set) var pairs: PairedSamples
  /// What was done beyond the change of each column, in words.
  public private(set) var notes: [String] = []
  /// Whether a covariance takes the numbers of more than two classes for measurements.
  public private(set) var takesLabelsAsNumbers = false

  /// Distance between two classes, in standard deviations: no two samples of a column are as far apart, since none lies
  /// farther than √n from the mean.
  static let classGap = 1e6
  /// Fewest members of a class in which neighbours are sought.
  private static let fewest = 20
  /// Most classes that become columns.
  private static let mostColumns = 64

  /// Pairs for an estimator of this kind; `none` leaves all as it is, repeated values too.
  public init(
    _ pairs: PairedSamples, _ kind: Kind, _ preprocessing: Preprocessing, seed: UInt64
  ) {
    self.pairs = pairs
    guard preprocessing != .none, !pairs.isConstant else { return }
    let levels = [Levels(pairs.x), Levels(pairs.y)]
    let sides = [("x", pairs.x), ("y", pairs.y)].enumerated().map { index, side in
      var kind = kind
      if kind == .neighbours {
        // Neighbours are sought within a class, which must have enough of them.
        let own = levels[index]
        let hasNeighbours = own.areLabels && own.counts.allSatisfy { $0 > Self.fewest }
        kind = hasNeighbours && !levels[1 - index].areLabels ? .mixed : .density
      }
      return treat(
        side.1, levels[index], side.0, kind, preprocessing,
        Philox(seed: seed, purpose: .noise, index: UInt64(index + 1) << 32))
    }
    self.pairs = PairedSamples(trusted: sides[0], sides[1])
  }

  private mutating func treat(
    _ side: SampleMatrix, _ levels: Levels, _ name: String, _ kind: Kind,
    _ preprocessing: Preprocessing, _ random: consuming Philox
  ) -> SampleMatrix {
    if levels.areLabels {
      switch kind {
      case .mixed:
        notes.append("\(name): \(levels.count) classes, equal or not, whatever they are called")
        return SampleMatrix(
          trusted: side.count, levels.codes.map { Double($0) * Self.classGap })
      case .smooth where side.dimension == 1 && (3...Self.mostColumns).contains(levels.count):
        notes.append("\(name): \(levels.count) classes, a column of 0 and 1 for each")
        return Self.columns(levels)
      case .cells:
        notes.append("\(name): \(levels.count) classes, a bin for each")
      case .moments, .metric:
        guard side.dimension == 1 && levels.count > 2 else { break }
        takesLabelsAsNumbers = true
        notes.append("\(name): \(levels.count) classes are taken for measurements")
      default: break
      }
    }
    if kind == .metric { return Preprocessing.commonScale(side) }
    guard kind == .density || kind == .mixed else { return preprocessing.apply(side) }
    var spread = 0
    let columns = (0..<side.dimension).map { column -> [Double] in
      let values = side.column(column)
      guard let spreadOut = Self.spread(values, kind, &random) else { return values }
      spread += 1
      return spreadOut
    }
    if spread > 0 {
      notes.append(
        side.dimension == 1
          ? "\(name): repeated values are spread evenly over their step (dithering), which keeps "
            + "the information"
          : "\(name): repeated values of \(spread) of \(side.dimension) "
            + "columns are spread evenly over their step (dithering), which keeps the information")
    }
    return preprocessing.apply(SampleMatrix(columns: columns))
  }

  private static func columns(_ levels: Levels) -> SampleMatrix {
    var values = [Double](repeating: 0, count: levels.codes.count * levels.count)
    for (row, code) in levels.codes.enumerated() { values[row * levels.count + Int(code)] = 1 }
    return SampleMatrix(trusted: levels.codes.count, values)
  }

  /// A column whose repeated values lie anywhere between the middles of the gaps to the next values, evenly; nil when
  /// there is nothing to spread.
  ///
  /// The intervals of two values do not overlap, so each value can be read back and I stays what it is, while the column
  /// has a density, as rounded measurements had before they were rounded. Classes are first numbered: 1, 2, 3, 10⁶ are
  /// four values in a row. `mixed` counts equal values itself, and leaves a few heavy ones among others alone.
  private static func spread(
    _ values: [Double], _ kind: Kind, _ random: inout Philox
  ) -> [Double]? {
    let levels = Levels(column: values)
    let repeated = levels.counts.count { $0 > 1 }
    guard levels.count > 1, repeated > 0 else { return nil }
    if kind == .mixed, repeated <= max(3, levels.count / 10) { return nil }
    let isNumbered = levels.areLabels && !levels.areEvenlySpaced
    var places = (0..<levels.count).map(Double.init)
    if !isNumbered {
      let scaled = Preprocessing.standardised(values)
      for (row, code) in levels.codes.enumerated() { places[Int(code)] = scaled[row] }
    }
    let gaps = zip(places.dropFirst(), places).map { $0 - $1 }
    return levels.codes.map { code in
      let level = Int(code)
      guard levels.counts[level] > 1 else { return places[level] }
      let below = gaps[max(0, level - 1)]
      let above = gaps[min(gaps.count - 1, level)]
      return places[level] - 0.5 * below + random.uniform() * 0.5 * (below + above)
    }
  }
}
