import Console
import Dynamics
import Foundation

/// A problem file: a field or tokens, the terms of its equation, where it starts and how it is integrated.
public struct ProblemConfiguration: Sendable {
  /// What evolves.
  public enum State: Sendable {
    /// Cells of a grid.
    case grid(rows: Int, columns: Int, spacing: Double, boundary: Boundary, channels: Int)
    /// Tokens of attention.
    case tokens(count: Int, dimension: Int, isSphere: Bool)
    /// A normal distribution of tokens, infinitely many, by its mean and variance along each coordinate.
    case gaussian(mean: [Double], variance: [Double])
  }

  /// Where it starts.
  public enum Initial: Sendable {
    /// mean + amplitude · noise: normal, or tokens drawn evenly from the sphere.
    case random(amplitude: Double, mean: Double)
    /// mean + amplitude · a mode of the boundary with these half-waves (periodic: waves) down and across.
    case mode(amplitude: Double, mean: Double, waves: (y: Int, x: Int))
    /// mean + amplitude · e^{-r²/2 radius²} around the middle.
    case spot(amplitude: Double, mean: Double, radius: Double)
    /// mean + amplitude left of a share of the columns, mean right of it.
    case front(amplitude: Double, mean: Double, share: Double)
    /// Tokens along the coordinate axes, one each.
    case orthogonal
    /// Numbers of a dataset, `FILE:/dataset`.
    case file(String)
  }

  /// How it is integrated.
  public struct Time: Sendable {
    /// End, longest step, and largest error of a step under step control, of how far the field has gone.
    public var end: Double, step: Double, tolerance: Double
    /// Method.
    public var stepper: Integration.Method
    /// Snapshots after the first.
    public var snapshots: Int
    /// Whether the terms are an acceleration, and whether a step beyond the stability limit is taken all the same.
    public var isSecondOrder: Bool, allowsUnstable: Bool
  }

  /// One line for people.
  public var title: String
  /// Seed of every random number.
  public var seed: UInt64
  /// What evolves.
  public var state: State
  /// The terms.
  public var terms: [FieldTerm]
  /// Where it starts.
  public var initial: Initial
  /// How it is integrated.
  public var time: Time
  /// Whether each term's field, and attention's weights, are archived with every snapshot.
  public var recordsTerms: Bool, recordsMaps: Bool
  /// The text it was read from, `--set` assignments put in front.
  public let source: String

  /// Reads a problem file, with `--set` assignments put in.
  /// - Throws: ``Console/UsageError`` naming the key, what is allowed, and the nearest known key.
  public init(path: String, settings: [String] = []) throws {
    let text = try ConfigurationText.read(path, what: "problem file")
    try self.init(yaml: text, name: path, settings: settings)
  }

  /// Reads a problem from YAML text; `name` stands in messages.
  public init(yaml: String, name: String, settings: [String] = []) throws {
    let root = try ConfigurationReader(yaml: yaml, name: name, settings: settings)
    source = settings.map { "# --set \($0)\n" }.joined() + yaml
    title = try root.text("title", "untitled")
    seed = UInt64(try root.integer("seed", 1, 0...Int.max))
    state = try Self.state(root)
    time = try Self.time(root.section("time"))
    try state.checkMemory(time.stepper)
    initial = try Self.initial(root.section("initial"), state)
    let record = try root.section("record")
    recordsTerms = try record.flag("terms", false)
    recordsMaps = try record.flag("maps", false)
    try record.finish()
    terms = []
    for item in try root.items("terms") ?? [] {
      guard let reader = item.reader else {
        throw UsageError("terms: expected {kind: …}, found \(item.text ?? "")")
      }
      do {
        terms.append(try Self.term(reader, state, seed))
      } catch let error as ProblemError {
        throw UsageError("terms: \(error.message)")
      }
      try reader.finish()
    }
    try root.finish()
    guard !terms.isEmpty else {
      throw UsageError(
        "terms: at least one is needed: diffusion, convection, reaction or attention")
    }
    if case .gaussian = state, terms.count > 1 {
      throw UsageError("terms: a Gaussian measure takes one attention term")
    }
  }

