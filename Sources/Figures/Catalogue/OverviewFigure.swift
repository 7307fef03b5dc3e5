import Foundation

/// `overview`: a run on one page: how well it learns, how like the equations' attention is to its own, what its layers know, how far its
/// states go, and where two heads look.
public enum OverviewFigure {
  /// Accuracy over training.
  public struct Accuracy: Sendable {
    /// Of each step's batch, and of the test split at each checkpoint, by epoch.
    public var batches: Curve, test: Curve
    /// Share of right guesses; nil where answers are no classes.
    public var chance: Double?

    /// Accuracy.
    public init(batches: Curve, test: Curve, chance: Double?) {
      (self.batches, self.test, self.chance) = (batches, test, chance)
    }
  }

  /// Everything that is there; what is not is left out.
  public struct Content: Sendable {
    /// Names of the equations, in the order of their colours.
    public var equations: [String]
    /// Accuracy over training.
    public var accuracy: Accuracy?
    /// Cosine of attention maps with the network's, by layer, nulls among them.
    public var similarity: [Curve]
    /// One estimator's plane, and the depths' times and samples of it.
    public var plane: InformationPlaneFigure.Plane?
    /// Depth-times of the plane, and how many samples it rests on.
    public var depthTimes: [Double], informationSamples: Int
    /// Distance from the embedding by depth, the network's and the equations'.
    public var drift: [Curve]
    /// Maps on an input.
    public var input: (AttentionInputFigure.Input, [AttentionInputFigure.Head], sample: Int)?
    /// Whose attention the maps are, in words.
    public var queries: String

    /// A page without anything.
    public init(equations: [String]) {
      self.equations = equations
      (accuracy, similarity, plane, depthTimes) = (nil, [], nil, [])
      (informationSamples, drift, input, queries) = (0, [], nil, "")
    }
  }

  /// Width of a page of two columns in a journal, points: 180 mm.
  private static let width = 180 * 72 / 25.4

  /// Draws what there is; one colour means one thing on the whole page.
  public static func make(_ content: Content, title: String, theme: Theme) -> Figure {
    let styles = styles(content, theme)
    let upper = [
      content.accuracy.map { accuracy($0, theme) },
      content.similarity.isEmpty ? nil : similarity(content.similarity, styles, theme),
    ].compactMap { $0 }
    let lower = [
      content.plane.map { plane($0, content.depthTimes, theme) },
      content.drift.isEmpty ? nil : drift(content.drift, styles, theme),
    ].compactMap { $0 }
    var sections: [Figure.Section] = []
    if !upper.isEmpty { sections.append(.init([upper])) }
    if !lower.isEmpty { sections.append(.init([lower])) }
    var height = 100 + 165 * Double(sections.count)
    if let (input, heads, _) = content.input {
      let isImage = if case .image = input { true } else { false }
      sections.append(
        AttentionInputFigure.section(
          input, heads: heads, weight: isImage ? 0.75 : 1.6, theme: theme))
      height += isImage ? 125 : 270
    }
    return Figure(
      title: title, caption: caption(content), width: width, height: height,
      legend: legend(content, styles, theme), sections: sections)
  }

  /// Of the network, of each equation, of each null, by name.
  private static func styles(_ content: Content, _ theme: Theme) -> [String: Panel.LineStyle] {
    var styles = ["network": theme.line(0, width: 1.8)]
    for (index, name) in content.equations.enumerated() {
      styles[name] = theme.line(index + 1, width: 1.8)
    }
    for (index, name) in nulls(content).enumerated() { styles[name] = theme.nullLine(index) }
    return styles
  }

  /// Names of the nulls of all panels.
  private static func nulls(_ content: Content) -> [String] {
    var names: [String] = []
    for curve in content.similarity + content.drift
    where curve.isNull && !names.contains(curve.name) { names.append(curve.name) }
    return names
  }

