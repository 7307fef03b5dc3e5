import Archive
import Console
import Dynamics
import Foundation
import Kernels
import Transformer

/// Perturbs held-out samples and archives how network and PDE respond over depth, sample by sample.
public struct PerturbRun {
  /// One kind of perturbation at one size.
  struct Condition: Sendable {
    enum Kind: String, Sendable { case noise, mask, swap }
    let kind: Kind
    let size: Double
  }

  private let run: TrainedRun
  private let fields: FittedFields?
  private let conditions: [Condition]
  private let samples: [Int]
  private let pool: WorkerPool
  private let progress: ProgressLine
  private static let chunk = 8

  /// What is left of an interrupted perturbation.
  public static let advice =
    "conditions that were finished are kept; go on with the same command and --resume"

  /// Opens the run, and the fields that were fitted to it, before anything is written.
  public init(
    _ name: String, fields: String?, settings: [String], threads: Int, progress: ProgressLine
  ) throws {
    let run = try TrainedRun(name, settings: settings)
    self.run = run
    self.fields = try fields.map { try FittedFields($0, of: run) }
    let perturbation = run.study.configuration.perturbation
    conditions =
      perturbation.noise.map { Condition(kind: .noise, size: $0) }
      + perturbation.mask.map { Condition(kind: .mask, size: $0) }
      + perturbation.swap.map { Condition(kind: .swap, size: $0) }
    guard !conditions.isEmpty else {
      throw UsageError("perturb: noise, mask and swap are all empty; give at least one size")
    }
    samples = run.study.captured
    pool = WorkerPool(threadCount: threads)
    self.progress = progress
  }

  /// Perturbs and seals `out`; returns the sealed file. Resuming goes on after the last condition that was committed.
  public func run(
    out: String, _ beginning: TrainRun.Beginning, limits: RecorderLimits = RecorderLimits()
  ) throws -> String {
    let inputs = [run.reader.path] + [fields?.reader.path].compactMap { $0 }
    try OutputGuard(inputs + run.study.configuration.inputs).check(archive: out)
    let (place, schema) = (RunPlace(out), try schema())
    for warning in try run.warnings() { progress.note(warning) }
    let plan = Resumption.Plan(
      beginning: beginning, anchor: Layout.Perturbation.size, limits: limits)
    guard let begun = try Resumption(place, schema, plan, progress: progress) else {
      return place.file
    }
    let recorder = begun.recorder
    do {
      let done =
        begun.isResumed
        ? try RunReader(place.folder).describe(Layout.Perturbation.size).shape[0] : 0
      if done > 0 { progress.note("resuming after condition \(done)") }
      recorder.write(Layout.Perturbation.trajectoryName, names)
      recorder.write(
        Layout.Perturbation.conditionName, conditions.map { "\($0.kind.rawValue) \($0.size)" })
      try begun.appendOnce(Layout.Samples.index, samples.map { Int32($0) })
      progress.begin("perturb")
      switch run.study.data {
      case .images(let set, let patches):
        try perturb(PatchSource(images: set, grid: patches), after: done, recorder)
      case .text(let passages): try perturb(passages, after: done, recorder)
      }
      progress.end("\(conditions.count) conditions, \(samples.count) samples")
      return try recorder.seal()
    } catch {
      recorder.abandon()
      throw error
    }
  }

  private var models: [FittedFields.Model] { fields?.models ?? [] }
  private var names: [String] { ["network"] + models.map(\.equation.model.rawValue) }

