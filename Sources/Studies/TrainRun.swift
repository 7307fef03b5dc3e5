import Archive
import Arrays
import Console
import Foundation
import Kernels
import Transformer

/// Trains the encoder of a study and archives everything it sees.
public struct TrainRun {
  private let study: ImageStudy
  private let taps: [(tap: Tap, samples: Int)]
  private let pool: WorkerPool
  private let progress: ProgressLine

  /// What a run comes to.
  public struct Outcome: Sendable {
    /// The sealed file.
    public var path: String
    /// Share of the test split classified rightly at the end.
    public var testAccuracy: Double
    /// Samples a second while training, capture and checkpoints left out.
    public var samplesPerSecond: Double
  }

  /// Loads the data and checks the whole configuration, before anything is written.
  public init(_ configuration: StudyConfiguration, threads: Int, progress: ProgressLine) throws {
    study = try ImageStudy(configuration)
    taps = try study.taps()
    pool = WorkerPool(threadCount: threads)
    self.progress = progress
    if let warning = BLASCore.warning { progress.note("warning: " + warning) }
    switch configuration.capture.type {
    case "float16":
      progress.note(
        "warning: float16 has 11 significant bits and ends at 65,504, and netCDF4-python crashes on it "
          + "(`isotherm-archive export --to netcdf` widens it)")
    case "bfloat16":
      progress.note(
        "warning: bfloat16 has 8 significant bits, and netCDF readers refuse it "
          + "(`isotherm-archive export --to netcdf` widens it)")
    default: break
    }
  }

  /// What the run will write: path, shape, bytes before compression.
  public func plan() -> [(path: String, shape: [Int], bytes: Int)] {
    let steps = stepsPerEpoch * study.configuration.training.epochs
    return schema().arrays.map { array in
      let grows = array.path.hasPrefix("/progress") ? steps : checkpointCount
      let shape = array.shape(rows: grows)
      return (array.path, shape, shape.reduce(1, *) * (array.type.byteCount ?? 16))
    }
  }

  private var checkpointCount: Int { study.configuration.training.epochs + 1 }
  private var stepsPerEpoch: Int {
    let batch = study.configuration.training.batch
    return (study.set.trainIndices.count + batch - 1) / batch
  }

  private func schema() -> RunSchema {
    RunSchema(
      .run, title: study.configuration.title,
      arrays: TrainSchema.arrays(study, ParameterLayout(study.model), taps),
      defaultGroup: "/progress",
      provenance: Provenance(
        configuration: study.configuration.yaml, seed: study.configuration.seed,
        blasCore: BLASCore.name, sources: [study.set.source]))
  }

  /// What to do about an archive of that name.
  public enum Beginning: Sendable {
    /// Refuse when there is one.
    case new
    /// Replace it.
    case replacing
    /// Go on from its last checkpoint; begin anew when there is none.
    case resuming
  }

  /// Trains and seals `out`. Resuming from a checkpoint gives the bits of a run that was never interrupted.
  public func run(
    out: String, _ beginning: Beginning, keepParts: Bool, limits: RecorderLimits = RecorderLimits()
  ) throws -> Outcome {
    let place = RunPlace(out)
    if beginning == .resuming, place.isSealed { return try complete(place) }
    let resumed =
      beginning == .resuming
      ? try Recorder.resume(
        place, schema(), anchor: Self.anchor, limits: limits, onEvent: progress.recorderEvents)
      : nil
    let recorder =
      try resumed
      ?? Recorder(
        place, schema(), replacing: beginning == .replacing, anchor: Self.anchor, limits: limits,
        onEvent: progress.recorderEvents)
    do {
      let outcome = try train(recorder, resuming: resumed != nil)
      let path = try recorder.seal(keepingParts: keepParts)
      return Outcome(
        path: path, testAccuracy: outcome.accuracy, samplesPerSecond: outcome.speed)
    } catch {
      recorder.abandon()
      throw error
    }
  }

  /// A run goes on from the last commit that holds a whole checkpoint.
  private static let anchor = "/checkpoints/step"

