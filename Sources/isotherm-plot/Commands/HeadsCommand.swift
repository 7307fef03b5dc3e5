import Archive
import ArgumentParser
import Figures
import Foundation

/// `isotherm-plot heads METRICS -o OUT.png`
struct HeadsCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "heads", abstract: "Scores of every attention head, beside what chance gives.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm-analyze heads`"
  static let madeBy: String? = "isotherm-analyze heads RUN -o NAME"

  @OptionGroup var options: PlotOptions

  private static let scores = [
    ("induction", "Induction", "attention"), ("previous", "Previous position", "attention"),
    ("first", "First position", "attention"), ("ov_copying", "OV copying", "Σλ / Σ|λ|"),
    ("entropy", "Entropy of a row", "nat"), ("distance", "Distance of query and key", ""),
  ]

  /// What distances are counted in: patches of a grid, or places of a sequence.
  private static func unit(_ source: FigureSource, _ path: String) throws -> String {
    try source.reader.describe(path).longName.contains("patches") ? "patches" : "positions"
  }

  /// Names of files without what all of them share.
  private static func names(_ files: [String]) -> [String] {
    let names = files.map { file in
      file.components(separatedBy: " + ").map {
        URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent
      }.joined(separator: " + ")
    }
    return Set(names).count == files.count ? names : files
  }

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.heads.prefix
    try require(group + "head", source)
    func numbers(_ name: String) throws -> [Double] {
      source.reader.contains(group + name) ? try source.numbers(group + name).elements : []
    }
    let scores = try Self.scores.compactMap { name, title, axis -> HeadsFigure.Score? in
      let values = try numbers(name)
      guard values.contains(where: \.isFinite) else { return nil }
      return HeadsFigure.Score(
        title: title,
        axis: axis.isEmpty ? try Self.unit(source, group + name) : axis, values: values,
        lower: try numbers(name + "_lower"),
        upper: try numbers(name + "_upper"), null: try numbers(name + "_null"),
        untrained: try numbers(name + "_untrained"), isTwoSided: name == "ov_copying")
    }
    let files = try source.texts(group + "file")
    var networks: [String] = []
    for file in files where !networks.contains(file) { networks.append(file) }
    return HeadsFigure.make(
      scores, layers: try source.integers(group + "layer"),
      network: files.map { networks.firstIndex(of: $0) ?? 0 },
      networks: networks.count > 1 ? Self.names(networks) : [],
      samples: try source.samples(group + "layer"), title: "Heads: \(source.reader.title)",
      theme: options.theme.theme)
  }
}