  private static func legend(
    _ content: Content, _ styles: [String: Panel.LineStyle], _ theme: Theme
  ) -> [Figure.Key] {
    return (["network"] + content.equations).compactMap { name in
      styles[name].map { .init(name, $0) }
    } + nulls(content).compactMap { name in styles[name].map { .init("null: \(name)", $0) } }
  }

  private static func accuracy(_ accuracy: Accuracy, _ theme: Theme) -> Panel {
    let (batches, test, color) = (accuracy.batches, accuracy.test, theme.color(0))
    var marks: [Panel.Mark] =
      accuracy.chance.map { [.level($0, theme.null, "null: chance")] } ?? []
    marks += [
      .line(batches.x, TrainingFigure.smooth(batches.y), .init(color.opacity(0.4), width: 1)),
      .line(test.x, test.y, .init(color, width: 1.8)),
      .points(test.x, test.y, color, radius: 2.4, hollow: false),
    ]
    return Panel(
      title: "Right answers", x: .init(Scale(fitting: batches.x + test.x), title: "epoch"),
      y: .init(
        Scale(
          fitting: batches.y + test.y, including: [accuracy.chance ?? 0, 1]),
        title: "share of right answers"), marks: marks)
  }

  private static func similarity(
    _ curves: [Curve], _ styles: [String: Panel.LineStyle], _ theme: Theme
  ) -> Panel {
    var panel = Panel.curves(
      curves, title: "Attention maps against the network's", x: "layer", y: "cosine",
      scale: .likeness(
        curves.flatMap { $0.y + $0.lower + $0.upper }, including: [SimilarityFigure.claim]),
      theme: theme)
    panel.marks = (curves.filter(\.isNull) + curves.filter { !$0.isNull }).flatMap { curve in
      Panel.marks(of: curve, styles[curve.name] ?? theme.line(0))
    }
    panel.marks.append(
      .level(
        SimilarityFigure.claim, theme.foreground,
        "\(SimilarityFigure.claim), claimed for all layers"))
    return panel
  }

  private static func drift(
    _ curves: [Curve], _ styles: [String: Panel.LineStyle], _ theme: Theme
  ) -> Panel {
    var panel = Panel.curves(
      curves, title: "Distance from the embedding", x: "depth", y: "‖u\u{a0}−\u{a0}u₀‖/‖u₀‖",
      scale: .spread(curves.flatMap { $0.y + $0.lower + $0.upper }, including: [0]), theme: theme)
    panel.marks = curves.flatMap { Panel.marks(of: $0, styles[$0.name] ?? theme.line(0)) }
    return panel
  }

  private static func plane(
    _ plane: InformationPlaneFigure.Plane, _ times: [Double], _ theme: Theme
  ) -> Panel {
    InformationPlaneFigure.panel(plane, depthTimes: times, limit: nil, theme)
  }

  private static func caption(_ content: Content) -> String {
    var parts: [String] = []
    if content.accuracy != nil {
      parts.append("Answers: pale, running mean over batches; points, the test split.")
    }
    if !content.similarity.isEmpty {
      parts.append(
        "Maps: cosine on held-out samples, shaded 95 %, spaced by the distance from 1 where it comes near."
      )
    }
    if let plane = content.plane {
      parts.append(
        "Information (\(plane.estimator)): a path a depth over training, ring to disc, dark the embedding and light the last layer; grey rings, shuffled labels; \(content.informationSamples) samples."
          + (plane.saturated.contains(true)
            ? " Saturated at ln n = \(String(format: "%.2f", log(Double(max(content.informationSamples, 2))))) in \(plane.saturated.count { $0 }) of \(plane.saturated.count) depths."
            : ""))
    }
    if let (input, heads, sample) = content.input {
      parts.append(
        AttentionInputFigure.caption(input, heads, queries: content.queries, sample: sample))
    }
    return parts.joined(separator: " ")
  }
}
