import Archive
import Console
import Foundation

extension MetricSummary.Metric {
  /// One cell: labels along every axis, mean and interval, and of how many of the variant's seeds they are.
  package struct Row {
    package let labels: [String]
    package let mean: Double, lower: Double, upper: Double
    package let finite: Int, seeds: Int
  }

  /// All cells.
  package var rows: [Row] {
    mean.indices.map { index in
      var rest = index
      var row = [String](repeating: "", count: axes.count)
      for axis in axes.indices.reversed() {
        row[axis] = labels[axis][rest % axes[axis].length]
        rest /= axes[axis].length
      }
      let variant = index / cells
      return Row(
        labels: row, mean: mean[index], lower: lower[index], upper: upper[index],
        finite: missing(index).filter { !$0 }.count, seeds: seedCounts[variant])
    }
  }

  /// Cells of a variant.
  private var cells: Int { mean.count / max(1, seedCounts.count) }

  /// Whether each seed of a cell's variant has no finite value there.
  private func missing(_ index: Int) -> [Bool] {
    let variant = index / cells
    return (0..<seedCounts[variant]).map { seed in
      !seeds[(variant * seedCount + seed) * cells + index % cells].isFinite
    }
  }

  /// Seeds, by their place, that a mean among `chosen` cells is without, of each variant. Where no seed has a value there is no mean.
  func gaps(_ chosen: [Int]) -> [[Int]] {
    seedCounts.indices.map { variant in
      let all = chosen.filter { $0 / cells == variant && mean[$0].isFinite }.map(missing)
      return (0..<seedCounts[variant]).filter { seed in all.contains { $0[seed] } }
    }
  }

  /// «0.962 ± 0.004»; without the interval where one seed has none; with «(2 of 3)» where seeds are missing; – where there is no
  /// value.
  func text(_ index: Int) -> String {
    guard mean[index].isFinite else { return "–" }
    let all = missing(index)
    let present = all.filter { !$0 }.count
    return number(index) + (present < all.count ? " (\(present) of \(all.count))" : "")
  }

  private func number(_ index: Int) -> String {
    let reach = upper[index] - mean[index]
    let isWhole = mean[index] == mean[index].rounded() && abs(mean[index]) >= 1000
    if isWhole, !(reach > 0) { return Format.fixed(mean[index], 0) }
    let isExtreme = abs(mean[index]) >= 10_000 || (mean[index] != 0 && abs(mean[index]) < 0.001)
    func words(_ value: Double) -> String {
      isExtreme ? Format.digits(value) : Format.fixed(value, 3)
    }
    return reach.isFinite ? words(mean[index]) + " ± " + words(reach) : words(mean[index])
  }

  /// Whether a cell with these labels is among those that `places` name, `AXIS=LABEL`; several of one axis are alternatives.
  package func contains(_ row: [String], _ places: [(axis: String, label: String)]) -> Bool {
    zip(axes, row).allSatisfy { axis, label in
      let wanted = places.filter { $0.axis == axis.name }
      return wanted.isEmpty || wanted.contains { $0.label == label }
    }
  }

  /// - Throws: ``Console/UsageError`` when `places` name an axis or a label that is not there.
  package func check(_ places: [(axis: String, label: String)], name: String) throws {
    for place in places {
      guard let axis = axes.firstIndex(where: { $0.name == place.axis }) else {
        throw UsageError(
          "--where \(place.axis)=\(place.label): the axes of \(name) are "
            + axes.map(\.name).joined(separator: ", "))
      }
      guard labels[axis].contains(place.label) else {
        throw UsageError(
          "--where \(place.axis)=\(place.label): the places along \(place.axis) are "
            + labels[axis].joined(separator: ", "))
      }
    }
  }

  /// A table whose columns run along the last axis, or with one column of values; of the cells in `places`.
  package func wide(_ places: [(axis: String, label: String)] = []) -> (
    header: [String], rows: [[String]]
  ) {
    let last = axes.count > 1 && axes[axes.count - 1].length <= 16 ? axes.count - 1 : axes.count
    let columns = last < axes.count ? labels[last] : ["value"]
    let wanted = places.filter { last < axes.count && $0.axis == axes[last].name }.map(\.label)
    let kept = columns.indices.filter { wanted.isEmpty || wanted.contains(columns[$0]) }
    // An axis of one place tells nothing.
    let leading = axes.indices.prefix(last).filter { axes[$0].length > 1 }
    let header =
      leading.map { axes[$0].name.replacing("_", with: " ") }
      + kept.map { column in
        let isNumbered = last < axes.count && coordinates[last] != nil && column == kept.first
        let axis = isNumbered ? axes[last].name.replacing("_", with: " ") + " " : ""
        return axis + columns[column]
      }
    let all = rows
    let starts = stride(from: 0, to: mean.count, by: columns.count).filter { start in
      contains(
        all[start].labels, places.filter { last == axes.count || $0.axis != axes[last].name })
    }
    let lines = starts.map { start in
      leading.map { all[start].labels[$0] } + kept.map { text(start + $0) }
    }
    return (header, lines)
  }
}
