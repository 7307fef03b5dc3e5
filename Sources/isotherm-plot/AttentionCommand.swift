import Archive
import ArgumentParser
import Arrays
import Console
import Figures

/// `isotherm-plot attention RUN|FIELDS -o OUT.png`
struct AttentionCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "attention", abstract: "Attention maps, layer x head, on one colour scale.")

  static let kinds: [RunSchema.Kind] = [.run, .fields]

  @OptionGroup var options: PlotOptions

  @Option(help: "Show one captured sample, from 0 (default: the mean over all).")
  var sample: Int?

  @Option(help: "Checkpoint of a training run, from 0 (default: the last).")
  var checkpoint: Int?

  @Option(help: "Model of a fields file.")
  var model = "autonomous"

  func make(_ source: FigureSource) throws -> Figure {
    let isRun = source.reader.kind == .run
    let (layers, maps, what, _) = isRun ? try runMaps(source) : try fieldMaps(source)
    let averaged = try maps.map { map in
      try (0..<map.shape[1]).map { head in try average(map, head, source.reader.path) }
    }
    let whose = isRun ? "Network attention" : "PDE attention (\(model))"
    let title = "\(whose): \(source.reader.title)"
    return AttentionFigure.make(
      averaged, layers: layers, keys: maps[0].shape[3], title: title, what: what,
      theme: options.theme.theme)
  }

  private typealias Maps = (layers: [Int], maps: [NDArray<Double>], what: String, count: Int)

  /// The figure at each checkpoint of a run, on one scale of colours.
  func frames(_ source: FigureSource) throws -> [() throws -> Figure] {
    let layers = try source.reader.names(in: "/attention").count
    guard source.reader.kind == .run, layers > 0 else {
      throw UsageError("animate attention takes a training run that captured attention maps")
    }
    let count = try runMaps(source, 0).count
    let last = try runMaps(source, count - 1)
    func averaged(_ maps: Maps) throws -> [[[Double]]] {
      try maps.maps.map { map in
        try (0..<map.shape[1]).map { try average(map, $0, source.reader.path) }
      }
    }
    let top = AttentionFigure.top(try averaged(last))
    return (0..<count).map { checkpoint in
      {
        let maps = try runMaps(source, checkpoint)
        return AttentionFigure.make(
          try averaged(maps), layers: maps.layers, keys: maps.maps[0].shape[3],
          title: "Network attention: \(source.reader.title)", what: maps.what, top: top,
          theme: options.theme.theme)
      }
    }
  }

  private func runMaps(_ source: FigureSource, _ wanted: Int? = nil) throws -> Maps {
    let layers = try source.reader.names(in: "/attention").compactMap { name -> Int? in
      let parts = name.split(separator: ".")
      return parts.count == 3 ? Int(parts[1]) : nil
    }.sorted()
    guard let first = layers.first else {
      throw ArchiveError(
        .layout,
        "\(source.reader.path): no attention maps were captured; train with capture.taps "
          + "containing \"attention.*.map\"")
    }
    let count = try source.reader.describe("/attention/attention.\(first).map/values").shape[0]
    let chosen = wanted ?? checkpoint ?? count - 1
    guard (0..<count).contains(chosen) else {
      throw UsageError("--checkpoint \(chosen): the run has checkpoints 0 to \(count - 1)")
    }
    let maps = try layers.map {
      try source.row("/attention/attention.\($0).map/values", chosen)
    }
    return (layers, maps, "Network at checkpoint \(chosen), \(whose(maps[0].shape[0])).", count)
  }

  private func fieldMaps(_ source: FigureSource) throws -> Maps {
    let path = "/fields/\(model)/attention"
    guard source.reader.contains(path) else {
      let known = try source.reader.names(in: "/fields")
      throw UsageError(
        "--model \(model): no attention of that model; the file holds \(known.joined(separator: ", "))"
      )
    }
    let count = try source.reader.describe(path).shape[0]
    let maps = try (0..<count).map { try source.row(path, $0) }
    return (
      Array(0..<count), maps,
      "PDE model \(model) at each layer's depth-time, \(whose(maps[0].shape[0])).", 1
    )
  }

  private func whose(_ count: Int) -> String {
    sample.map { "held-out sample \($0)" } ?? "mean over \(count) held-out samples"
  }

  /// One head's map `[query, key]` of the chosen sample, or the mean over samples.
  private func average(_ map: NDArray<Double>, _ head: Int, _ path: String) throws -> [Double] {
    let (samples, heads, size) = (map.shape[0], map.shape[1], map.shape[2] * map.shape[3])
    if let sample, !(0..<samples).contains(sample) {
      throw UsageError("--sample \(sample): \(path) holds samples 0 to \(samples - 1)")
    }
    let chosen = sample.map { [$0] } ?? Array(0..<samples)
    var sum = [Double](repeating: 0, count: size)
    map.elements.withUnsafeBufferPointer { values in
      for index in chosen {
        let start = (index * heads + head) * size
        for i in 0..<size { sum[i] += values[start + i] }
      }
    }
    return sum.map { $0 / Double(chosen.count) }
  }
}
