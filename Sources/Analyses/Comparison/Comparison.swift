import Archive
import Arrays
import Metrics

/// Every metric of several runs: mean over seeds with its interval, for each variant.
package struct Comparison {
  /// One metric.
  package struct Metric {
    /// Path below `/metrics`.
    let name: String
    let longName: String, units: String
    let axes: [ArraySchema.AxisSchema]
    /// `[variant][seed]`, values in C order; empty where a seed has no such metric.
    let values: [[[Double]]]

    var cells: Int { axes.reduce(1) { $0 * ($1.length ?? 1) } }

    /// Mean and interval over the seeds of each variant and cell.
    func intervals() -> [StudentInterval] {
      values.flatMap { seeds in
        (0..<cells).map { cell in StudentInterval(seeds.compactMap { $0.isEmpty ? nil : $0[cell] })
        }
      }
    }
  }

  package let variants: [String]
  package let keys: [String]
  /// Value of each key, `[variant][key]`.
  private let keyValues: [[String]]
  /// Seeds of each variant.
  package let seeds: [[String]]
  package private(set) var metrics: [Metric] = []
  /// Texts that name the places along an axis, by path below `/metrics`.
  private(set) var names: [(path: String, axis: String, texts: [String])] = []
  /// Metrics that could not be compared, and why.
  package private(set) var omissions: [String] = []

  package init(_ files: ComparedFiles) throws {
    variants = files.variants.map(\.name)
    keys = files.keys
    keyValues = files.variants.map(\.values)
    seeds = files.variants.map { $0.seeds.map(\.seed) }
    var known: Set<String> = []
    for file in files.variants.flatMap({ $0.seeds.flatMap(\.files) }) {
      for path in try file.reader.paths(below: Layout.Metrics.group) {
        let array = try file.reader.describe(path)
        if array.type == .utf8 {
          try addNames(path, array, file.reader)
        } else if known.insert(path).inserted, !Self.isInterval(path) {
          try addMetric(path, array, file.reader, files)
        }
      }
    }
  }

  /// Intervals over samples give way to those over seeds.
  private static func isInterval(_ path: String) -> Bool {
    let name = path.split(separator: "/").last ?? ""
    return ["lower", "upper"].contains { name == $0 || name.hasSuffix("_" + $0) }
  }

  private mutating func addNames(
    _ path: String, _ array: RunReader.StoredArray, _ reader: RunReader
  ) throws {
    guard let axis = array.axes.first?.name else { return }
    let (name, texts) = (
      String(path.dropFirst((Layout.Metrics.group + "/").count)), try reader.readTexts(path)
    )
    guard let other = names.first(where: { $0.path == name }) else {
      return names.append((name, axis, texts))
    }
    // The same place along an axis must mean the same in all.
    guard other.texts == texts else {
      throw ArchiveError(
        .layout,
        "\(reader.path):\(path): has \(texts.joined(separator: ", ")), other files have "
          + "\(other.texts.joined(separator: ", ")); compare them apart")
    }
  }

  private mutating func addMetric(
    _ path: String, _ array: RunReader.StoredArray, _ reader: RunReader, _ files: ComparedFiles
  ) throws {
    let name = String(path.dropFirst((Layout.Metrics.group + "/").count))
    let group = path.split(separator: "/").dropLast().joined(separator: "/")
    var others = 0
    let values = try files.variants.map { variant in
      try variant.seeds.map { _, files -> [Double] in
        guard let file = files.first(where: { $0.reader.contains(path) }) else { return [] }
        guard try file.reader.describe(path).shape == array.shape else {
          others += 1
          return []
        }
        return try file.reader.read(path, as: Double.self).elements
      }
    }
    guard others == 0 else {
      omissions.append("\(name): its lengths differ between runs")
      return
    }
    let axes = try array.axes.map { axis -> ArraySchema.AxisSchema in
      let scale = "/\(group)/\(axis.name)"
      let coordinates =
        reader.contains(scale) ? try reader.read(scale, as: Double.self).elements : nil
      return ArraySchema.AxisSchema(axis.name, axis.length, coordinates: coordinates)
    }
    metrics.append(
      Metric(
        name: name, longName: array.longName, units: array.units, axes: axes, values: values))
  }

  /// The arrays of a summary.
  package func arrays() -> [CompleteArray] {
    typealias Axis = ArraySchema.AxisSchema
    let variant = Axis("variant", variants.count)
    let most = seeds.map(\.count).max() ?? 0
    let seed = Axis("seed", most)
    var arrays = [
      CompleteArray(
        Layout.Comparison.variantName, [variant], .texts(variants),
        longName: "values of the keys in which the runs differ"),
      CompleteArray(
        Layout.Comparison.seedCount, [variant], .integers(seeds.map { Int32($0.count) }),
        longName: "seeds of each variant"),
      CompleteArray(
        Layout.Comparison.seedValue, [variant, seed],
        .numbers(
          seeds.flatMap { seeds in
            (0..<most).map { $0 < seeds.count ? Double(seeds[$0]) ?? .nan : .nan }
          }), longName: "seed of each run; NaN where a variant has fewer"),
    ]
    if !keys.isEmpty {
      let key = Axis("key", keys.count)
      arrays += [
        CompleteArray(
          Layout.Comparison.keyName, [key], .texts(keys),
          longName: "configuration keys in which the runs differ"),
        CompleteArray(
          Layout.Comparison.keyValue, [variant, key], .texts(keyValues.flatMap { $0 }),
          longName: "their values"),
      ]
    }
    for (path, axis, texts) in names {
      arrays.append(
        CompleteArray(
          Layout.Comparison.member(path), [Axis(axis, texts.count)], .texts(texts),
          longName: "name along the axis"))
    }
    for metric in metrics {
      let intervals = metric.intervals()
      func add(_ suffix: String, _ axes: [Axis], _ values: [Double], _ longName: String) {
        arrays.append(
          CompleteArray(
            Layout.Comparison.member(metric.name + suffix), axes + metric.axes, .numbers(values),
            longName: longName, units: metric.units,
            attributes: [
              "nan_meaning": .text("no finite value, or for an interval fewer than two seeds")
            ]))
      }
      add("", [variant], intervals.map(\.mean), metric.longName + "; mean over seeds")
      add("_lower", [variant], intervals.map(\.lower), "lower end of the 95 % interval over seeds")
      add("_upper", [variant], intervals.map(\.upper), "upper end of the 95 % interval over seeds")
      let missing = [Double](repeating: .nan, count: metric.cells)
      let each = metric.values.flatMap { rows in
        (0..<most).flatMap { $0 < rows.count && !rows[$0].isEmpty ? rows[$0] : missing }
      }
      add("_seeds", [variant, seed], each, metric.longName + "; each seed")
      arrays.append(
        CompleteArray(
          Layout.Comparison.member(metric.name + "_seed_count"), [variant] + metric.axes,
          .integers(intervals.map { Int32($0.count) }),
          longName:
            "seeds whose value is finite, of those in seed_count; mean and interval are of these"))
    }
    return arrays
  }
}
