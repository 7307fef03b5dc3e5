import Archive
import Arrays
import Console
import Kernels
import Metrics

/// How weight matrices change from checkpoint to checkpoint, or from one network to another.
package struct WeightChangesAnalysis: Analysis {
  /// One matrix at one checkpoint, against what it is compared with.
  struct Row {
    let file: String, matrix: String
    let checkpoint: Int
    let shape: [Int]
    /// ‖W - W₀‖/‖W₀‖.
    let drift: Double
    let alignment: FeatureAlignment
    /// Of a Gaussian matrix of W's shape and norm against W₀.
    let null: (drift: Double, alignment: FeatureAlignment)
    /// Cosine of this step, W - W before, with the whole way from the first checkpoint to the last; NaN for the first.
    let direction: Double
  }

  private(set) var rows: [Row] = []
  /// Debiased CKA of every pair of checkpoints, `[checkpoint, checkpoint]`, by matrix; of one archive with several checkpoints.
  private(set) var pairs: [(matrix: String, values: [Double])] = []
  private(set) var checkpoints = 0
  private var skipped: [String] = []
  private let reference: String
  private let seed: UInt64

  /// Checkpoints up to which all pairs are compared.
  private static let mostPaired = 32

  /// - Parameter other: archive whose last checkpoint everything is compared with; nil for the first checkpoint of each archive.
  /// - Throws: ``Archive/ArchiveError`` when there is nothing to compare.
  package init(_ readers: [RunReader], against other: RunReader?, seed: UInt64) throws {
    self.seed = seed
    reference =
      other.map { "the last checkpoint of \($0.path)" } ?? "the first checkpoint of the same file"
    for reader in readers {
      let count = try reader.writtenRows(Layout.Checkpoints.step)
      guard count > 1 || other != nil else {
        throw ArchiveError(
          .refused,
          "\(reader.path): has one checkpoint, so nothing changed; import several, or name a second archive with --against"
        )
      }
      let before = rows.count
      for name in try reader.names(in: Layout.Checkpoints.parameters) {
        let path = Layout.Checkpoints.parameter(name)
        let shape = try reader.describe(path).shape
        guard shape.count == 3, shape[1] > 1, shape[2] > 1 else { continue }
        let first: [Double]
        if let other {
          guard let values = try Self.last(path, shape, of: other) else {
            skipped.append(name)
            continue
          }
          first = values
        } else {
          first = try Self.values(reader, path, 0)
        }
        try add(reader, name, shape, first, isOther: other != nil, paired: readers.count == 1)
      }
      guard rows.count > before else {
        throw ArchiveError(
          .layout,
          "\(reader.path): no matrix among \(Layout.Checkpoints.parameters) that can be compared with \(reference)"
        )
      }
    }
  }

  private static func values(_ reader: RunReader, _ path: String, _ row: Int) throws -> [Double] {
    try reader.readRow(path, row, as: Double.self).elements
  }

  private static func last(_ path: String, _ shape: [Int], of other: RunReader) throws -> [Double]?
  {
    guard other.contains(path) else { return nil }
    let found = try other.describe(path).shape
    guard Array(found.dropFirst()) == Array(shape.dropFirst()) else { return nil }
    return try values(other, path, other.writtenRows(Layout.Checkpoints.step) - 1)
  }

  private mutating func add(
    _ reader: RunReader, _ name: String, _ shape: [Int], _ first: [Double], isOther: Bool,
    paired: Bool
  ) throws {
    let path = Layout.Checkpoints.parameter(name)
    let count = try reader.writtenRows(Layout.Checkpoints.step)
    let final = try Self.values(reader, path, count - 1)
    let whole = Self.difference(final, try Self.values(reader, path, 0))
    var before: [Double]?
    for checkpoint in 0..<count {
      try StopRequest.check()
      let values = try Self.values(reader, path, checkpoint)
      // The first checkpoint is what the others are compared with.
      if checkpoint > 0 || isOther {
        rows.append(
          Row(
            file: reader.path, matrix: name, checkpoint: checkpoint,
            shape: Array(shape.dropFirst()), drift: Self.drift(values, first),
            alignment: FeatureAlignment(first, values, rows: shape[1]),
            null: null(values, first, shape[1]),
            direction: before.map { Self.cosine(Self.difference(values, $0), whole) } ?? .nan))
      }
      before = values
    }
    guard paired, !isOther, count <= Self.mostPaired else { return }
    checkpoints = count
    var grid = [Double](repeating: 1, count: count * count)
    for a in 0..<count {
      let left = try Self.values(reader, path, a)
      for b in 0..<a {
        try StopRequest.check()
        let value = FeatureAlignment(
          left, try Self.values(reader, path, b), rows: shape[1], withProcrustes: false
        ).debiased
        (grid[a * count + b], grid[b * count + a]) = (value, value)
      }
    }
    pairs.append((name, grid))
  }

  private func null(
    _ values: [Double], _ first: [Double], _ rows: Int
  ) -> (drift: Double, alignment: FeatureAlignment) {
    var random = Philox(
      seed: seed, purpose: .noise, index: UInt64(values.count) << 20 | UInt64(rows))
    let drawn = values.map { _ in random.normal() }
    let scale = Self.norm(values) / max(Self.norm(drawn), .leastNormalMagnitude)
    let scaled = drawn.map { scale * $0 }
    return (Self.drift(scaled, first), FeatureAlignment(first, scaled, rows: rows))
  }

  private static func norm(_ values: [Double]) -> Double {
    values.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }

  private static func difference(_ a: [Double], _ b: [Double]) -> [Double] {
    zip(a, b).map { $0 - $1 }
  }

  private static func drift(_ a: [Double], _ first: [Double]) -> Double {
    let size = norm(first)
    return size > 0 ? norm(difference(a, first)) / size : .nan
  }

  private static func cosine(_ a: [Double], _ b: [Double]) -> Double {
    let size = norm(a) * norm(b)
    return size > 0 ? zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } / size : .nan
  }

  // MARK: - Results

  package func report() -> Report {
    var report = Report(
      "changes",
      [
        ("file", "file"), ("matrix", "matrix"), ("checkpoint", "checkpoint"), ("drift", "drift"),
        ("drift_null", "random"), ("cka", "CKA"), ("cka_null", "random"),
        ("cka_debiased", "debiased"), ("cka_debiased_null", "random"),
        ("procrustes", "Procrustes"), ("procrustes_null", "random"), ("direction", "direction"),
        ("direction_null", "random"),
      ])
    for row in rows {
      let size = Double(row.shape[0] * row.shape[1])
      report.add([
        .text(row.file), .text(row.matrix), .integer(row.checkpoint),
        .number(row.drift, digits: 4), .number(row.null.drift, digits: 3),
        .number(row.alignment.alignment, digits: 4),
        .number(row.null.alignment.alignment, digits: 3),
        .number(row.alignment.debiased, digits: 4),
        .number(row.null.alignment.debiased, digits: 3),
        .number(row.alignment.procrustes, digits: 4),
        .number(row.null.alignment.procrustes, digits: 3), .number(row.direction, digits: 3),
        .number(row.direction.isNaN ? .nan : 1.96 / size.squareRoot(), digits: 3),
      ])
    }
    report.notes = [
      "Each matrix W against W₀ of \(reference). drift: ‖W - W₀‖/‖W₀‖. CKA and Procrustes take rows as samples and do not see a rotation of the columns; "
        + "CKA is biased upwards, the debiased one is about 0 for independent matrices; Procrustes: 0 for a rotated or scaled copy, 2 at most.",
      "direction: cosine of a step with the way from the first checkpoint to the last. random: a Gaussian matrix of the shape and norm of W, seed "
        + "\(seed); of direction, what 95 % of random steps stay within.",
    ]
    if !skipped.isEmpty {
      report.notes.append(
        "left out, because the other archive has none of that name and shape: \(skipped.joined(separator: ", "))."
      )
    }
    return report
  }

  package func arrays() -> [CompleteArray] {
    typealias Axis = ArraySchema.AxisSchema
    let axis = Axis("change", rows.count)
    let group = MetricGroup(analysis: .changes, samples: 1)
    func numbers(_ name: String, _ longName: String, _ value: (Row) -> Double) -> CompleteArray {
      group.numbers(name, [axis], rows.map(value), longName)
    }
    var arrays = [
      group.texts("matrix", axis, rows.map(\.matrix), "weight matrix"),
      group.texts("file", axis, rows.map(\.file), "archive that it is from"),
      numbers("checkpoint", "number of the checkpoint") { Double($0.checkpoint) },
      numbers("drift", "distance from the reference over its norm") { $0.drift },
      numbers("drift_null", "drift of a random matrix") { $0.null.drift },
      numbers("cka", "linear CKA with the reference") { $0.alignment.alignment },
      numbers("cka_null", "CKA of a random matrix") { $0.null.alignment.alignment },
      numbers("cka_debiased", "CKA from the unbiased HSIC") { $0.alignment.debiased },
      numbers("cka_debiased_null", "debiased CKA of a random matrix") {
        $0.null.alignment.debiased
      },
      numbers("procrustes", "orthogonal Procrustes distance at norm 1") { $0.alignment.procrustes },
      numbers("procrustes_null", "Procrustes distance of a random matrix") {
        $0.null.alignment.procrustes
      },
      numbers("direction", "cosine of the step with the whole way") { $0.direction },
    ]
    guard !pairs.isEmpty else { return arrays }
    let matrix = Axis("paired_matrix", pairs.count)
    arrays += [
      group.texts("paired_matrix_name", matrix, pairs.map(\.matrix), "weight matrix"),
      group.numbers(
        "cka_pairs",
        [matrix, Axis("first_checkpoint", checkpoints), Axis("second_checkpoint", checkpoints)],
        pairs.flatMap(\.values), "debiased CKA of a matrix at two checkpoints"),
    ]
    return arrays
  }
}
