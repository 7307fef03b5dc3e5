import Archive
import ArgumentParser
import Console
import Figures

/// `isotherm-plot comparison SUMMARY --metric NAME -o OUT.png`
struct ComparisonCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "comparison", abstract: "Metrics of several runs over seeds, variant by variant.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "a summary of `isotherm-analyze compare` or `isotherm study`"
  static let madeBy: String? = "isotherm-analyze compare METRICS... -o NAME"
  static let needsNoChoice = false

  @OptionGroup var options: PlotOptions

  @Option(
    name: .customLong("metric"),
    help: "Metric or group, for example attention/raw_cosine/value; may be repeated.")
  var metrics: [String] = []

  @Option(
    name: .customLong("only"),
    help: "Leave out the lines whose name lacks these words; may be repeated.")
  var only: [String] = []

  func make(_ source: FigureSource) throws -> Figure {
    let summary = try MetricSummary(source.reader)
    guard !metrics.isEmpty else {
      throw UsageError(
        "--metric is missing; the summary has \(try summary.metrics().joined(separator: ", "))")
    }
    let chosen = try metrics.flatMap { try summary.metrics(matching: $0) }.map(summary.metric)
    for path in chosen.flatMap(\.paths) { source.note(path) }
    return ComparisonFigure.make(
      chosen.map(panel), seeds: chosen.map(\.seedCount).max() ?? 0,
      title: "Comparison: \(source.reader.title)", theme: options.theme.theme)
  }

  /// A metric as curves along its last axis; a metric of single values as dots.
  private func panel(_ metric: MetricSummary.Metric) -> ComparisonFigure.Metric {
    let last = metric.axes.count - 1
    let length = metric.axes[last].length
    let isCurve = last > 0 && metric.coordinates[last] != nil && length > 1
    let whole = Words.metric(metric.name)
    let words = whole.prefix(1).uppercased() + whole.dropFirst()
    let title = metric.units == "1" ? words : "\(words) [\(metric.units)]"
    let step = isCurve ? length : 1
    let x = isCurve ? metric.coordinates[last] ?? [] : [0]
    let starts = stride(from: 0, to: metric.mean.count, by: step).filter { start in
      let names = labels(metric, start, isCurve ? last : last + 1)
      let whole =
        names.joined(separator: ", ") + ", " + names.map(Words.variant).joined(separator: ", ")
      return only.allSatisfy { whole.contains($0) }
    }
    let curves = starts.map { start -> Curve in
      func part(_ values: [Double]) -> [Double] { Array(values[start..<start + step]) }
      let labels = labels(metric, start, isCurve ? last : last + 1)
      return Curve(
        labels.map { Words.variant($0) }.joined(separator: ", "), x, part(metric.mean),
        lower: part(metric.lower), upper: part(metric.upper),
        isNull: labels.contains(where: Words.isNull))
    }
    return ComparisonFigure.Metric(
      title: title, meaning: metric.longName,
      axis: isCurve ? metric.axes[last].name.replacing("_", with: "-") : "",
      curves: curves.filter { curve in
        !curve.y.allSatisfy(\.isNaN)
      }, bounds: Words.bounds(metric.name), isLikeness: Words.isLikeness(metric.name),
      claim: metric.name == "attention/raw_cosine/value" ? 0.98 : nil)
  }

  /// Labels along the axes before `end`; an axis of one place tells nothing.
  private func labels(_ metric: MetricSummary.Metric, _ index: Int, _ end: Int) -> [String] {
    var rest = index
    var words: [String] = []
    for axis in metric.axes.indices.reversed() {
      let length = metric.axes[axis].length
      if axis < end, length > 1 { words.insert(metric.labels[axis][rest % length], at: 0) }
      rest /= length
    }
    return words.isEmpty ? [metric.labels[0][0]] : words
  }
}
