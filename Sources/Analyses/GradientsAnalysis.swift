import Archive
import Arrays
import Console
import Foundation
import Metrics

/// Norms of gradients, of the network and of equations that learned the task.
package struct GradientsAnalysis: Analysis {
  private struct Trajectory {
    let name: String
    /// Mean over samples of ln ‖∂ℓ/∂u‖, `[checkpoint][depth]`.
    let states: [[Double]]
    /// Norm of the gradient of all parameters at each step.
    let parameters: [Double]
    /// Samples without a finite logarithm, `[checkpoint][depth]`: the gradient is 0 to the last bit, or not finite.
    let broken: [[Int]]

    /// Steps whose gradient is not finite.
    var brokenSteps: Int { parameters.filter { !$0.isFinite }.count }
  }

  private let trajectories: [Trajectory]
  private let depths: Int
  private let samples: Int
  /// ln of the gradient norm of each layer's parameters, `[layer][step]`.
  private let layers: [[Double]]
  private let unfinished: [String]

  package init(_ run: RunContent, _ fields: RunReader?) throws {
    let (models, unfinished) = try fields?.learners() ?? ([], [])
    self.unfinished = unfinished
    guard run.reader.contains(Layout.Gradients.norm) else {
      throw ArchiveError(
        .layout,
        "\(run.reader.path): holds no \(Layout.Gradients.norm), the gradients of each layer's parameters at every step, which only a "
          + "network in training has: of captures no gradients are analysed")
    }
    let norms: NDArray<Double> = try run.reader.read(Layout.Gradients.norm)
    layers = (0..<norms.shape[1]).map { layer in
      (0..<norms.shape[0]).map { step in
        let row = norms.row(step).row(layer).elements
        return log(row.reduce(0) { $0 + $1 * $1 }.squareRoot())
      }
    }
    var found: [Trajectory] = []
    let network = try Self.network(run)
    depths = network.states.first?.count ?? 0
    found.append(network)
    for model in models {
      guard let fields else { continue }
      let values: NDArray<Double> = try fields.read(Layout.Training(model).gradientNorm)
      // A sample whose loss is 0 to the last bit has no logarithm.
      let logs = (0..<values.shape[0]).map { checkpoint in
        (0..<values.shape[1]).map { depth in
          values.row(checkpoint).row(depth).elements.map { log($0) }
        }
      }
      found.append(
        Trajectory(
          name: model, states: logs.map { $0.map(\.finiteMean) },
          parameters: try fields.read(Layout.FitProgress(model).gradientNorm, as: Double.self)
            .elements,
          broken: logs.map { $0.map(\.brokenCount) }))
    }
    trajectories = found
    samples = try run.reader.describe(Self.paths(layers: 0)[0]).shape[1]
  }

  /// Gradients by the residual stream, by depth.
  private static func paths(layers: Int) -> [String] {
    TapName.depths(layers: layers, isGradient: true).map(\.path)
  }

  private static func network(_ run: RunContent) throws -> Trajectory {
    let paths = paths(layers: try run.reader.describe(Layout.Gradients.norm).shape[1])
    for path in paths where !run.reader.contains(path) {
      throw ArchiveError(
        .layout,
        "\(run.reader.path): \(path) is missing; train with capture.taps containing "
          + "\"gradient.residual.0.pre\" and \"gradient.residual.*.post\"")
    }
    let logs = try run.steps.indices.map { checkpoint in
      try paths.map { path -> [Double] in
        let values: NDArray<Float> = try run.reader.readRow(path, checkpoint)
        return StateComparison.norm(values).map { log($0) }
      }
    }
    return Trajectory(
      name: "network", states: logs.map { $0.map(\.finiteMean) },
      parameters: try run.reader.read(Layout.Progress.gradientNorm, as: Double.self).elements,
      broken: logs.map { $0.map(\.brokenCount) })
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.filter(\.isFinite).sorted()
    return sorted.isEmpty ? .nan : sorted[sorted.count / 2]
  }

  /// ln of the gradient at the first state over that at the last.
  private func slope(_ states: [Double]) -> Double {
    (states.first ?? .nan) - (states.last ?? .nan)
  }

  package func report() -> Report {
    var report = Report(
      "gradients",
      [
        ("trajectory", "trajectory"), ("checkpoint", "checkpoint"), ("first", "‖∂ℓ/∂u‖ at t = 0"),
        ("last", "t = 1"), ("ratio", "ratio"), ("parameters", "parameters, median"),
      ])
    for trajectory in trajectories {
      for checkpoint in [0, trajectory.states.count - 1] where checkpoint >= 0 {
        let states = trajectory.states[checkpoint]
        report.add([
          .text(trajectory.name), .integer(checkpoint),
          .number(exp(states.first ?? .nan), digits: 5),
          .number(exp(states.last ?? .nan), digits: 5),
          .number(exp(slope(states)), digits: 3),
          .number(Self.median(trajectory.parameters), digits: 4),
        ])
      }
    }
    report.notes = [
      "‖∂ℓ/∂u‖: geometric mean over \(samples) held-out samples of the gradient of each one's own loss; ratio: t = 0 over t = 1, above 1 when "
        + "gradients grow on their way back. parameters: global norm before clipping, median over steps."
    ]
    report.notes += trajectories.flatMap(notes) + Notes.unfinished(unfinished, "learned")
    return report
  }

  /// What the means and medians of a trajectory are without.
  private func notes(_ trajectory: Trajectory) -> [String] {
    var notes: [String] = []
    if trajectory.brokenSteps > 0 {
      notes.append(
        "\(trajectory.name): diverged; the gradients of \(trajectory.brokenSteps) of \(trajectory.parameters.count) steps are not "
          + "finite and not in the median.")
    }
    for (checkpoint, counts) in trajectory.broken.enumerated() {
      guard let worst = counts.max(), worst > 0 else { continue }
      notes.append(
        "\(trajectory.name), checkpoint \(checkpoint): up to \(worst) of \(samples) samples have a gradient that is 0 or not finite; "
          + "they are not in the mean.")
    }
    return notes
  }

  package func arrays() -> [CompleteArray] {
    typealias Axis = ArraySchema.AxisSchema
    let trajectory = Axis("trajectory", trajectories.count)
    let depth = Axis.depthTime(depths)
    let layer = Axis("layer", layers.count)
    let group = MetricGroup(analysis: .gradients, samples: samples)
    var arrays = [
      group.texts(
        "trajectory_name", trajectory, trajectories.map(\.name),
        "the network, then equations that learned the task"),
      group.numbers(
        "log_state_first", [trajectory, depth], trajectories.flatMap { $0.states.first ?? [] },
        "mean over samples of ln of the norm of the loss's gradient with respect to the state, before training"
      ),
      group.numbers(
        "log_state_last", [trajectory, depth], trajectories.flatMap { $0.states.last ?? [] },
        "mean over samples of ln of the norm of the loss's gradient with respect to the state, last checkpoint"
      ),
      group.numbers(
        "log_ratio_first", [trajectory], trajectories.map { slope($0.states.first ?? []) },
        "ln of the gradient at t = 0 over that at t = 1, before training"),
      group.numbers(
        "log_ratio_last", [trajectory], trajectories.map { slope($0.states.last ?? []) },
        "ln of the gradient at t = 0 over that at t = 1, last checkpoint"),
      group.numbers(
        "parameter_norm", [trajectory], trajectories.map { Self.median($0.parameters) },
        "global norm of the parameters' gradient before clipping, median over steps"),
      group.numbers(
        "not_finite_steps", [trajectory], trajectories.map { Double($0.brokenSteps) },
        "steps whose gradient is not finite, left out of the median"),
      group.numbers(
        "not_finite_last", [trajectory, depth],
        trajectories.flatMap { ($0.broken.last ?? []).map(Double.init) },
        "samples whose gradient is 0 or not finite, left out of the mean, last checkpoint"),
      group.numbers(
        "layer_log_norm", [layer], layers.map(\.finiteMean),
        "ln of the norm of the gradient of a layer's parameters, mean over steps"),
      group.numbers(
        "layer_log_spread", [layer],
        layers.map { values in
          let mean = values.finiteMean
          return values.map { ($0 - mean) * ($0 - mean) }.finiteMean.squareRoot()
        }, "standard deviation over steps of ln of the norm of the gradient of a layer's parameters"
      ),
    ]
    let counts = Set(trajectories.map(\.states.count))
    if let count = counts.first, counts.count == 1 {
      arrays.append(
        group.numbers(
          "log_state", [trajectory, Axis("checkpoint", count), depth],
          trajectories.flatMap { $0.states.flatMap { $0 } },
          "mean over samples of ln of the norm of the loss's gradient with respect to the state"))
    }
    return arrays
  }
}
