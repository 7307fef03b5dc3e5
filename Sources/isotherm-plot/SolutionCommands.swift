import Archive
import ArgumentParser
import Arrays
import Console
import Figures

/// `isotherm-plot field SOLUTION -o OUT.png`
struct FieldCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "field", abstract: "A field over time: space and time, or snapshots.")
  static let kinds: [RunSchema.Kind] = [.fields]
  static let takes = "a solution of `isotherm integrate`"

  @OptionGroup var options: PlotOptions

  @Option(help: "Channel of a field of several.")
  var channel = 0

  func make(_ source: FigureSource) throws -> Figure {
    let (solution, snapshots, rows, columns) = try content(source)
    return FieldFigure.make(
      snapshots, rows: rows, columns: columns, times: solution.times, energy: solution.energy,
      mass: solution.mass, ending: solution.ending, title: source.reader.title,
      theme: options.theme.theme)
  }

  /// Every snapshot, on one scale of colours.
  func frames(_ source: FigureSource) throws -> [() throws -> Figure] {
    let (solution, snapshots, rows, columns) = try content(source)
    let domain = FieldFigure.domain(of: snapshots)
    return zip(snapshots, solution.times).map { values, time in
      {
        FieldFigure.frame(
          values, rows: rows, columns: columns, domain: domain,
          time: "t = \(FieldFigure.short(time))", title: source.reader.title,
          theme: options.theme.theme)
      }
    }
  }

  private typealias Content = (
    solution: Solution, snapshots: [[Double]], rows: Int, columns: Int
  )

  private func content(_ source: FigureSource) throws -> Content {
    let solution = try Solution(source)
    guard !solution.axes.contains("token"), !solution.axes.contains("moment") else {
      throw ArchiveError(
        .layout,
        "\(source.reader.path): holds tokens, not a field; `isotherm-plot phase` draws them")
    }
    let isPlane = solution.axes.contains("y")
    let channels = solution.axes.contains("channel") ? solution.u.shape.last ?? 1 : 1
    guard (0..<channels).contains(channel) else {
      throw UsageError("--channel \(channel): the field has channels 0 to \(channels - 1)")
    }
    let (rows, columns) =
      isPlane ? (solution.u.shape[1], solution.u.shape[2]) : (1, solution.u.shape[1])
    let snapshots = (0..<solution.times.count).map { snapshot in
      stride(from: channel, to: rows * columns * channels, by: channels).map {
        solution.u.elements[snapshot * rows * columns * channels + $0]
      }
    }
    return (solution, snapshots, rows, columns)
  }
}

/// `isotherm-plot phase SOLUTION -o OUT.png`
struct PhaseCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "phase", abstract: "Tokens under attention: paths, spread and energy.")
  static let kinds: [RunSchema.Kind] = [.fields]
  static let takes = "a solution of `isotherm integrate`"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let solution = try Solution(source)
    guard solution.axes.contains("token") else {
      throw ArchiveError(
        .layout, "\(source.reader.path): holds no tokens; `isotherm-plot field` draws fields")
    }
    let positions = (0..<solution.times.count).map { solution.u.row($0).elements }
    let dimension = solution.u.shape[2]
    let isSphere = stride(from: 0, to: positions[0].count, by: dimension).allSatisfy { token in
      let square = positions[0][token..<token + dimension].reduce(0) { $0 + $1 * $1 }
      return abs(square - 1) < 1e-9
    }
    return PhaseFigure.make(
      positions, dimension: dimension, times: solution.times, isSphere: isSphere,
      energy: solution.energy, ending: solution.ending, title: source.reader.title,
      theme: options.theme.theme)
  }
}

/// What `isotherm integrate` archived.
struct Solution {
  let u: NDArray<Double>
  let times: [Double]
  /// Names of u's axes after the first.
  let axes: [String]
  let energy: [Double]
  let mass: [Double]
  /// How it ended, in words.
  let ending: String

