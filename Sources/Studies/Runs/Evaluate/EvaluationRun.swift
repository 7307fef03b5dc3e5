import Archive
import Console
import Foundation
import Kernels
import Metrics

/// Loss and accuracy of a network, beside those of an untrained one and of shuffled answers; and the loss on the way to another.
public struct EvaluationRun {
  /// What is evaluated with what.
  public struct Request: Sendable {
    /// Archive of the network, and number of its checkpoint from 0; nil for the last.
    public var network: String, checkpoint: Int?
    /// Samples for a network that others trained; nothing for one of ours, which has its test samples.
    public var data: CaptureInput.Names
    /// Right answers, see ``init(_:threads:progress:)``.
    public var targets: String?
    /// A second network, and the checkpoint there; nil for none.
    public var against: String?, againstCheckpoint: Int?
    /// Points on the way, both ends included.
    public var points: Int
    /// Seed of the nulls and of the bootstrap.
    public var seed: UInt64

    /// All fields.
    public init(
      network: String, checkpoint: Int?, data: CaptureInput.Names, targets: String?,
      against: String?, againstCheckpoint: Int?, points: Int, seed: UInt64
    ) {
      (self.network, self.checkpoint, self.data) = (network, checkpoint, data)
      (self.targets, self.against) = (targets, against)
      (self.againstCheckpoint, self.points, self.seed) = (againstCheckpoint, points, seed)
    }
  }

  /// One line of the result.
  private struct Row {
    let name: String
    /// Share of the way to the second network; NaN for a null.
    let fraction: Double
    let score: EvaluatedScore
  }

  private let evaluated: any Evaluated
  private let request: Request
  private let progress: ProgressLine

  /// Opens everything before anything is computed. Right answers are the next token of a causal network, or what `targets` names:
  /// tokens `[sample, position]`, negative where there is none, or classes `[sample]`.
  /// - Throws: `UsageError`, ``ArchiveError`` or ``CheckpointError`` for a network that is none, or data it does not take.
  public init(_ request: Request, threads: Int, progress: ProgressLine) throws {
    (self.request, self.progress) = (request, progress)
    let isPath = request.against != nil || request.againstCheckpoint != nil
    let against =
      isPath
      ? (name: request.against ?? request.network, checkpoint: request.againstCheckpoint) : nil
    let reader = try RunReader(request.network, expecting: [.run])
    if reader.contains(Layout.Network.configuration) {
      evaluated = try ImportedEvaluation(
        request.network, request.data, targets: request.targets, checkpoint: request.checkpoint,
        against: against, seed: request.seed, threads: threads)
    } else {
      guard request.data.isEmpty, request.targets == nil else {
        throw UsageError(
          "\(request.network) was trained here and is evaluated over the test samples of its data set; leave --tokens, --images, "
            + "--mask, --samples and --targets out")
      }
      evaluated = try TrainedEvaluation(
        request.network, checkpoint: request.checkpoint, against: against, seed: request.seed,
        threads: threads)
    }
  }

  /// The row of a checkpoint, from 0; the last when nil.
  static func row(
    _ wanted: Int?, of count: Int, _ path: String, option: String = "--checkpoint"
  ) throws -> Int {
    let row = wanted ?? count - 1
    guard (0..<count).contains(row) else {
      throw UsageError("\(option) \(row): \(path) has \(count), numbered from 0")
    }
    return row
  }

  private var isPath: Bool { request.against != nil || request.againstCheckpoint != nil }

  /// Evaluates; writes the metrics file `out` when it is named.
  public func run(out: String?, force: Bool) throws -> Report {
    progress.begin("evaluate")
    let fractions =
      isPath ? (0..<request.points).map { Double($0) / Double(request.points - 1) } : [0]
    var rows: [Row] = []
    for (index, fraction) in fractions.enumerated() {
      let name =
        fraction == 0 ? "network" : fraction == 1 ? "second network" : "between"
      rows.append(
        Row(
          name: name, fraction: fraction,
          score: try evaluated.score(.mixture(fraction), shuffled: false)))
      progress.update(index + 1, of: fractions.count + 2, unit: "passes", detail: name)
    }
    rows.append(
      Row(
        name: "shuffled", fraction: .nan,
        score: try evaluated.score(.mixture(0), shuffled: true)))
    rows.append(
      Row(
        name: "untrained", fraction: .nan,
        score: try evaluated.score(.untrained, shuffled: false)))
    progress.end("\(rows.count) passes")
    let losses = rows.prefix(fractions.count).map(\.score.loss)
    var report = report(rows, LossBarrier.height(losses, at: fractions))
    if let out { report.path = try write(rows, fractions, out, force) }
    return report
  }

