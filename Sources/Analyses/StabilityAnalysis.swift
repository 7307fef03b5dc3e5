import Archive
import Arrays
import Console
import Foundation
import Metrics

/// Drift, growth and collapse of the states, and how the training went.
package struct StabilityAnalysis: Analysis {
  /// Means over samples, `[depth]`.
  private struct States {
    var drift: [Double] = [], cosine: [Double] = [], spread: [Double] = [], growth: [Double] = []
    var alignment: [Double] = [], debiased: [Double] = []
    /// Samples whose state is not finite, which are in none of the means.
    var broken: [Double] = []
    /// The first state as CKA takes it.
    var kernel: CenteredKernelAlignment?

    init(_ states: [NDArray<Float>], positions: Int, lengths: [Int]?) {
      guard let first = states.first else { return }
      let kernel = CenteredKernelAlignment(first)
      self.kernel = kernel
      for state in states {
        let other = CenteredKernelAlignment(state)
        alignment.append(kernel.alignment(with: other))
        debiased.append(kernel.debiasedAlignment(with: other))
        broken.append(Double(Notes.brokenCount(state)))
        drift.append(StateComparison.drift(state, from: first).finiteMean)
        cosine.append(StateComparison.cosine(state, first).finiteMean)
        spread.append(
          StateComparison.positionSpread(state, positions: positions, lengths: lengths).finiteMean)
        let norms = zip(StateComparison.norm(state), StateComparison.norm(first))
        let ratios = norms.map { pair in log(pair.0 / pair.1) }
        growth.append(ratios.finiteMean)
      }
    }
  }

  private struct Trajectory {
    let name: String
    /// Before training, and at the last checkpoint.
    let first: States, last: States
    let losses: [Double], gradients: [Double]
    let accuracy: Double, parameters: Int

    /// Whether a loss or a gradient was not finite, or states that were captured in the end are not.
    var hasDiverged: Bool {
      !(losses + gradients).allSatisfy(\.isFinite) || last.broken.contains { $0 > 0 }
    }

    /// Steps, of a thousand, whose loss lies more than 5 robust standard deviations above the median of the 50 before.
    var spikes: Double {
      let window = 50
      guard losses.count > window else { return .nan }
      let count = (window..<losses.count).filter { step in
        let before = losses[step - window..<step].sorted()
        let median = before[window / 2]
        let deviation = before.map { abs($0 - median) }.sorted()[window / 2]
        return !(losses[step] <= median + 5 * 1.4826 * deviation)
      }.count
      return 1000 * Double(count) / Double(losses.count - window)
    }

    /// Largest gradient norm over the median.
    var peak: Double {
      let sorted = gradients.filter(\.isFinite).sorted()
      guard let last = sorted.last else { return .nan }
      return hasDiverged ? .infinity : last / sorted[sorted.count / 2]
    }
  }

  private let trajectories: [Trajectory]
  private let depths: Int
  private let samples: Int
  private let unfinished: [String]

  package init(_ run: RunContent, _ fields: RunReader?) throws {
    let taps = try run.reader.residualTaps()
    depths = taps.count
    let (models, unfinished) = try fields?.learners() ?? ([], [])
    self.unfinished = unfinished
    let shape = try run.reader.describe(taps[0].path).shape
    samples =
      try models.first.map { try fields?.describe(Layout.Training($0).u).shape[2] ?? 0 } ?? shape[1]
    let (positions, samples) = (shape[2], samples)
    let lengths = run.lengths(positions: positions).map { Array($0.prefix(samples)) }
    func states(_ checkpoint: Int) throws -> States {
      States(
        try taps.map { try run.residual($0, checkpoint: checkpoint).prefix(samples) },
        positions: positions, lengths: lengths)
    }
    let reader = run.reader
    var found = [
      Trajectory(
        name: "network", first: try states(0), last: try states(run.steps.count - 1),
        losses: try reader.read(Layout.Progress.loss, as: Double.self).elements,
        gradients: try reader.read(Layout.Progress.gradientNorm, as: Double.self).elements,
        accuracy: try reader.read(Layout.Checkpoints.testAccuracy, as: Double.self)
          .elements[run.steps.count - 1],
        parameters: try Self.count(reader, Layout.Checkpoints.parameters, skipping: 1))
    ]
    for model in models {
      guard let fields else { continue }
      let path = Layout.Training(model).u
      let shape = try fields.describe(path).shape
      func states(_ checkpoint: Int) throws -> States {
        States(
          try (0..<shape[1]).map { depth in
            let count = [1, 1] + shape.dropFirst(2)
            let start = [checkpoint, depth] + shape.dropFirst(2).map { _ in 0 }
            let values: NDArray<Float> = try fields.read(path, start: start, count: count)
            return NDArray(
              shape: [shape[2], positions, shape[shape.count - 1]], elements: values.elements)
          }, positions: positions, lengths: lengths)
      }
      found.append(
        Trajectory(
          name: model, first: try states(0), last: try states(fields.writtenRows(path) - 1),
          losses: try fields.read(Layout.FitProgress(model).taskLoss, as: Double.self).elements,
          gradients: try fields.read(Layout.FitProgress(model).gradientNorm, as: Double.self)
            .elements,
          accuracy: try fields.read(Layout.Fields(model).testAccuracy, as: Double.self).elements
            .first
            ?? .nan,
          parameters: try Self.count(fields, Layout.Fields(model).parameters, skipping: 0)))
    }
    trajectories = found
  }

  /// Number of parameters below a group.
  private static func count(_ reader: RunReader, _ group: String, skipping: Int) throws -> Int {
    try reader.paths(below: group).reduce(0) {
      $0 + (try reader.describe($1).shape.dropFirst(skipping).reduce(1, *))
    }
  }

  package func report() -> Report {
    var report = Report(
      "stability",
      [
        ("trajectory", "trajectory"), ("parameters", "parameters"), ("accuracy", "accuracy"),
        ("diverged", "diverged"), ("spikes", "spikes"), ("peak", "gradient peak"),
        ("drift_first", "drift before"), ("drift_last", "drift"), ("cosine_last", "cosine"),
        ("growth_last", "growth"), ("spread_first", "spread before"), ("spread_last", "spread"),
        ("cka_debiased_last", "debiased CKA"),
      ])
    for item in trajectories {
      report.add([
        .text(item.name), .integer(item.parameters), .number(item.accuracy, digits: 4),
        .text(item.hasDiverged ? "yes" : "no"), .number(item.spikes, digits: 1),
        .number(item.peak, digits: 1), .number(item.first.drift.last ?? .nan, digits: 2),
        .number(item.last.drift.last ?? .nan, digits: 2),
        .number(item.last.cosine.last ?? .nan, digits: 3),
        .number(exp(item.last.growth.last ?? .nan), digits: 2),
        .number(item.first.spread.last ?? .nan, digits: 4),
        .number(item.last.spread.last ?? .nan, digits: 4),
        .number(item.last.debiased.last ?? .nan, digits: 3),
      ])
    }
    report.notes = [
      "Of the last depth, means over \(samples) held-out samples, before training and at its end. drift: ‖u - u₀‖/‖u₀‖; growth: ‖u‖/‖u₀‖ (geometric "
        + "mean); spread: ‖u - 1ū‖/‖u‖, 0 at rank collapse. spikes: of 1000 steps, those whose loss lies 5 robust standard deviations above the "
        + "median of the 50 before. gradient peak: largest norm over the median. debiased CKA: with the first state, from the unbiased HSIC."
    ]
    for item in trajectories {
      for (states, when) in [(item.first, "before training"), (item.last, "at the end")] {
        let counts = states.broken.enumerated().map { ("depth \($0.offset)", Int($0.element)) }
        report.notes +=
          Notes.broken(
            "\(item.name), \(when)", "states", counts, of: samples,
            so: "they are in none of the means, and CKA is not a number"
          ).map { [$0] } ?? []
      }
      guard item.hasDiverged else { continue }
      let broken = [item.losses.brokenCount, item.gradients.brokenCount]
      report.notes.append(
        "\(item.name): diverged; \(broken[0]) of \(item.losses.count) losses and \(broken[1]) of \(item.gradients.count) gradients "
          + "are not finite.")
    }
    report.notes += Notes.unfinished(unfinished, "learned")
    return report
  }

  package func arrays() -> [CompleteArray] {
    typealias Axis = ArraySchema.AxisSchema
    let trajectory = Axis("trajectory", trajectories.count)
    let depth = Axis.depthTime(depths)
    let group = MetricGroup(analysis: .stability, samples: samples)
    func curve(
      _ name: String, _ values: KeyPath<States, [Double]>, _ longName: String
    ) -> [CompleteArray] {
      let ends: [(String, KeyPath<Trajectory, States>, String)] = [
        ("first", \.first, "before training"), ("last", \.last, "at the last checkpoint"),
      ]
      return ends.flatMap { end, states, when in
        [
          group.numbers(
            "\(name)_\(end)", [trajectory, depth],
            trajectories.flatMap { $0[keyPath: states][keyPath: values] }, "\(longName), \(when)"),
          // The last depth alone compares networks of different depths.
          group.numbers(
            "final_\(name)_\(end)", [trajectory],
            trajectories.map { $0[keyPath: states][keyPath: values].last ?? .nan },
            "\(longName), last depth, \(when)"),
        ]
      }
    }
    return [
      group.texts(
        "trajectory_name", trajectory, trajectories.map(\.name),
        "the network, then equations that learned the task"),
      group.numbers(
        "test_accuracy", [trajectory], trajectories.map(\.accuracy),
        "share of the test split classified rightly at the end"),
      group.numbers(
        "parameter_count", [trajectory], trajectories.map { Double($0.parameters) },
        "number of parameters"),
      group.numbers(
        "diverged", [trajectory], trajectories.map { $0.hasDiverged ? 1 : 0 },
        "1 when a loss, a gradient or a state at the end was not finite"),
      group.numbers(
        "spikes", [trajectory], trajectories.map(\.spikes),
        "loss spikes of 1000 steps: 5 robust standard deviations above the median of the 50 before"),
      group.numbers(
        "gradient_peak", [trajectory], trajectories.map(\.peak),
        "largest norm of the parameters' gradient over the median"),
    ] + curve("drift", \.drift, "‖u - u₀‖/‖u₀‖, mean over samples")
      + curve("cosine", \.cosine, "cosine with the first state, mean over samples")
      + curve("cka", \.alignment, "linear CKA with the first state over samples")
      + curve(
        "cka_debiased", \.debiased,
        "linear CKA with the first state over samples, from the unbiased HSIC")
      + curve("not_finite", \.broken, "samples whose state is not finite")
      + curve("spread", \.spread, "‖u - 1ū‖/‖u‖, 0 at rank collapse, mean over samples")
      + curve("log_growth", \.growth, "ln of ‖u‖/‖u₀‖, mean over samples")
  }
}
