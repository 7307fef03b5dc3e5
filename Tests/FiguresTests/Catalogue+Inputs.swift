import Figures
import Foundation

extension Catalogue {
  /// Figures that show a run as a whole, and attention on its inputs, on made-up values.
  static func inputs(
    _ theme: Theme, _ wave: (Int, Double) -> [Double]
  ) -> [(name: String, figure: Figure)] {
    let image = AttentionInputFigure.Input.image(
      pixels: (0..<784).map { place in
        let (x, y) = (Double(place % 28) - 13.5, Double(place / 28) - 13.5)
        return x * x + y * y < 120 ? 0.9 : 0.1
      }, rows: 28, columns: 28, grid: (7, 7))
    let words = "the quick brown fox jumps over the lazy dog , and sleeps".split(separator: " ")
    let text = AttentionInputFigure.Input.tokens(words.map(String.init))
    func heads(_ keys: Int) -> [AttentionInputFigure.Head] {
      [(1, 0), (3, 2)].map { layer, head in
        .init(
          layer: layer, head: head, network: wave(keys, Double(layer)),
          equations: [("modulated PDE", wave(keys, Double(layer) + 0.3))],
          null: Array(repeating: 1 / Double(keys), count: keys))
      }
    }
    return [
      (
        "attention-input",
        AttentionInputFigure.make(
          image, heads: heads(49), queries: "mean over queries", sample: 3,
          title: "Attention on the input", theme: theme)
      ),
      (
        "attention-input-text",
        AttentionInputFigure.make(
          text, heads: heads(words.count), queries: "by query 4", sample: 0,
          title: "Attention on the input", theme: theme)
      ),
      ("overview", overview(image, heads(49), theme, wave)),
      ("overview-text", overview(text, heads(words.count), theme, wave)),
    ]
  }

  private static func overview(
    _ input: AttentionInputFigure.Input, _ heads: [AttentionInputFigure.Head], _ theme: Theme,
    _ wave: (Int, Double) -> [Double]
  ) -> Figure {
    let equations = ["diffusion alone", "autonomous PDE", "modulated PDE"]
    var content = OverviewFigure.Content(equations: equations)
    content.accuracy = .init(
      batches: Curve("batches", (0..<200).map { Double($0) / 40 }, wave(200, 0)),
      test: Curve("test", (0..<6).map(Double.init), wave(6, 1)), chance: 0.1)
    let layers = (0..<6).map(Double.init)
    content.similarity =
      equations.dropFirst().enumerated().map {
        Curve(
          $1, layers, wave(6, 0).map { 0.9 + 0.1 * $0 }, lower: wave(6, 0).map { 0.88 + 0.1 * $0 },
          upper: wave(6, 0).map { 0.91 + 0.1 * $0 })
      }
      + ["all keys alike", "mean map of positions", "before training", "maps of other samples"]
      .enumerated().map { Curve($1, layers, wave(6, Double($0)), isNull: true) }
    let pairs = wave(7, 0).map { ($0 - 0.1, $0 + 0.1) }
    content.plane = InformationPlaneFigure.Plane(
      estimator: "kernel density", settings: "noise", input: (0..<6).map { wave(7, Double($0)) },
      label: (0..<6).map { wave(7, Double($0) / 2) }, labelNull: wave(7, 0), inputInterval: pairs,
      labelInterval: pairs, saturated: [Bool](repeating: false, count: 7))
    content.depthTimes = (0..<7).map { Double($0) / 6 }
    content.informationSamples = 256
    content.drift = (["network"] + equations).enumerated().map {
      Curve(
        $1, (0..<7).map(Double.init), wave(7, Double($0)), lower: wave(7, Double($0)),
        upper: wave(7, Double($0)))
    }
    content.input = (input, heads, 3)
    content.queries = "mean over queries"
    return OverviewFigure.make(content, title: "Fashion-MNIST, small encoder", theme: theme)
  }
}
