import Archive
import Arrays
import Console
import Foundation
import Metrics

/// Means over samples, with intervals, of every condition and trajectory.
package struct PerturbationAnalysis: Analysis {
  private struct Value {
    let mean: Double, lower: Double, upper: Double
  }
  private let conditions: [String]
  private let trajectories: [String]
  private let sizes: [Double]
  private let depths: Int
  private let samples: Int
  /// ln growth, `[condition][trajectory][depth]`.
  private let growth: [[[Value]]]
  /// Mean over layers, `[condition][trajectory]`.
  private let attention: [[Double]]
  private let divergence: [Value]
  private let flipped: [Value]
  /// Samples of each condition that were changed at all.
  private let changed: [Int]
  /// Those of them whose growth at the last depth is not finite, `[condition][trajectory]`.
  private let broken: [[Int]]

  package init(_ reader: RunReader, seed: UInt64) throws {
    // Conditions that all arrays have: while they are made some may be a row ahead.
    let count =
      try ["growth", "attention_change", "output_divergence", "flipped"].map {
        try reader.writtenRows(Layout.Perturbation.member($0))
      }.min() ?? 0
    guard count > 0 else {
      throw ArchiveError(
        .layout, "\(reader.path): holds no perturbation yet; wait for its first commit")
    }
    let raw: NDArray<Double> = try reader.read(Layout.Perturbation.growth)
    let maps: NDArray<Double> = try reader.read(Layout.Perturbation.attentionChange)
    let outputs: NDArray<Double> = try reader.read(Layout.Perturbation.outputDivergence)
    let flips: NDArray<Double> = try reader.read(Layout.Perturbation.flipped)
    trajectories = try reader.readTexts(Layout.Perturbation.trajectoryName)
    sizes = Array(
      try reader.read(Layout.Perturbation.size, as: Double.self).elements.prefix(count))
    let names = try reader.readTexts(Layout.Perturbation.conditionName)
    let each = raw.shape[1]
    let (depths, samples) = (raw.shape[2], raw.shape[3])
    conditions = Array(names.prefix(count))
    (self.depths, self.samples) = (depths, samples)
    let values = (0..<count).map { condition in
      (0..<each).map { trajectory in
        (0..<depths).map { depth in
          let start = ((condition * each + trajectory) * depths + depth) * samples
          return Array(raw.elements[start..<start + samples])
        }
      }
    }
    growth = Self.logs(values, seed)
    attention = (0..<count).map { condition in
      (0..<each).map { trajectory in
        let size = maps.shape[2] * samples
        let start = (condition * each + trajectory) * size
        return maps.elements[start..<start + size].reduce(0, +) / Double(size)
      }
    }
    divergence = (0..<count).map { Self.summary(outputs.row($0).elements, seed) }
    flipped = (0..<count).map { Self.summary(flips.row($0).elements, seed) }
    changed = Self.changed(values)
    broken = Self.broken(values)
  }

  /// What captures say, clean and perturbed: of the network alone.
  package init(_ captures: CapturedPerturbation, seed: UInt64) {
    (conditions, sizes, trajectories) = (captures.names, captures.sizes, ["network"])
    (depths, samples) = (captures.depths, captures.samples)
    let values = captures.growth.map { [$0] }
    growth = Self.logs(values, seed)
    attention = captures.attention.map { layers in
      let all = layers.flatMap { $0 }
      return [all.isEmpty ? .nan : all.reduce(0, +) / Double(all.count)]
    }
    divergence = captures.divergence.map { Self.summary($0, seed) }
    flipped = captures.flipped.map { Self.summary($0, seed) }
    changed = Self.changed(values)
    broken = Self.broken(values)
  }

  private static func summary(_ values: [Double], _ seed: UInt64) -> Value {
    let finite = values.filter(\.isFinite)
    guard !finite.isEmpty else { return Value(mean: .nan, lower: .nan, upper: .nan) }
    let interval = Bootstrap(count: finite.count, repetitions: 400, seed: seed)
      .interval(ofMean: finite)
    return Value(
      mean: finite.reduce(0, +) / Double(finite.count), lower: interval.lower,
      upper: interval.upper)
  }

  /// ln growth, `[condition][trajectory][depth]`, of growth by sample.
  private static func logs(_ values: [[[[Double]]]], _ seed: UInt64) -> [[[Value]]] {
    values.map { $0.map { $0.map { summary($0.map { log($0) }, seed) } } }
  }

  private static func changed(_ values: [[[[Double]]]]) -> [Int] {
    values.map { ($0.first?.first ?? []).filter(\.isFinite).count }
  }

  /// Depth 0 says whether a sample was changed: of one that was not the growth is no number at any.
  private static func broken(_ values: [[[[Double]]]]) -> [[Int]] {
    values.map { trajectories in
      trajectories.map { depths in
        zip(depths.first ?? [], depths.last ?? []).filter { $0.isFinite && !$1.isFinite }.count
      }
    }
  }

  package func report() -> Report {
    var report = Report(
      "perturbation",
      [
        ("condition", "perturbation"), ("trajectory", "trajectory"), ("growth", "growth"),
        ("exponent", "exponent"), ("lower", "2.5 %"), ("upper", "97.5 %"),
        ("attention_change", "attention change"), ("output_divergence", "KL of output"),
        ("flipped", "answers changed"), ("samples", "samples"),
      ])
    for (c, condition) in conditions.enumerated() {
      for (t, trajectory) in trajectories.enumerated() {
        guard let last = growth[c][t].last else { continue }
        report.add([
          .text(condition), .text(trajectory), .number(exp(last.mean), digits: 2),
          .number(last.mean, digits: 3), .number(last.lower, digits: 3),
          .number(last.upper, digits: 3), .number(attention[c][t], digits: 4),
          .number(t == 0 ? divergence[c].mean : .nan, digits: 4),
          .number(t == 0 ? flipped[c].mean : .nan, digits: 3), .integer(changed[c]),
        ])
      }
    }
    report.notes = [
      "exponent: mean of ln(‖δu(1)‖/‖δu(0)‖) over the samples that were changed at all, 95 % over samples; growth: its exponential. "
        + "attention change: half the summed change of a row, mean over layers, heads, queries and samples."
    ]
    for (condition, counts) in zip(conditions, broken) {
      for (trajectory, count) in zip(trajectories, counts) where count > 0 {
        report.notes.append(
          "\(condition), \(trajectory): the change of \(count) samples is not finite at the last depth; they are not in the means."
        )
      }
    }
    return report
  }

  package func arrays() -> [CompleteArray] {
    typealias Axis = ArraySchema.AxisSchema
    let condition = Axis("condition", conditions.count)
    let trajectory = Axis("trajectory", trajectories.count)
    let depth = Axis.depthTime(depths)
    let group = MetricGroup(analysis: .perturbation, samples: samples)
    let all = growth.flatMap { $0.flatMap { $0 } }
    return [
      group.texts(
        "condition_name", condition, conditions, "kind and size of each perturbation"),
      group.texts("trajectory_name", trajectory, trajectories, "the network, then PDE models"),
      group.numbers("size", [condition], sizes, "size of each perturbation"),
      group.numbers(
        "log_growth", [condition, trajectory, depth], all.map(\.mean),
        "mean over samples of ln of the change over that at depth 0"),
      group.numbers(
        "log_growth_lower", [condition, trajectory, depth], all.map(\.lower), "2.5 % limit"),
      group.numbers(
        "log_growth_upper", [condition, trajectory, depth], all.map(\.upper), "97.5 % limit"),
      group.numbers(
        "not_finite", [condition, trajectory], broken.flatMap { $0.map(Double.init) },
        "samples that were changed, and whose change is not finite at the last depth"),
      group.numbers(
        "attention_change", [condition, trajectory], attention.flatMap { $0 },
        "half the summed change of an attention row, mean over everything"),
      group.numbers(
        "output_divergence", [condition], divergence.map(\.mean),
        "Kullback-Leibler divergence of the network's perturbed output from its own", units: "nat"),
      group.numbers(
        "flipped", [condition], flipped.map(\.mean), "share of the network's answers that change"),
    ]
  }
}