  init(_ source: FigureSource) throws {
    let group = Layout.Fields.solution.path + "/"
    try source.require(group + "u", "`isotherm integrate PROBLEM.yaml -o NAME` makes solutions")
    u = try source.numbers(group + "u")
    times = try source.numbers(group + "time").elements
    axes = try source.reader.describe(group + "u").axes.dropFirst().map(\.name)
    energy =
      source.reader.contains(group + "energy")
      ? try source.numbers(group + "energy").elements : []
    mass = try source.numbers(group + "mass").elements
    ending =
      source.reader.contains(Layout.Outcome.message)
      ? try source.texts(Layout.Outcome.message).first ?? "" : ""
    guard times.count > 1 else {
      throw ArchiveError(
        .layout, "\(source.reader.path): has \(times.count) snapshots; at least 2 are drawn")
    }
  }
}

/// `isotherm-plot terms FIELDS|SOLUTION -o OUT.png`
struct TermsCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "terms", abstract: "Size and share of diffusion, attention and reaction.")
  static let kinds: [RunSchema.Kind] = [.fields]
  static let takes = "fields of `isotherm fit`, or a solution"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    if source.reader.contains(Layout.Fields.solution.termSize) { return try solution(source) }
    let models = try source.reader.names(in: Layout.Fields.group).filter {
      source.reader.contains(Layout.Fields($0).termSize)
    }
    guard !models.isEmpty else {
      throw ArchiveError(
        .layout,
        "\(source.reader.path): holds no term sizes; fit a model with attention by this version")
    }
    let equations = try models.map { model in
      // [term, layer, sample]
      let sizes = try source.numbers(Layout.Fields(model).termSize, axes: 3)
      let (layers, samples) = (sizes.shape[1], sizes.shape[2])
      let terms = ["diffusion", "attention", "reaction"].enumerated().map { term, name in
        Curve(
          name, (0..<layers).map(Double.init),
          (0..<layers).map { layer in
            let start = (term * layers + layer) * samples
            return sizes.elements[start..<start + samples].reduce(0, +) / Double(max(samples, 1))
          })
      }
      return TermsFigure.Equation(name: model, terms: terms)
    }
    return TermsFigure.make(
      equations, x: "layer's depth-time",
      caption:
        "Root mean square over positions and channels of each term of the right-hand side, mean over held-out samples. Terms "
        + "may point against each other, so shares are of the sum of sizes, not of the rate.",
      title: "Terms: \(source.reader.title)", theme: options.theme.theme)
  }

  private func solution(_ source: FigureSource) throws -> Figure {
    let sizes = try source.numbers(Layout.Fields.solution.termSize, axes: 2).rows
    let times = try source.numbers(Layout.Fields.solution.time).elements
    let names =
      try source.reader.attribute(Layout.Fields.solution.termSize, "flag_meanings")?.text?
      .split(separator: " ").map(String.init) ?? []
    let terms = names.enumerated().map { index, name in
      Curve(name, times, sizes.map { $0[index] })
    }
    return TermsFigure.make(
      [.init(name: "solution", terms: terms)], x: "time",
      caption:
        "Root mean square over the field of each term. Terms may point against each other, so shares are of the sum of sizes, "
        + "not of the rate.", title: "Terms: \(source.reader.title)", theme: options.theme.theme)
  }
}

/// `isotherm-plot convergence VERIFICATION -o OUT.png`
struct ConvergenceCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "convergence", abstract: "Observed orders of steppers beside the theoretical.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "a table of `isotherm verify dynamics -o`"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.verification.prefix
    try source.require(group + "name", "`isotherm verify dynamics -o NAME` makes verifications")
    let names = try source.texts(group + "name")
    let chosen = names.indices.filter { names[$0].hasPrefix("order in ") }
    guard !chosen.isEmpty else {
      throw ArchiveError(
        .layout,
        "\(source.reader.path): no orders are among its rows; `isotherm verify dynamics -o NAME` has them"
      )
    }
    func pick(_ name: String) throws -> [Double] {
      let values = try source.numbers(group + name).elements
      return chosen.map { values[$0] }
    }
    return ConvergenceFigure.make(
      chosen.map { String(names[$0].dropFirst("order in ".count)) },
      expected: try pick("expected"), found: try pick("found"), tolerance: try pick("tolerance"),
      title: "Orders of convergence", theme: options.theme.theme)
  }
}