  /// What a run that needs no resuming came to. Killed between sealing and removing the parts, it left the folder.
  private func complete(_ place: RunPlace) throws -> Outcome {
    let reader = try RunReader(place.file, expecting: [.run])
    let accuracy = try reader.read("/checkpoints/test_accuracy", as: Double.self).elements.last
    if place.hasFolder { try FileManager.default.removeItem(atPath: place.folder) }
    progress.note("\(place.file) is complete already; nothing to resume")
    return Outcome(path: place.file, testAccuracy: accuracy ?? .nan, samplesPerSecond: 0)
  }

  private func train(
    _ recorder: Recorder, resuming: Bool
  ) throws -> (accuracy: Double, speed: Double) {
    let configuration = study.configuration
    let trainer = Trainer<Float>(
      study.model, configuration.training.optimizer, batch: configuration.training.batch,
      seed: configuration.seed, pool: pool)
    recorder.write("/classes/name", study.set.classNames)
    let total = stepsPerEpoch * configuration.training.epochs
    let began = Date()
    var (busy, seen) = (0.0, 0)
    var (accuracy, first) = (0.0, 0)
    if resuming {
      (accuracy, first) = try restore(trainer, from: recorder.place)
      progress.note("resuming after epoch \(first)")
    } else {
      try writeSamples(recorder)
      accuracy = try checkpoint(trainer, recorder, epoch: 0)
    }
    progress.begin("train")
    for epoch in first..<configuration.training.epochs {
      var random = Philox(
        seed: configuration.seed, purpose: .shuffling, index: UInt64(epoch))
      let order = random.permutation(study.set.trainIndices.count).map {
        study.set.trainIndices[$0]
      }
      for start in stride(from: 0, to: order.count, by: configuration.training.batch) {
        let batch = order[start..<min(start + configuration.training.batch, order.count)]
        let step = trainer.optimizer.stepCount
        let rate = configuration.training.optimizer.rate(step: step, total: total)
        let clock = Date()
        let report = trainer.step(batch, from: study.source, rate: rate)
        busy += Date().timeIntervalSince(clock)
        seen += batch.count
        guard report.loss.isFinite, report.gradientNorm.isFinite else {
          throw TrainError.nonFinite(step: step + 1)
        }
        let passes = Double(epoch) + Double(start + batch.count) / Double(order.count)
        try record(report, step + 1, passes, Date().timeIntervalSince(began), recorder)
        progress.update(
          seen, of: order.count * (configuration.training.epochs - first), unit: "samples",
          detail: "loss \(Format.fixed(report.loss, 3))")
        try recorder.tick()
        try Interruption.check(
          "everything up to step \(step + 1) is kept in \(recorder.place.folder); "
            + "go on with the same command and --resume"
        ) { try recorder.finish() }
      }
      accuracy = try checkpoint(trainer, recorder, epoch: epoch + 1)
    }
    let speed = busy > 0 ? Double(seen) / busy : 0
    progress.end(
      "test accuracy \(Format.fixed(100 * accuracy, 1)) %, \(Format.short(speed)) samples/s")
    return (accuracy, speed)
  }

  private func record(
    _ report: StepReport, _ step: Int, _ epoch: Double, _ seconds: Double, _ recorder: Recorder
  ) throws {
    try recorder.append("/progress/loss", [report.loss])
    try recorder.append("/progress/accuracy", [report.accuracy])
    try recorder.append("/progress/learning_rate", [report.rate])
    try recorder.append("/progress/gradient_norm", [report.gradientNorm])
    if study.model.bottleneck != nil {
      try recorder.append("/progress/information_bound", [report.informationBound])
    }
    try recorder.append("/progress/epoch", [epoch])
    try recorder.append("/progress/seconds", [seconds])
    try recorder.append("/progress/step", [Int32(step)])
  }

  private func writeSamples(_ recorder: Recorder) throws {
    let (set, captured) = (study.set, study.captured)
    let size = set.size.height * set.size.width
    try recorder.append("/samples/index", captured.map { Int32($0) })
    try recorder.append("/samples/label", captured.map { set.labels[$0] })
    try recorder.append("/samples/split", captured.map { _ in UInt8(1) })
    try recorder.append(
      "/samples/image", captured.flatMap { set.images.elements[$0 * size..<($0 + 1) * size] })
  }

