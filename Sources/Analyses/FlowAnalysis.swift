import Archive
import Arrays
import Console
import Metrics

/// The residual stream over depth, of the network and of the PDE models fitted to it.
package struct FlowAnalysis: Analysis {
  /// One trajectory: the network's or a model's.
  struct Trajectory {
    let name: String
    /// Mean norm of each position, `[depth][position]`.
    var norms: [[Double]] = []
    /// Correlation of each state with the one before, `[layer][sample]`.
    var correlations: [[Double]] = []
    /// CKA of every pair of depths, biased and debiased.
    var alignment: [[Double]] = [], debiased: [[Double]] = []
    /// Relative squared error against the network, `[depth][sample]`.
    var errors: [[Double]] = []
    /// ‖u - u₀‖/‖u₀‖ and cos(u, u₀) against the first state, and ‖u - 1ū‖/‖u‖, each `[depth][sample]`.
    var drift: [[Double]] = [], cosineFirst: [[Double]] = [], spread: [[Double]] = []
    /// Samples whose state is not finite, `[depth]`.
    var broken: [Int] = []
    /// The first state as CKA takes it.
    var kernel: CenteredKernelAlignment?
  }

  let depths: Int
  let samples: Int
  let grid: (rows: Int, columns: Int)
  /// Whether samples have positions that are padding.
  let isPadded: Bool
  private(set) var trajectories: [Trajectory] = []
  private let bootstrap: Bootstrap
  private let unfinished: [String]

  package init(_ run: RunContent, _ fields: [RunReader], seed: UInt64) throws {
    var run = run
    try run.choose(fields)
    let taps = try run.reader.residualTaps()
    isPadded = run.isPadded
    depths = taps.count
    let checkpoint = run.steps.count - 1
    let fitted = try FittedModels(fields, "u")
    unfinished = fitted.unfinished
    if let first = fields.first, fitted.names.isEmpty, unfinished.isEmpty {
      throw ArchiveError(
        .layout, "\(first.path): holds no fitted fields; `isotherm fit` makes them")
    }
    let available = try run.reader.describe(taps[0].path).shape
    samples = fitted.names.isEmpty ? available[1] : fitted.samples
    let positions = available[2]
    let lengths = run.lengths(positions: positions)
    grid = try run.grid(positions: positions)
    bootstrap = Bootstrap(count: samples, seed: seed)
    let network = try taps.map { try run.residual($0, checkpoint: checkpoint).prefix(samples) }
    trajectories = [Self.follow("network", network, against: network, positions, lengths)]
    for model in fitted.names {
      let states = try (0..<depths).map { depth -> NDArray<Float> in
        let state = try fitted.values(of: model, depth)
        guard state.count == network[depth].count else {
          throw ArchiveError(
            .layout,
            "\(try fitted.place(model)): expected \(network[depth].count) values a depth, found "
              + "\(state.count)")
        }
        return state.reshaped(network[depth].shape)
      }
      trajectories.append(Self.follow(model, states, against: network, positions, lengths))
    }
  }

  private static func follow(
    _ name: String, _ states: [NDArray<Float>], against network: [NDArray<Float>],
    _ positions: Int, _ lengths: [Int]?
  ) -> Trajectory {
    var trajectory = Trajectory(name: name)
    trajectory.norms = states.map { StateComparison.positionNorm($0, positions: positions) }
    trajectory.correlations = zip(states, states.dropFirst()).map(StateComparison.correlation)
    trajectory.broken = states.map(Notes.brokenCount)
    let kernels = states.map { CenteredKernelAlignment($0) }
    trajectory.kernel = kernels.first
    trajectory.alignment = kernels.map { a in kernels.map { a.alignment(with: $0) } }
    trajectory.debiased = kernels.map { a in kernels.map { a.debiasedAlignment(with: $0) } }
    if let first = states.first {
      trajectory.drift = states.map { StateComparison.drift($0, from: first) }
      trajectory.cosineFirst = states.map { StateComparison.cosine($0, first) }
    }
    trajectory.spread = states.map {
      StateComparison.positionSpread($0, positions: positions, lengths: lengths)
    }
    trajectory.errors = zip(states, network).map { StateComparison.relativeError($0, $1) }
    return trajectory
  }

  private func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(max(values.count, 1))
  }

  package func report() -> Report {
    var columns: [(key: String, title: String)] = [
      ("trajectory", "trajectory"), ("depth", "depth"), ("norm", "norm"),
      ("correlation", "correlation"),
    ]
    columns += [
      ("cka_first", "CKA with 0"), ("cka_first_debiased", "debiased"), ("error", "state error"),
      ("error_lower", "2.5 %"),
      ("error_upper", "97.5 %"),
    ]
    var report = Report("flow", columns)
    for trajectory in trajectories {
      for depth in 0..<depths {
        let interval = bootstrap.interval(ofMean: trajectory.errors[depth])
        report.add([
          .text(trajectory.name), .integer(depth),
          .number(mean(trajectory.norms[depth]), digits: 2),
          .number(depth == 0 ? .nan : mean(trajectory.correlations[depth - 1]), digits: 3),
          .number(trajectory.alignment[depth][0], digits: 3),
          .number(trajectory.debiased[depth][0], digits: 3),
          .number(mean(trajectory.errors[depth]), digits: 4), .number(interval.lower, digits: 4),
          .number(interval.upper, digits: 4),
        ])
      }
    }
    report.notes = isPadded ? ["padding counts as 0, in means too."] : []
    report.notes += [
      "norm: mean over samples and positions. correlation: with the state one layer before. "
        + "state error: relative squared error against the network, 95 % over samples."
    ]
    report.notes += Notes.bias(trajectories.first?.kernel)
    report.notes += trajectories.compactMap { trajectory in
      Notes.broken(
        trajectory.name, "states",
        trajectory.broken.enumerated().map { ("depth \($0.offset)", $0.element) }, of: samples)
    }
    report.notes += Notes.unfinished(unfinished)
    return report
  }

  package func arrays() -> [CompleteArray] {
    typealias Axis = ArraySchema.AxisSchema
    let count = trajectories.count
    let trajectory = Axis("trajectory", count)
    let depth = Axis.depthTime(depths)
    let other = Axis.depthTime(depths, name: "depth_time_other")
    let layer = Axis("layer", depths - 1)
    let group = MetricGroup(analysis: .flow, samples: samples)
    let errors = trajectories.flatMap { $0.errors.map { bootstrap.interval(ofMean: $0) } }
    let correlations = trajectories.flatMap {
      $0.correlations.map { bootstrap.interval(ofMean: $0) }
    }
    func withInterval(
      _ name: String, _ values: (Trajectory) -> [[Double]], _ longName: String
    ) -> [CompleteArray] {
      let all = trajectories.flatMap(values)
      let intervals = all.map { bootstrap.interval(ofMean: $0) }
      return [
        group.numbers(name, [trajectory, depth], all.map(mean), longName + ", mean over samples"),
        group.numbers("\(name)_lower", [trajectory, depth], intervals.map(\.lower), "2.5 % limit"),
        group.numbers(
          "\(name)_upper", [trajectory, depth], intervals.map(\.upper), "97.5 % limit"),
      ]
    }
    let drift =
      withInterval("drift", \.drift, "distance from the first state over its norm")
      + withInterval("cosine_first", \.cosineFirst, "cosine with the first state")
      + withInterval(
        "position_spread", \.spread,
        "distance of the positions from their mean over the norm; 0 at rank collapse")
    return drift + [
      group.texts(
        "trajectory_name", trajectory, trajectories.map(\.name), "the network, then PDE models"),
      group.numbers(
        "position_norm", [trajectory, depth, Axis("y", grid.rows), Axis("x", grid.columns)],
        trajectories.flatMap { $0.norms.flatMap { $0 } },
        "norm of the residual stream at each position, mean over samples"),
      group.numbers(
        "cka", [trajectory, depth, other],
        trajectories.flatMap { $0.alignment.flatMap { $0 } }, "linear CKA of two depths"),
      group.numbers(
        "cka_debiased", [trajectory, depth, other],
        trajectories.flatMap { $0.debiased.flatMap { $0 } },
        "linear CKA of two depths from the unbiased HSIC"),
      group.numbers(
        "not_finite", [trajectory, depth], trajectories.flatMap { $0.broken.map(Double.init) },
        "samples whose state is not finite"),
      group.numbers(
        "state_error", [trajectory, depth], trajectories.flatMap { $0.errors.map(mean) },
        "relative squared error against the network, mean over samples"),
      group.numbers("state_error_lower", [trajectory, depth], errors.map(\.lower), "2.5 % limit"),
      group.numbers("state_error_upper", [trajectory, depth], errors.map(\.upper), "97.5 % limit"),
      group.numbers(
        "correlation", [trajectory, layer],
        trajectories.flatMap { $0.correlations.map(mean) },
        "correlation of the states before and after a layer, mean over samples"),
      group.numbers(
        "correlation_lower", [trajectory, layer], correlations.map(\.lower), "2.5 % limit"),
      group.numbers(
        "correlation_upper", [trajectory, layer], correlations.map(\.upper), "97.5 % limit"),
    ]
  }
}
