import Archive
import ArgumentParser
import Arrays
import Console
import Figures

/// `isotherm-plot attention-rollout RUN -o OUT.png`
struct RolloutCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "attention-rollout",
    abstract: "Attention multiplied through the layers (Abnar & Zuidema 2020).",
    discussion: """
      The map of each layer, mean over heads, is averaged with the identity for the residual connection and multiplied with \
      those before. It leaves out the MLPs, values and norms: a picture of where information could come from.
      """)
  static let kinds: [RunSchema.Kind] = [.run]

  @OptionGroup var options: PlotOptions

  @Option(help: "Show one captured sample, from 0 (default: the mean over all).")
  var sample: Int?

  func make(_ source: FigureSource) throws -> Figure {
    let layers = try source.reader.attentionLayers()
    let shape = try source.reader.describe(TapName(.map, layer: layers[0]).path).shape
    let (samples, n) = (shape[1], shape[4])
    if let sample, !(0..<samples).contains(sample) {
      throw UsageError(
        "--sample \(sample): \(source.reader.path) holds samples 0 to \(samples - 1)")
    }
    let chosen = sample.map { [$0] } ?? Array(0..<samples)
    let identity = (0..<n * n).map { $0 / n == $0 % n ? 1.0 : 0 }
    var rollouts = [[Double]](repeating: identity, count: chosen.count)
    var means: [[[Double]]] = []
    for layer in layers {
      let maps = try source.row(TapName(.map, layer: layer).path, shape[0] - 1)
      for (place, index) in chosen.enumerated() {
        rollouts[place] = Self.multiply(maps, index, rollouts[place], n)
      }
      let mean = (0..<n * n).map { i in
        rollouts.reduce(0) { $0 + $1[i] } / Double(max(chosen.count, 1))
      }
      means.append([mean])
    }
    let whose = sample.map { "held-out sample \($0)" } ?? "mean over \(samples) held-out samples"
    return AttentionFigure.make(
      means, layers: layers, keys: n, title: "Attention rollout: \(source.reader.title)",
      what: "½(A + I) multiplied up to each layer, A the mean over heads; \(whose).",
      theme: options.theme.theme)
  }

  /// ½(A + I) · rollout for one sample of `maps` `[sample, head, query, key]`.
  private static func multiply(
    _ maps: NDArray<Double>, _ sample: Int, _ rollout: [Double], _ n: Int
  ) -> [Double] {
    let heads = maps.shape[1]
    var mean = [Double](repeating: 0, count: n * n)
    for head in 0..<heads {
      let start = (sample * heads + head) * n * n
      for i in 0..<n * n { mean[i] += maps.elements[start + i] / Double(heads) }
    }
    var out = rollout.map { 0.5 * $0 }
    for i in 0..<n {
      for j in 0..<n where mean[i * n + j] != 0 {
        let weight = 0.5 * mean[i * n + j]
        for k in 0..<n { out[i * n + k] += weight * rollout[j * n + k] }
      }
    }
    return out
  }
}
