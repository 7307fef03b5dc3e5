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
    let averaged = maps.map { map in (0..<map.shape[1]).map { average(map, $0) } }
    let whose = isRun ? "Network attention" : "Attention of the \(Words.candidate(model))"
    let title = "\(whose): \(source.reader.title)"
    return AttentionFigure.make(
      averaged, layers: layers, keys: maps[0].shape[3], title: title, what: what,
      theme: options.theme.theme)
  }

  private typealias Maps = (layers: [Int], maps: [NDArray<Double>], what: String, count: Int)

  /// The figure at each checkpoint of a run, on one scale of colours.
  func frames(_ source: FigureSource) throws -> [() throws -> Figure] {
    guard source.reader.kind == .run, try !source.reader.layers(of: .map).isEmpty else {
      throw UsageError("animate attention takes a training run that captured attention maps")
    }
    let count = try runMaps(source, 0).count
    let last = try runMaps(source, count - 1)
    func averaged(_ maps: Maps) -> [[[Double]]] {
      maps.maps.map { map in (0..<map.shape[1]).map { average(map, $0) } }
    }
    let top = AttentionFigure.top(averaged(last))
    return (0..<count).map { checkpoint in
      {
        let maps = try runMaps(source, checkpoint)
        return AttentionFigure.make(
          averaged(maps), layers: maps.layers, keys: maps.maps[0].shape[3],
          title: "Network attention: \(source.reader.title)", what: maps.what, top: top,
          theme: options.theme.theme)
      }
    }
  }

  private func runMaps(_ source: FigureSource, _ wanted: Int? = nil) throws -> Maps {
    let layers = try source.reader.attentionLayers()
    let count = try source.reader.describe(TapName(.map, layer: layers[0]).path).shape[0]
    let chosen = wanted ?? checkpoint ?? count - 1
    guard (0..<count).contains(chosen) else {
      throw UsageError("--checkpoint \(chosen): the run has checkpoints 0 to \(count - 1)")
    }
    let maps = try layers.map {
      try chosenMaps(source, TapName(.map, layer: $0).path, chosen)
    }
    return (layers, maps, "Network at checkpoint \(chosen), \(whose(maps[0].shape[0])).", count)
  }

  private func fieldMaps(_ source: FigureSource) throws -> Maps {
    let path = Layout.Fields(model).attention
    guard source.reader.contains(path) else {
      let known = try source.reader.names(in: Layout.Fields.group)
      throw UsageError(
        "--model \(model): no attention of that model; the file holds \(known.joined(separator: ", "))"
      )
    }
    let count = try source.reader.describe(path).shape[0]
    let maps = try (0..<count).map { try chosenMaps(source, path, $0) }
    return (
      Array(0..<count), maps,
      "The \(Words.candidate(model)) at each layer's depth-time, \(whose(maps[0].shape[0])).", 1
    )
  }

  /// Maps `[sample, head, query, key]` at one place of the first axis; of the chosen sample alone where one is.
  private func chosenMaps(_ source: FigureSource, _ path: String, _ place: Int) throws -> NDArray<
    Double
  > {
    guard let sample else { return try source.row(path, place) }
    let shape = try source.reader.describe(path).shape
    guard (0..<shape[1]).contains(sample) else {
      throw UsageError(
        "--sample \(sample): \(source.reader.path) holds samples 0 to \(shape[1] - 1)")
    }
    let values = try source.part(
      path, start: [place, sample, 0, 0, 0], count: [1, 1] + shape.dropFirst(2))
    return values.reshaped([1] + shape.dropFirst(2))
  }

  private func whose(_ count: Int) -> String {
    sample.map { "held-out sample \($0)" } ?? "mean over \(count) held-out samples"
  }

  /// One head's map `[query, key]`, mean over the samples of `map`.
  private func average(_ map: NDArray<Double>, _ head: Int) -> [Double] {
    let (samples, heads, size) = (map.shape[0], map.shape[1], map.shape[2] * map.shape[3])
    var sum = [Double](repeating: 0, count: size)
    map.elements.withUnsafeBufferPointer { values in
      for index in 0..<samples {
        let start = (index * heads + head) * size
        for i in 0..<size { sum[i] += values[start + i] }
      }
    }
    return sum.map { $0 / Double(max(samples, 1)) }
  }
}
