import Archive
import ArgumentParser
import Arrays
import Console
import Figures

/// `isotherm-plot comparison SUMMARY --metric NAME -o OUT.png`
struct ComparisonCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "comparison", abstract: "Metrics of several runs over seeds, variant by variant.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "a summary of `isotherm-analyze compare` or `isotherm study`"
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
    let words = metric.name.split(separator: "/").dropFirst().filter { $0 != "value" }
      .joined(separator: ", ").replacing("_", with: " ")
    let title = metric.units == "1" ? words : "\(words) [\(metric.units)]"
    let step = isCurve ? length : 1
    let x = isCurve ? metric.coordinates[last] ?? [] : [0]
    let curves = stride(from: 0, to: metric.mean.count, by: step).map { start -> Curve in
      func part(_ values: [Double]) -> [Double] { Array(values[start..<start + step]) }
      return Curve(
        name(metric, start, isCurve ? last : last + 1), x, part(metric.mean),
        lower: part(metric.lower), upper: part(metric.upper))
    }
    return ComparisonFigure.Metric(
      title: title, meaning: metric.longName,
      axis: isCurve ? metric.axes[last].name.replacing("_", with: "-") : "",
      curves: curves.filter { curve in
        !curve.y.allSatisfy(\.isNaN) && only.allSatisfy { curve.name.contains($0) }
      })
  }

  /// Labels along the axes before `end`; an axis of one place tells nothing.
  private func name(_ metric: MetricSummary.Metric, _ index: Int, _ end: Int) -> String {
    var rest = index
    var words: [String] = []
    for axis in metric.axes.indices.reversed() {
      let length = metric.axes[axis].length
      if axis < end, length > 1 { words.insert(metric.labels[axis][rest % length], at: 0) }
      rest /= length
    }
    return words.isEmpty ? metric.labels[0][0] : words.joined(separator: ", ")
  }
}

/// `isotherm-plot catalog SUMMARY --metric NAME --key KEY -o OUT.png`
struct CatalogCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "catalog", abstract: "A metric of many runs against a key of their configuration.",
    discussion: """
      Takes a summary; the runs that agree in all other keys are joined. Of a metric along axes, --at names the place, as \
      --at trajectory=network,depth_time=1 (default: the first place of each).
      """)
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "a summary of `isotherm-analyze compare` or `isotherm study`"
  static let needsNoChoice = false

  @OptionGroup var options: PlotOptions

  @Option(help: "Metric, for example stability/test_accuracy.")
  var metric: String

  @Option(help: "Key of the configuration in which the runs differ, for example model.norm.")
  var key: String

  @Option(help: "Places along the metric's axes, AXIS=LABEL, separated by commas.")
  var at: String?

  func make(_ source: FigureSource) throws -> Figure {
    let summary = try MetricSummary(source.reader)
    guard let values = try summary.values(of: key) else {
      let keys = try summary.keys()
      throw UsageError(
        "--key \(key): the runs "
          + (keys.isEmpty
            ? "differ in their seeds only" : "differ in \(keys.joined(separator: ", "))"))
    }
    let found = try summary.metrics(matching: metric)
    guard found.count == 1 else {
      throw UsageError("--metric \(metric): name one of \(found.joined(separator: ", "))")
    }
    let shown = try summary.metric(found[0])
    for path in shown.paths + [Layout.Comparison.keyName, Layout.Comparison.keyValue] {
      source.note(path)
    }
    let (offset, place) = try offset(shown)
    let keys = try summary.keys()
    let others = try keys.filter { $0 != key }.map { ($0, try summary.values(of: $0) ?? []) }
    let cells = shown.mean.count / max(1, values.count)
    var groups: [(name: String, points: [CatalogFigure.Point])] = []
    for variant in values.indices {
      let name = others.map { "\($0.0.split(separator: ".").last ?? "") \($0.1[variant])" }
        .joined(separator: ", ")
      let index = variant * cells + offset
      let point = CatalogFigure.Point(
        key: values[variant], mean: shown.mean[index], lower: shown.lower[index],
        upper: shown.upper[index],
        seeds: (0..<shown.seedCount).map {
          shown.seeds[(variant * shown.seedCount + $0) * cells + offset]
        })
      if let group = groups.firstIndex(where: { $0.name == name }) {
        groups[group].points.append(point)
      } else {
        groups.append((name, [point]))
      }
    }
    let words = shown.longName + (shown.units == "1" ? "" : " [\(shown.units)]")
    return CatalogFigure.make(
      groups, key: key, metric: words + (place.isEmpty ? "" : ", \(place)"), seeds: shown.seedCount,
      title: "\(found[0]) by \(key): \(source.reader.title)", theme: options.theme.theme)
  }

  /// Where the chosen place lies among a variant's cells, and what it is called.
  private func offset(_ metric: MetricSummary.Metric) throws -> (Int, String) {
    var wanted: [String: String] = [:]
    for part in (at ?? "").split(separator: ",") {
      let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
      guard pair.count == 2, metric.axes.dropFirst().contains(where: { $0.name == pair[0] }) else {
        throw UsageError(
          "--at \(part): expected AXIS=LABEL; the axes are "
            + metric.axes.dropFirst().map(\.name).joined(separator: ", "))
      }
      wanted[pair[0]] = pair[1]
    }
    var (offset, words) = (0, [String]())
    for (axis, labels) in zip(metric.axes, metric.labels).dropFirst() {
      var place = 0
      if let label = wanted[axis.name] {
        guard let found = labels.firstIndex(of: label) else {
          throw UsageError(
            "--at \(axis.name)=\(label): there are \(labels.joined(separator: ", "))")
        }
        place = found
      }
      offset = offset * axis.length + place
      if axis.length > 1 { words.append("\(axis.name) \(labels[place])") }
    }
    return (offset, words.joined(separator: ", "))
  }
}

/// `isotherm-plot stability METRICS -o OUT.png`
struct StabilityCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "stability",
    abstract: "Drift, growth and collapse over depth, before and after training.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm-analyze stability`"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.stability.prefix
    try source.require(
      group + "drift_last", "`isotherm-analyze stability RUN -o NAME` makes stability metrics")
    let names = try source.texts(group + "trajectory_name")
    let times = try source.coordinates(
      group + "drift_last", "depth_time",
      length: source.reader.describe(group + "drift_last").shape[1])
    func curves(_ name: String) throws -> [Curve] {
      zip(names, try source.numbers(group + name, axes: 2).rows).map { Curve($0, times, $1) }
    }
    let measures = try [
      ("drift", "Drift", "‖u − u₀‖/‖u₀‖", [0.0]), ("cosine", "Direction", "cos(u, u₀)", [1.0]),
      ("log_growth", "Growth", "ln ‖u‖/‖u₀‖", [0.0]),
      ("spread", "Positions apart", "‖u − ū‖/‖u‖", [0.0, 1.0]),
    ].map { name, title, axis, including in
      StabilityFigure.Measure(
        title: title, axis: axis, before: try curves(name + "_first"),
        after: try curves(name + "_last"), including: including)
    }
    let accuracy = try source.numbers(group + "test_accuracy").elements
    let diverged = try source.numbers(group + "diverged").elements
    let outcome = names.indices.map { index in
      "\(names[index]): test accuracy \(Format.fixed(100 * accuracy[index], 1)) %"
        + (diverged[index] != 0 ? ", diverged" : "")
    }
    return StabilityFigure.make(
      measures, outcome: outcome.joined(separator: "; ") + ".",
      samples: try source.samples(group + "drift_last"),
      title: "Stability: \(source.reader.title)", theme: options.theme.theme)
  }
}