  private func perturb<Source: SampleSource<Float>>(
    _ source: Source, after done: Int, _ recorder: Recorder
  ) throws {
    let network = run.study.model
    let weights = try run.weights(run.checkpointCount() - 1)
    let workers = (0..<pool.threadCount).map { _ in
      PerturbWorker(network, run.layout, models, capacity: Self.chunk)
    }
    let items = (samples.count + Self.chunk - 1) / Self.chunk
    for (number, condition) in conditions.enumerated().dropFirst(done) {
      let response = PerturbResponse(
        trajectories: names.count, layers: network.layerCount, samples: samples.count)
      pool.forEach(items) { item, worker in
        let first = item * Self.chunk
        let part = Array(samples[first..<min(first + Self.chunk, samples.count)])
        workers[worker].respond(
          condition, part, from: source, weights, seed: run.study.configuration.seed,
          number: number, first: first, to: response)
      }
      try recorder.append(Layout.Perturbation.size, [condition.size])
      try recorder.append(Layout.Perturbation.growth, response.growth.array)
      try recorder.append(Layout.Perturbation.attentionChange, response.attention.array)
      try recorder.append(Layout.Perturbation.outputDivergence, response.divergence.array)
      try recorder.append(Layout.Perturbation.flipped, response.flipped.array)
      progress.update(
        number + 1, of: conditions.count, unit: "conditions",
        detail: "\(condition.kind.rawValue) \(Format.digits(condition.size))")
      try recorder.commit()
      try Interruption.check(Self.advice) { try recorder.finish() }
    }
  }

  private func schema() throws -> RunSchema {
    typealias Axis = ArraySchema.AxisSchema
    let layers = run.study.model.layerCount
    let condition = Axis.growing("condition")
    let trajectory = Axis("trajectory", names.count)
    let depth = Axis(
      "depth_time", layers + 1, coordinates: (0...layers).map { Double($0) / Double(layers) },
      longName: "depth-time, layer / layer count")
    let (layer, sample) = (Axis("layer", layers), Axis("sample", samples.count))
    func array(
      _ name: String, _ axes: [Axis], _ longName: String, units: String = "1"
    ) -> ArraySchema {
      ArraySchema(
        Layout.Perturbation.member(name), .float64, axes, longName: longName, units: units)
    }
    let arrays = [
      ArraySchema(Layout.Samples.index, .int32, [sample], longName: "position in the data set"),
      ArraySchema(
        Layout.Perturbation.trajectoryName, .utf8, [trajectory],
        longName: "the network, then PDE models"),
      ArraySchema(
        Layout.Perturbation.conditionName, .utf8, [Axis("condition_index", conditions.count)],
        longName: "kind and size of each perturbation"),
      array(
        "size", [condition],
        "noise: standard deviation over the stream's root mean square; else share of the positions"),
      array(
        "growth", [condition, trajectory, depth, sample],
        "length of the change of the state over that at depth 0"),
      array(
        "attention_change", [condition, trajectory, layer, sample],
        "half the summed change of an attention row, mean over heads and queries; NaN without attention"
      ),
      array(
        "output_divergence", [condition, sample],
        "Kullback-Leibler divergence of the perturbed output from the network's own", units: "nat"),
      array(
        "flipped", [condition, sample], "1 where the network's answer changes, share for text"),
    ]
    var schema = RunSchema(
      .fields, title: run.study.configuration.title, arrays: arrays,
      defaultGroup: Layout.Perturbation.group,
      provenance: Provenance(
        configuration: run.study.configuration.yaml, seed: run.study.configuration.seed,
        blasCore: BLASCore.name,
        sources: try [run.source()] + (fields.map { [try $0.reader.asSource()] } ?? [])))
    schema.explanation = Explanation([
      InputExplanation(run.study.data).part(), NetworkExplanation(run.study.model).part(),
      PerturbationExplanation().part(), RandomExplanation(run.study).generator(),
    ])
    return schema
  }
}

/// What one condition does, for all trajectories and samples.
final class PerturbResponse: @unchecked Sendable {
  let layers: Int, samples: Int
  /// `[trajectory, depth, sample]`, `[trajectory, layer, sample]`, `[sample]`, `[sample]`.
  let growth: Buffer<Double>, attention: Buffer<Double>
  let divergence: Buffer<Double>, flipped: Buffer<Double>

  init(trajectories: Int, layers: Int, samples: Int) {
    (self.layers, self.samples) = (layers, samples)
    growth = Buffer(trajectories * (layers + 1) * samples)
    attention = Buffer(trajectories * layers * samples)
    (divergence, flipped) = (Buffer(samples), Buffer(samples))
  }
}
