import Archive
import Arrays
import Foundation

/// Metrics of an archive as tables: arrays of a group that share their axes are columns of one.
struct ReportTables {
  /// One table.
  struct Table {
    let title: String
    let columns: [String]
    /// Cells as text.
    let rows: [[String]]
  }

  private(set) var tables: [Table] = []

  init(_ reader: RunReader) throws {
    guard reader.kind == .metrics else { return }
    var groups: [(key: String, paths: [String])] = []
    for path in try reader.paths(below: Layout.Metrics.group) {
      let array = try reader.describe(path)
      let count = array.shape.reduce(1, *)
      let isScale =
        array.axes.count == 1
        && array.axes[0].name == path.split(separator: "/").last.map(String.init)
      guard !isScale, array.shape.count <= 2, count > 0, count <= 5000 else { continue }
      let group = path.split(separator: "/").dropLast().joined(separator: "/")
      let key = "/\(group)|" + array.axes.map(\.name).joined(separator: ",")
      if let place = groups.firstIndex(where: { $0.key == key }) {
        groups[place].paths.append(path)
      } else {
        groups.append((key, [path]))
      }
    }
    for (key, paths) in groups {
      tables.append(try Self.table(reader, String(key.split(separator: "|")[0]), paths))
    }
  }

  private static func table(
    _ reader: RunReader, _ group: String, _ paths: [String]
  ) throws -> Table {
    let first = try reader.describe(paths[0])
    var columns = first.axes.map(\.name)
    let names = try first.axes.enumerated().map { index, axis in
      try labels(reader, group, axis.name, length: first.shape[index])
    }
    let count = first.shape.reduce(1, *)
    var rows = (0..<count).map { place -> [String] in
      var (rest, parts) = (place, [String]())
      for axis in first.shape.indices.reversed() {
        parts.insert(names[axis][rest % first.shape[axis]], at: 0)
        rest /= first.shape[axis]
      }
      return parts
    }
    for path in paths {
      columns.append(path.split(separator: "/").last.map(String.init) ?? path)
      let isText = try reader.describe(path).type == .utf8
      let texts: [String]
      if isText {
        texts = try reader.readTexts(path)
      } else {
        let values: NDArray<Double> = try reader.read(path)
        texts = values.elements.map { $0.isNaN ? "–" : String(format: "%.5g", $0) }
      }
      for (row, text) in texts.enumerated() where row < count { rows[row].append(text) }
    }
    return Table(title: group, columns: columns, rows: rows.filter { $0.count == columns.count })
  }

  /// Names along an axis: `AXIS_name` of the group or the one above, else the scale's values.
  private static func labels(
    _ reader: RunReader, _ group: String, _ axis: String, length: Int
  ) throws -> [String] {
    let above = "/" + group.split(separator: "/").dropLast().joined(separator: "/")
    for folder in [group, above] {
      let path = "\(folder)/\(axis)_name"
      if reader.contains(path) {
        let names = try reader.readTexts(path)
        if names.count == length { return names }
      }
    }
    let scale = "\(group)/\(axis)"
    if reader.contains(scale), try reader.describe(scale).shape == [length] {
      let values: NDArray<Double> = try reader.read(scale)
      return values.elements.map { String(format: "%.5g", $0) }
    }
    return (0..<length).map(String.init)
  }
}