  /// Numbers of the state, and how many make a cell or token.
  var size: (count: Int, channels: Int) { state.size }

  // MARK: - Parts

  private static func state(_ root: ConfigurationReader) throws -> State {
    let (grid, tokens, gaussian) = (root.has("grid"), root.has("tokens"), root.has("gaussian"))
    guard [grid, tokens, gaussian].filter({ $0 }).count == 1 else {
      throw UsageError("expected one of grid, tokens and gaussian: what evolves")
    }
    if grid {
      let reader = try root.section("grid")
      let state = State.grid(
        rows: try reader.integer("rows", 1, 1...16384),
        columns: try reader.integer("columns", nil, 1...1 << 22),
        spacing: try reader.number("spacing", 1, 1e-9...1e9),
        boundary: try reader.choice("boundary", .periodic),
        channels: try reader.integer("channels", 1, 1...4096))
      try reader.finish()
      return state
    }
    if tokens {
      let reader = try root.section("tokens")
      let state = State.tokens(
        count: try reader.integer("count", nil, 1...20_000),
        dimension: try reader.integer("dimension", nil, 1...4096),
        isSphere: try reader.flag("sphere", true))
      try reader.finish()
      return state
    }
    let reader = try root.section("gaussian")
    let mean = try reader.numbers("mean", -1e30...1e30) ?? [0]
    let variance = try reader.numbers("variance", 0...1e30) ?? mean.map { _ in 1 }
    guard mean.count == variance.count else {
      throw UsageError(
        "gaussian.variance: \(variance.count) numbers for the \(mean.count) of gaussian.mean")
    }
    try reader.finish()
    return .gaussian(mean: mean, variance: variance)
  }

  private static func time(_ reader: ConfigurationReader) throws -> Time {
    let isSecondOrder = try reader.flag("second_order", false)
    guard reader.has("end") else { throw UsageError("time.end: is missing; when does it stop?") }
    let end = try reader.number("end", 1, 1e-12...1e12)
    let stepper: Integration.Method = try reader.choice(
      "stepper", isSecondOrder ? .leapfrog : .dopri5)
    let time = Time(
      end: end, step: try reader.number("step", end / 1000, 1e-15...1e12),
      tolerance: try reader.number("tolerance", 1e-9, 1e-14...0.1), stepper: stepper,
      snapshots: try reader.integer("snapshots", 100, 1...1_000_000), isSecondOrder: isSecondOrder,
      allowsUnstable: try reader.flag("allow_unstable", false))
    try reader.finish()
    return time
  }

  private static func initial(_ reader: ConfigurationReader, _ state: State) throws -> Initial {
    let kinds: [String]
    switch state {
    case .grid: kinds = ["random", "mode", "spot", "front", "file"]
    case .tokens: kinds = ["random", "orthogonal", "file"]
    case .gaussian:
      try reader.finish()
      return .random(amplitude: 0, mean: 0)
    }
    let kind = try reader.choice("kind", "random", kinds)
    func amplitude() throws -> Double { try reader.number("amplitude", 1, -1e30...1e30) }
    func mean() throws -> Double { try reader.number("mean", 0, -1e30...1e30) }
    let initial: Initial
    switch kind {
    case "random": initial = .random(amplitude: try amplitude(), mean: try mean())
    case "mode":
      let waves = try reader.numbers("waves", 0...1e6) ?? [0, 1]
      guard waves.count == 2, waves.allSatisfy({ $0 == $0.rounded() }) else {
        throw UsageError("initial.waves: expected [down, across], for example [0, 3]")
      }
      initial = .mode(
        amplitude: try amplitude(), mean: try mean(), waves: (Int(waves[0]), Int(waves[1])))
    case "spot":
      initial = .spot(
        amplitude: try amplitude(), mean: try mean(),
        radius: try reader.number("radius", 1, 1e-9...1e9))
    case "front":
      initial = .front(
        amplitude: try amplitude(), mean: try mean(), share: try reader.number("share", 0.1, 0...1))
    case "orthogonal": initial = .orthogonal
    default: initial = .file(try reader.text("dataset", nil))
    }
    try reader.finish()
    return initial
  }