  private func report(_ rows: [Row], _ barrier: Double) -> Report {
    var report = Report(
      "evaluate",
      [
        ("weights", "weights"), ("fraction", "fraction"), ("loss", "loss"),
        ("loss_lower", "2.5 %"), ("loss_upper", "97.5 %"), ("accuracy", "accuracy"),
        ("answers", "answers"),
      ])
    for row in rows {
      let interval = row.score.interval(seed: request.seed)
      report.add([
        .text(row.name), .number(row.fraction, digits: 2), .number(row.score.loss, digits: 5),
        .number(interval.lower, digits: 5), .number(interval.upper, digits: 5),
        .number(row.score.accuracy, digits: 4), .integer(row.score.count),
      ])
    }
    report.notes = [
      "loss: mean -ln of the right answer's probability, nats; 95 % by bootstrap over \(evaluated.blocks), seed \(request.seed).",
      "shuffled: each sample with the answers of the one after it. untrained: \(evaluated.untrained).",
    ]
    if isPath {
      report.notes.append(
        "barrier: \(Format.digits(barrier)), the highest loss on the straight line between the two less the chord between their losses."
      )
    }
    return report
  }

  private func write(
    _ rows: [Row], _ fractions: [Double], _ out: String, _ force: Bool
  ) throws -> String {
    typealias Axis = ArraySchema.AxisSchema
    func array(
      _ name: String, _ axis: Axis, _ values: [Double], _ longName: String, units: String = "1"
    ) -> CompleteArray {
      CompleteArray(
        Layout.Metrics.evaluation.member(name), [axis], .numbers(values), longName: longName,
        units: units)
    }
    let axis = Axis("fraction", fractions.count, coordinates: fractions)
    let null = Axis("null", rows.count - fractions.count)
    let way = Array(rows.prefix(fractions.count))
    let nulls = Array(rows.dropFirst(fractions.count))
    let intervals = way.map { $0.score.interval(seed: request.seed) }
    let losses = way.map(\.score.loss)
    let arrays = [
      array("loss", axis, losses, "mean -ln of the right answer's probability", units: "nat"),
      array("loss_lower", axis, intervals.map(\.lower), "2.5 % limit", units: "nat"),
      array("loss_upper", axis, intervals.map(\.upper), "97.5 % limit", units: "nat"),
      array("accuracy", axis, way.map(\.score.accuracy), "share of right answers on top"),
      array(
        "chord", axis,
        fractions.map { (1 - $0) * (losses.first ?? .nan) + $0 * (losses.last ?? .nan) },
        "loss on the chord between the ends", units: "nat"),
      array(
        "barrier", Axis("way", 1), [LossBarrier.height(losses, at: fractions)],
        "highest loss less the chord", units: "nat"),
      CompleteArray(
        Layout.Metrics.evaluation.member("null_name"), [null], .texts(nulls.map(\.name)),
        longName: "null"),
      array("loss_null", null, nulls.map(\.score.loss), "loss of the null", units: "nat"),
      array("accuracy_null", null, nulls.map(\.score.accuracy), "accuracy of the null"),
    ]
    let sources = try evaluated.sources()
    let second = request.against ?? (isPath ? request.network : "")
    let configuration =
      "analysis: evaluate\nseed: \(request.seed)\nnetwork: \(try Console.encode(request.network))\n"
      + "against: \(try Console.encode(second))\npoints: \(fractions.count)\n"
    return try Recorder.write(
      arrays, kind: .metrics, title: evaluated.title,
      provenance: Provenance(
        configuration: configuration, seed: request.seed, blasCore: BLASCore.name, sources: sources),
      to: RunPlace(out), replacing: force)
  }
}
