import Archive
import Arrays
import Console
import Foundation

/// A summary file, read back to be shown.
struct Summary {
  let reader: RunReader
  let variants: [String]

  init(_ reader: RunReader) throws {
    self.reader = reader
    variants = try reader.readTexts("/comparison/variant_name")
  }

  /// Metrics by name, as `attention/raw_cosine/value`.
  func metrics() throws -> [String] {
    let paths = try reader.paths(below: "/comparison")
    return paths.filter { reader.contains($0 + "_seeds") && reader.contains($0 + "_lower") }
      .map { String($0.dropFirst("/comparison/".count)) }
  }

  /// The metrics that `patterns` name: a metric, its last words, or a group.
  func choose(_ patterns: [String]) throws -> [String] {
    let all = try metrics()
    return try patterns.flatMap { pattern -> [String] in
      let found = all.filter {
        $0 == pattern || $0.hasPrefix(pattern + "/") || $0.hasSuffix("/" + pattern)
      }
      guard !found.isEmpty else {
        throw UsageError(
          "--metric \(pattern): the summary has \(all.joined(separator: ", "))")
      }
      return found
    }
  }

  /// One metric with everything that is needed to show it.
  struct Shown {
    let name: String, longName: String, units: String
    /// `[variant, ...]`
    let axes: [Axis]
    let mean: [Double], lower: [Double], upper: [Double]
    /// Label of each place along each axis.
    let labels: [[String]]
  }

  func show(_ name: String) throws -> Shown {
    let path = "/comparison/" + name
    let array = try reader.describe(path)
    let labels = try array.axes.map { try self.labels($0, near: path) }
    return Shown(
      name: name, longName: array.longName.replacing("; mean over seeds", with: ""),
      units: array.units, axes: array.axes,
      mean: try reader.read(path, as: Double.self).elements,
      lower: try reader.read(path + "_lower", as: Double.self).elements,
      upper: try reader.read(path + "_upper", as: Double.self).elements, labels: labels)
  }

  /// Names along an axis, looked for in the array's group and those around it; else its coordinates.
  private func labels(_ axis: Axis, near path: String) throws -> [String] {
    var parts = path.split(separator: "/").map(String.init)
    while !parts.isEmpty {
      parts.removeLast()
      let candidate = "/" + (parts + ["\(axis.name)_name"]).joined(separator: "/")
      if reader.contains(candidate) {
        let texts = try reader.readTexts(candidate)
        if texts.count == axis.length { return texts }
      }
    }
    let group = "/" + path.split(separator: "/").dropLast().joined(separator: "/")
    let scale = "\(group)/\(axis.name)"
    guard reader.contains(scale) else { return (0..<axis.length).map(String.init) }
    return try reader.read(scale, as: Double.self).elements.map { Format.digits($0) }
  }
}

extension Summary.Shown {
  /// All cells: labels along every axis, then mean and interval.
  var rows: [(labels: [String], mean: Double, lower: Double, upper: Double)] {
    mean.indices.map { index in
      var rest = index
      var row = [String](repeating: "", count: axes.count)
      for axis in axes.indices.reversed() {
        row[axis] = labels[axis][rest % axes[axis].length]
        rest /= axes[axis].length
      }
      return (row, mean[index], lower[index], upper[index])
    }
  }

  /// «0.962 ± 0.004»; without the interval where one seed has none; – where there is no value.
  func text(_ index: Int) -> String {
    guard mean[index].isFinite else { return "–" }
    let reach = upper[index] - mean[index]
    let digits = 3
    let isSmall = abs(mean[index]) < 0.001 && mean[index] != 0
    let isLarge = abs(mean[index]) >= 10_000
    let value =
      isSmall || isLarge ? Format.digits(mean[index]) : Format.fixed(mean[index], digits)
    guard reach.isFinite else { return value }
    return value + " ± " + (isSmall || isLarge ? Format.digits(reach) : Format.fixed(reach, digits))
  }

  /// A table whose columns run along the last axis, or with one column of values.
  func wide() -> (header: [String], rows: [[String]]) {
    let last = axes.count > 1 && axes[axes.count - 1].length <= 16 ? axes.count - 1 : axes.count
    let columns = last < axes.count ? labels[last] : ["value"]
    // An axis of one place tells nothing.
    let leading = axes.indices.prefix(last).filter { axes[$0].length > 1 }
    let header =
      leading.map { axes[$0].name.replacing("_", with: " ") }
      + (last < axes.count
        ? columns.enumerated().map {
          $0.offset == 0 ? "\(axes[last].name.replacing("_", with: " ")) \($0.element)" : $0.element
        } : columns)
    let all = rows
    let lines = stride(from: 0, to: mean.count, by: columns.count).map { start in
      leading.map { all[start].labels[$0] } + columns.indices.map { text(start + $0) }
    }
    return (header, lines)
  }
}