  private static func term(
    _ reader: ConfigurationReader, _ state: State, _ seed: UInt64
  ) throws -> FieldTerm {
    let kind = try reader.choice(
      "kind", "diffusion", ["diffusion", "convection", "reaction", "attention"])
    guard case .grid(let rows, let columns, let spacing, let boundary, let channels) = state else {
      guard kind == "attention" else {
        throw UsageError("terms: \(kind) is for grids; tokens and gaussian take attention alone")
      }
      let attention = try attention(reader, state)
      guard case .gaussian = state else { return .attention(attention) }
      guard GaussianMeasure.supports(attention) else {
        throw UsageError(
          "terms: a normal distribution stays one under softmax, and under relative l2 and sinkhorn kernels, "
            + "without masks")
      }
      return .measure(GaussianMeasure(attention))
    }
    let grid = FieldGrid(rows: rows, columns: columns)
    switch kind {
    case "diffusion":
      let values = try reader.numbers("diffusivity", 0...1e12) ?? [1]
      let diffusivity: Diffusivity
      switch values.count {
      case 1: diffusivity = .uniform(values[0])
      case channels: diffusivity = .perChannel(values)
      case rows * columns: diffusivity = .perPosition(values)
      default:
        throw UsageError(
          "terms: diffusivity: \(values.count) numbers; expected 1, \(channels) for the channels or "
            + "\(rows * columns) for the cells")
      }
      return .diffusion(
        try DiffusionOperator(
          grid, boundary, spacing: spacing, diffusivity: diffusivity, channels: channels,
          order: try reader.integer("order", 2, 2...4)))
    case "convection":
      let velocity = try reader.numbers("velocity", -1e9...1e9) ?? [0, 0]
      guard velocity.count == 2 else {
        throw UsageError("terms: velocity: expected [down, across], for example [0, 1]")
      }
      return .convection(
        Convection(
          grid, boundary, spacing: spacing, velocity: (velocity[0], velocity[1]),
          channels: channels,
          isUpwind: try reader.choice("scheme", "upwind", ["upwind", "central"]) == "upwind"))
    case "reaction":
      if reader.has("polynomial") {
        return .reaction(.polynomial(try reader.numbers("polynomial", -1e12...1e12) ?? []))
      }
      if reader.has("hidden") {
        let hidden = try reader.integer("hidden", nil, 1...65536)
        let scale = try reader.number("scale", 1, 0...1e6)
        return .reaction(
          .perceptron(.init(random: channels, hidden: hidden, scale: scale, seed: seed)))
      }
      return .reaction(
        .logistic(
          rate: try reader.number("rate", 1, -1e9...1e9),
          capacity: try reader.number("capacity", 1, 1e-12...1e12)))
    default: return .attention(try attention(reader, state))
    }
  }

  private static func attention(
    _ reader: ConfigurationReader, _ state: State
  ) throws -> TokenAttention {
    var (dimension, isSphere, tokens) = (1, false, Int.max)
    switch state {
    case .grid(let rows, let columns, _, _, let channels):
      (dimension, tokens) = (channels, rows * columns)
    case .tokens(let count, let width, let sphere):
      (dimension, isSphere, tokens) = (width, sphere, count)
    case .gaussian(let mean, _): dimension = mean.count
    }
    let kernel: TokenAttention.Kernel = try reader.choice("kernel", .softmax)
    let length = reader.has("length") ? try reader.integer("length", nil, 1...tokens) : nil
    return try TokenAttention(
      kernel, sharpness: try reader.number("sharpness", 1, -1e6...1e6),
      strength: try reader.number("strength", 1, -1e6...1e6), dimension: dimension,
      isSphere: isSphere,
      isRelative: try reader.flag("relative", kernel == .l2 || kernel == .sinkhorn),
      isCausal: try reader.flag("causal", false), length: length)
  }
}
