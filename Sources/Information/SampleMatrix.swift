import Foundation
import Kernels

/// Samples of one variable: `[sample, dimension]` in double precision.
public struct SampleMatrix: Sendable {
  /// Number of samples n.
  public let count: Int
  /// Numbers a sample has, d.
  public let dimension: Int
  /// Values in C order.
  public let values: [Double]

  /// Samples of one variable.
  /// - Throws: ``EstimationError`` for fewer than four samples, a number of values that is no whole number of samples, or
  ///   values that are not finite.
  public init(count: Int, values: [Double]) throws {
    guard count >= 4, !values.isEmpty, values.count % count == 0 else {
      throw EstimationError(
        message: "information needs at least 4 samples of equal length; found \(count) samples, "
          + "\(values.count) values")
    }
    guard values.allSatisfy(\.isFinite) else {
      throw EstimationError(
        message: "a value is NaN or infinite; leave those samples out first")
    }
    self.init(trusted: count, values)
  }

  init(trusted count: Int, _ values: [Double]) {
    (self.count, self.values, dimension) = (count, values, values.count / count)
  }

  /// One value of one sample.
  subscript(sample: Int, column: Int) -> Double { values[sample * dimension + column] }

  /// The samples at these places, in this order.
  public func rows(_ chosen: [Int]) -> SampleMatrix {
    var result: [Double] = []
    result.reserveCapacity(chosen.count * dimension)
    for row in chosen { result += values[row * dimension..<(row + 1) * dimension] }
    return SampleMatrix(trusted: chosen.count, result)
  }

  /// The samples at these places in single precision, as networks take them.
  func floats(_ rows: [Int]) -> [Float] {
    rows.flatMap { values[$0 * dimension..<($0 + 1) * dimension].map { Float($0) } }
  }

  /// One column.
  public func column(_ index: Int) -> [Double] {
    (0..<count).map { values[$0 * dimension + index] }
  }

  /// The same samples with other columns, one array a column.
  public init(columns: [[Double]]) {
    let count = columns[0].count
    self.init(trusted: count, (0..<count).flatMap { row in columns.map { $0[row] } })
  }

  /// This beside another of as many samples: `[sample, dx + dy]`.
  func beside(_ other: SampleMatrix) -> SampleMatrix {
    var result: [Double] = []
    result.reserveCapacity(count * (dimension + other.dimension))
    for row in 0..<count {
      result += values[row * dimension..<(row + 1) * dimension]
      result += other.values[row * other.dimension..<(row + 1) * other.dimension]
    }
    return SampleMatrix(trusted: count, result)
  }

  /// Columns that do not vary.
  var constantColumns: [Int] {
    (0..<dimension).filter { column in
      (1..<count).allSatisfy { self[$0, column] == self[0, column] }
    }
  }

  /// Number of different samples, counted up to `limit`.
  func distinctCount(limit: Int) -> Int {
    var seen: Set<[Double]> = []
    for row in 0..<count {
      seen.insert(Array(values[row * dimension..<(row + 1) * dimension]))
      if seen.count >= limit { break }
    }
    return seen.count
  }
}

/// Samples of two variables, taken together.
public struct PairedSamples: Sendable {
  /// X, `[sample, dx]`.
  public let x: SampleMatrix
  /// Y, `[sample, dy]`.
  public let y: SampleMatrix

  /// Number of pairs.
  public var count: Int { x.count }

  /// Pairs. Columns that do not vary carry no information and are left out, unless all are such.
  /// - Throws: ``EstimationError`` when the numbers of samples differ.
  public init(_ x: SampleMatrix, _ y: SampleMatrix) throws {
    guard x.count == y.count else {
      throw EstimationError(
        message: "x has \(x.count) samples and y has \(y.count); pairs need as many of both")
    }
    (self.x, self.y) = (Self.varying(x), Self.varying(y))
  }

  init(trusted x: SampleMatrix, _ y: SampleMatrix) { (self.x, self.y) = (x, y) }

  private static func varying(_ samples: SampleMatrix) -> SampleMatrix {
    let constant = Set(samples.constantColumns)
    guard !constant.isEmpty, constant.count < samples.dimension else { return samples }
    return SampleMatrix(
      columns: (0..<samples.dimension).filter { !constant.contains($0) }.map(samples.column))
  }

  /// Whether one side never changes: there is nothing to estimate.
  var isConstant: Bool {
    [x, y].contains { $0.dimension == 1 && !$0.constantColumns.isEmpty }
      || x.constantColumns.count == x.dimension || y.constantColumns.count == y.dimension
  }

  /// The pairs at these places.
  func rows(_ chosen: [Int]) -> PairedSamples {
    PairedSamples(trusted: x.rows(chosen), y.rows(chosen))
  }

  /// X with Y in another order.
  func shuffled(_ order: [Int]) -> PairedSamples {
    PairedSamples(trusted: x, y.rows(order))
  }
}
