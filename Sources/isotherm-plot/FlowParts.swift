import Archive
import ArgumentParser
import Arrays
import Figures

/// `isotherm-plot correlation METRICS -o OUT.png`
struct CorrelationCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "correlation", abstract: "Correlation of successive states, network and PDE.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm-analyze flow`"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.flow.prefix
    try source.require(
      group + "correlation", "`isotherm-analyze flow RUN FIELDS -o NAME` makes flow metrics")
    let curves = try source.flowCurves("correlation", first: 1)
    let samples = try source.samples(group + "state_error")
    return CorrelationFigure.make(
      curves, samples: samples, title: "Successive states: \(source.reader.title)",
      theme: options.theme.theme)
  }
}

/// `isotherm-plot cka METRICS -o OUT.png`
struct AlignmentCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "cka", abstract: "Similarity of every two depths, network and PDE.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm-analyze flow`"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.flow.prefix
    try source.require(
      group + "cka", "`isotherm-analyze flow RUN FIELDS -o NAME` makes flow metrics")
    let maps = try source.numbers(group + "cka", axes: 3)
    let names = try source.texts(group + "trajectory_name")
    let samples = try source.samples(group + "state_error")
    return AlignmentFigure.make(
      names.indices.map { maps.row($0).elements }, names: names, depths: maps.shape[1],
      samples: samples, title: "CKA over depth: \(source.reader.title)",
      theme: options.theme.theme)
  }
}

/// `isotherm-plot drift METRICS -o OUT.png`
struct DriftCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "drift",
    abstract: "Distance from the embedding over depth, and how far positions stay apart.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm-analyze flow`"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.flow.prefix
    try source.require(
      group + "drift", "`isotherm-analyze flow RUN FIELDS -o NAME` makes flow metrics")
    let measures = try [
      ("drift", "Drift", "‖u − u₀‖/‖u₀‖", [0.0]),
      ("cosine_first", "Direction", "cos(u, u₀)", [0, 1]),
      ("position_spread", "Positions apart", "‖u − ū‖/‖u‖", [0, 1]),
    ].map { name, title, axis, including in
      DriftFigure.Measure(
        title: title, axis: axis, curves: try source.flowCurves(name, first: 0),
        including: including)
    }
    let samples = try source.samples(group + "state_error")
    return DriftFigure.make(
      measures, samples: samples, title: "Drift: \(source.reader.title)",
      theme: options.theme.theme)
  }
}

/// `isotherm-plot skill METRICS -o OUT.png`
struct SkillCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "skill", abstract: "Skill of each equation against the strongest null.")
  static let kinds: [RunSchema.Kind] = [.metrics]
  static let takes = "metrics of `isotherm-analyze attention`"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    let group = Layout.Metrics.attention.prefix
    try source.require(
      group + "raw_cosine/skill",
      "`isotherm-analyze attention RUN FIELDS -o NAME` makes attention metrics")
    let measures = try [
      ("raw_cosine", "raw cosine"), ("centred_cosine", "centred cosine"),
      ("rank_correlation", "rank correlation"),
    ].map { name, title in
      SkillFigure.Measure(
        title: title, value: try source.numbers(group + name + "/skill", axes: 2).rows,
        lower: try source.numbers(group + name + "/skill_lower", axes: 2).rows,
        upper: try source.numbers(group + name + "/skill_upper", axes: 2).rows)
    }
    let isNull = try source.numbers(group + "candidate_is_null").elements
    let names = try source.texts(group + "candidate_name")
    let samples = try source.samples(group + "raw_cosine/value")
    return SkillFigure.make(
      measures, models: names.indices.filter { isNull[$0] == 0 }.map { names[$0] },
      parameters: try source.integers(group + "parameter_count"),
      layers: try source.integers(group + "raw_cosine/layer"),
      samples: samples, title: "Skill: \(source.reader.title)", theme: options.theme.theme)
  }
}

extension FigureSource {
  /// A measure of flow metrics as a curve a trajectory, with its interval; depths count from `first`.
  func flowCurves(_ name: String, first: Int) throws -> [Curve] {
    let path = Layout.Metrics.flow.prefix + name
    let value = try numbers(path, axes: 2).rows
    let (lower, upper) = (
      try numbers(path + "_lower", axes: 2).rows, try numbers(path + "_upper", axes: 2).rows
    )
    return try texts(Layout.Metrics.flow.member("trajectory_name")).enumerated().map { i, name in
      Curve(
        name, value[i].indices.map { Double($0 + first) }, value[i], lower: lower[i],
        upper: upper[i])
    }
  }
}
