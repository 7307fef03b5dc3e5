import Archive
import ArgumentParser
import Arrays
import Console
import Figures

/// `isotherm-plot weights-map METRICS --metric stable_rank -o OUT.png`
struct WeightsMapCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "weights-map",
    abstract: "A number of every weight matrix, layers by checkpoints or by kinds.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm-analyze weights`"
  static let madeBy: String? = "isotherm-analyze weights RUN -o NAME"

  @OptionGroup var options: PlotOptions

  @Option(
    help:
      "Metric, for example alpha, stable_rank, effective_rank, spikes; with --changes drift, cka_debiased."
  )
  var metric: String?

  @Option(
    name: .customLong("matrix"),
    help: "Matrix to show; * stands for anything; may be repeated (default: all of the layers).")
  var matrices: [String] = []

  func make(_ source: FigureSource) throws -> Figure {
    let groups = [Layout.Metrics.weights, .changes].filter {
      source.reader.contains($0.member("matrix"))
    }
    guard let group = groups.first else {
      throw ArchiveError(
        .layout,
        "\(source.reader.path): holds no weight metrics; `isotherm-analyze weights RUN -o NAME` makes them"
      )
    }
    let metric = metric ?? (group == .weights ? "stable_rank" : "drift")
    let path = group.member(metric)
    let names = try source.texts(group.member("matrix"))
    guard source.reader.contains(path), try source.reader.describe(path).shape == [names.count],
      try source.reader.describe(path).type != .utf8
    else {
      throw UsageError(
        "--metric \(metric): \(source.reader.path) has no such number of each matrix; `isotherm-archive ls` lists them"
      )
    }
    let values = try source.numbers(path).elements
    let checkpoints = try source.integers(group.member("checkpoint"))
    let kept = try source.chosen(names, matrices).filter { WeightName(names[$0]).layer != nil }
    guard !kept.isEmpty else {
      throw UsageError("\(source.reader.path): no matrix of a layer is among those chosen")
    }
    let parts = kept.map { WeightName(names[$0]) }
    let layers = Set(parts.compactMap(\.layer)).sorted()
    let steps = Set(kept.map { checkpoints[$0] }).sorted()
    var kinds: [String] = []
    for part in parts where !kinds.contains(part.kind) { kinds.append(part.kind) }
    func layer(_ index: Int) -> Int? { parts[index].layer.flatMap { layers.firstIndex(of: $0) } }
    func cells(
      _ rows: Int, _ columns: Int, _ place: (Int) -> (row: Int?, column: Int?)
    ) -> [Double] {
      var cells = [Double](repeating: .nan, count: rows * columns)
      for (index, number) in kept.enumerated() {
        guard case (let row?, let column?) = place(index) else { continue }
        cells[row * columns + column] = values[number]
      }
      return cells
    }
    func words(_ kind: String) -> String {
      kind.replacing(".", with: " ").replacing("_", with: " ")
    }
    let maps: [WeightsMapFigure.Map]
    if steps.count > 1 {
      maps = kinds.map { kind in
        .init(
          name: words(kind),
          cells: cells(layers.count, steps.count) {
            parts[$0].kind == kind
              ? (layer($0), steps.firstIndex(of: checkpoints[kept[$0]])) : (nil, nil)
          })
      }
    } else {
      maps = [
        .init(
          name: "",
          cells: cells(kinds.count, layers.count) {
            (kinds.firstIndex(of: parts[$0].kind), layer($0))
          })
      ]
    }
    let what = try source.reader.describe(path).longName
    return WeightsMapFigure.make(
      maps, rows: steps.count > 1 ? layers.map(String.init) : kinds.map(words),
      rowTitle: steps.count > 1 ? "layer" : "",
      columns: (steps.count > 1 ? steps : layers).map(String.init),
      columnTitle: steps.count > 1 ? "checkpoint" : "layer",
      what: what.prefix(1).uppercased() + what.dropFirst(), null: try null(source, path, kept),
      title: "Weights: \(source.reader.title)", theme: options.theme.theme)
  }

  /// What random matrices of these shapes have.
  private func null(_ source: FigureSource, _ path: String, _ kept: [Int]) throws -> String {
    guard source.reader.contains(path + "_null") else {
      return "This number has no null in the file."
    }
    let all = try source.numbers(path + "_null").elements
    let values = kept.map { all[$0] }.filter(\.isFinite)
    guard let low = values.min(), let high = values.max() else { return "" }
    return low == high
      ? "Null: \(Format.digits(low)) for a random matrix of the same shape and norm."
      : "Null: \(Format.digits(low)) to \(Format.digits(high)) for random matrices of the same shapes and norms."
  }
}
