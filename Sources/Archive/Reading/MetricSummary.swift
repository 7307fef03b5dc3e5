import Arrays
import Foundation

/// A summary of metrics over seeds, as `isotherm-analyze compare` writes it, read back to be shown.
public struct MetricSummary {
  private let reader: RunReader
  /// Names of the variants: the values of the keys in which the runs differ.
  public let variants: [String]

  /// The summary in an archive.
  /// - Throws: ``ArchiveError`` when it is none.
  public init(_ reader: RunReader) throws {
    self.reader = reader
    guard reader.contains(Layout.Comparison.variantName) else {
      throw ArchiveError(
        .layout,
        "\(reader.path): is no summary; isotherm-analyze compare METRICS... -o NAME makes one")
    }
    variants = try reader.readTexts(Layout.Comparison.variantName)
  }

  /// Metrics by name, as `attention/raw_cosine/value`.
  public func metrics() throws -> [String] {
    let paths = try reader.paths(below: Layout.Comparison.group)
    return paths.filter { reader.contains($0 + "_seeds") && reader.contains($0 + "_lower") }
      .map { String($0.dropFirst(Layout.Comparison.member("").count)) }
  }

  /// The metrics that `pattern` names: one, by its whole name or its last words, or those of a group.
  /// - Throws: ``ArchiveError`` with all there are when none fits.
  public func metrics(matching pattern: String) throws -> [String] {
    let all = try metrics()
    let found = all.filter {
      $0 == pattern || ("/" + $0 + "/").contains("/" + pattern + "/")
    }
    guard !found.isEmpty else {
      throw ArchiveError(
        .refused,
        "\(reader.path): no metric \(pattern); the summary has \(all.joined(separator: ", "))")
    }
    return found
  }

  /// One metric with everything that it takes to show it.
  public struct Metric {
    /// Its name.
    public let name: String
    /// What it is, and its unit.
    public let longName: String, units: String
    /// `[variant, ...]`
    public let axes: [Axis]
    /// Mean over seeds and its 95 % interval, in C order.
    public let mean: [Double], lower: [Double], upper: [Double]
    /// Values of each seed, `[variant, seed, ...]`; NaN where a variant has fewer seeds.
    public let seeds: [Double]
    /// Number of seeds of the variant that has most.
    public let seedCount: Int
    /// Number of seeds of each variant.
    public let seedCounts: [Int]
    /// Words for each place along each axis, and where they are numbers, these.
    public let labels: [[String]], coordinates: [[Double]?]
    /// Arrays that were read.
    public let paths: [String]
  }

  /// Reads a metric by its whole name.
  public func metric(_ name: String) throws -> Metric {
    let path = Layout.Comparison.member(name)
    let array = try reader.describe(path)
    let places = try array.axes.map { try labels($0, near: path) }
    let seeds: NDArray<Double> = try reader.read(path + "_seeds")
    guard seeds.rank >= 2, seeds.shape[0] == array.shape.first,
      Array(seeds.shape.dropFirst(2)) == Array(array.shape.dropFirst())
    else {
      throw ArchiveError(
        .layout,
        "\(reader.path):\(path)_seeds has the shape \(seeds.shape), which does not fit \(array.shape) with "
          + "an axis of seeds in second place; make the summary again with isotherm-analyze compare"
      )
    }
    return Metric(
      name: name, longName: array.longName.replacing("; mean over seeds", with: ""),
      units: array.units, axes: array.axes,
      mean: try reader.read(path, as: Double.self).elements,
      lower: try reader.read(path + "_lower", as: Double.self).elements,
      upper: try reader.read(path + "_upper", as: Double.self).elements,
      seeds: seeds.elements, seedCount: seeds.shape[1],
      seedCounts: try self.seeds().map(\.count), labels: places.map(\.labels),
      coordinates: places.map(\.coordinates),
      paths: ["", "_lower", "_upper", "_seeds"].map { path + $0 })
  }

  /// Seeds of each variant, `[variant][seed]`.
  public func seeds() throws -> [[Double]] {
    let counts = try reader.read(Layout.Comparison.seedCount, as: Int32.self).elements
    let values: NDArray<Double> = try reader.read(Layout.Comparison.seedValue)
    return counts.enumerated().map { variant, count in
      (0..<Int(count)).map { values[variant, $0] }
    }
  }

  /// Whether a trajectory of each seed diverged, `[variant][seed]`, where the metrics say so; else nobody did.
  public func diverged() throws -> [[Bool]] {
    let seeds = try seeds()
    let path = Layout.Comparison.member("stability/diverged_seeds")
    guard reader.contains(path) else { return seeds.map { $0.map { _ in false } } }
    let values: NDArray<Double> = try reader.read(path)
    return seeds.enumerated().map { variant, seeds in
      seeds.indices.map { values.row(variant).row($0).elements.contains { $0 > 0 } }
    }
  }

  /// Values of a configuration key of the variants; nil when they do not differ in it.
  public func values(of key: String) throws -> [String]? {
    let keys = try keys()
    guard let place = keys.firstIndex(of: key) else { return nil }
    let texts = try reader.readTexts(Layout.Comparison.keyValue)
    return variants.indices.map { texts[$0 * keys.count + place] }
  }

  /// Configuration keys in which the variants differ.
  public func keys() throws -> [String] {
    guard reader.contains(Layout.Comparison.keyName) else { return [] }
    return try reader.readTexts(Layout.Comparison.keyName)
  }

  /// Names along an axis, looked for in the array's group and those around it; else its coordinates.
  private func labels(
    _ axis: Axis, near path: String
  ) throws -> (labels: [String], coordinates: [Double]?) {
    var parts = path.split(separator: "/").map(String.init)
    while !parts.isEmpty {
      parts.removeLast()
      let candidate = "/" + (parts + ["\(axis.name)_name"]).joined(separator: "/")
      if reader.contains(candidate) {
        let texts = try reader.readTexts(candidate)
        if texts.count == axis.length { return (texts, nil) }
      }
    }
    let group = "/" + path.split(separator: "/").dropLast().joined(separator: "/")
    let scale = "\(group)/\(axis.name)"
    let values =
      try reader.contains(scale) && !reader.root.dataset(scale).isBareScale
      ? try reader.read(scale, as: Double.self).elements : (0..<axis.length).map(Double.init)
    // Four digits are read at a glance; more where they do not tell two places apart.
    let short = values.map { String(format: "%.4g", $0) }
    let isTelling = Set(short).count == Set(values).count
    return (isTelling ? short : values.map { String(format: "%.17g", $0) }, values)
  }
}