  /// Puts the trainer where the last checkpoint of a run's folder left it; returns test accuracy and epochs done.
  private func restore(
    _ trainer: Trainer<Float>, from place: RunPlace
  ) throws -> (accuracy: Double, epochs: Int) {
    let reader = try RunReader(place.folder)
    let steps = try reader.read("/checkpoints/step", as: Int32.self).elements
    // The index may name checkpoints whose part was dropped; resuming anchors on the last whole one.
    let last = steps.count - 1
    func copy(_ path: String, to target: UnsafeMutablePointer<Float>, _ count: Int) throws {
      let values: NDArray<Float> = try reader.readRow(path, last)
      guard values.count == count else {
        throw ArchiveError(
          .layout, "\(reader.path):\(path): expected \(count) values, found \(values.count)")
      }
      for (index, value) in values.elements.enumerated() { target[index] = value }
    }
    for entry in trainer.layout.entries {
      try copy(
        "/checkpoints/parameters/\(entry.name)", to: trainer.weights.start + entry.offset,
        entry.count)
    }
    let optimizer = trainer.optimizer
    try copy(
      "/checkpoints/optimizer/first_moment", to: optimizer.first.start, optimizer.first.count)
    try copy(
      "/checkpoints/optimizer/second_moment", to: optimizer.second.start, optimizer.second.count)
    optimizer.stepCount = Int(steps[last])
    let epochs = try reader.read("/checkpoints/epoch", as: Double.self).elements[last]
    let accuracy = try reader.read("/checkpoints/test_accuracy", as: Double.self).elements[last]
    return (accuracy, Int(epochs))
  }

  /// Evaluates, captures and records one checkpoint; returns the test accuracy.
  private func checkpoint(
    _ trainer: Trainer<Float>, _ recorder: Recorder, epoch: Int
  ) throws -> Double {
    let test = trainer.evaluate(study.set.testIndices, from: study.source)
    try recorder.append("/checkpoints/step", [Int32(trainer.optimizer.stepCount)])
    try recorder.append("/checkpoints/epoch", [Double(epoch)])
    try recorder.append("/checkpoints/data_position", [Int64(0)])
    try recorder.append("/checkpoints/test_loss", [test.loss])
    try recorder.append("/checkpoints/test_accuracy", [test.accuracy])
    try recorder.append(
      "/checkpoints/random_state", [study.configuration.seed, UInt64(epoch)])
    try recorder.append("/checkpoints/optimizer/first_moment", trainer.optimizer.first.elements)
    try recorder.append("/checkpoints/optimizer/second_moment", trainer.optimizer.second.elements)
    for entry in trainer.layout.entries {
      try recorder.append(
        "/checkpoints/parameters/\(entry.name)",
        UnsafeBufferPointer(start: trainer.weights.start + entry.offset, count: entry.count))
    }
    try capture(trainer, recorder)
    try recorder.commit()
    return test.accuracy
  }

  private func capture(_ trainer: Trainer<Float>, _ recorder: Recorder) throws {
    let sampler = TapSampler(study, taps.map(\.tap), pool: pool)
    let arrays = sampler.run(
      trainer.weights, samples: study.captured, limits: taps.map(\.samples))
    for ((tap, _), values) in zip(taps, arrays) {
      try recorder.append(TrainSchema.path(tap), values.elements)
    }
  }
}

/// A training run that cannot go on.
enum TrainError: Error, CustomStringConvertible {
  case nonFinite(step: Int)

  var description: String {
    switch self {
    case .nonFinite(let step):
      "training diverged: loss or gradient is not finite at step \(step); the checkpoints before "
        + "are kept; try a lower training.rate or training.clip"
    }
  }
}

extension ProgressLine {
  /// Turns a recorder's events into lines of progress.
  var recorderEvents: @Sendable (Recorder.Event) -> Void {
    { [self] event in
      switch event {
      case .commit(let part, let rows):
        self.event(["event": "commit", "part": part, "rows": rows])
      case .waited(let seconds):
        note("waited \(Format.duration(seconds)) for the disk: the recorder's memory was full")
      case .merged(let parts): self.event(["event": "merged", "parts": parts])
      case .sealed(let path): self.event(["event": "sealed", "path": path])
      }
    }
  }
}
