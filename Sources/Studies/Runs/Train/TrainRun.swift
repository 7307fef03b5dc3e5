import Archive
import Arrays
import Console
import Corpora
import Foundation
import Kernels
import Transformer

/// Trains the encoder of a study and archives everything it sees.
public struct TrainRun {
  let study: LoadedStudy
  let taps: [(tap: Tap, samples: Int)]
  let pool: WorkerPool
  let sampler: TapSampler
  let progress: ProgressLine
  /// The processes that take each step together; the first writes.
  let peers: Peers

  /// What a run comes to.
  public struct Outcome: Sendable {
    /// The sealed file.
    public var path: String
    /// Share of the test split classified rightly at the end.
    public var testAccuracy: Double
    /// Cross entropy of the test split per character, bits; nil when no next token is predicted.
    public var bitsPerCharacter: Double?
    /// Samples a second while training, capture and checkpoints left out.
    public var samplesPerSecond: Double
  }

  /// Loads the data and checks the whole configuration, before anything is written.
  public init(
    _ configuration: StudyConfiguration, threads: Int, progress: ProgressLine,
    peers: Peers = Peers()
  ) throws {
    self.peers = peers
    study = try LoadedStudy(configuration)
    taps = try study.taps()
    pool = WorkerPool(threadCount: threads)
    sampler = TapSampler(study, taps, pool: pool)
    self.progress = progress
    if case .text(let samples) = study.data, samples.cutCount > 0 {
      progress.note(
        "\(samples.cutCount) of \(samples.count) passages have more than \(samples.positions) tokens and "
          + "are cut")
    }
    if let warning = study.data.warning { progress.note("warning: " + warning) }
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

  func schema() -> RunSchema {
    var schema = RunSchema(
      .run, title: study.configuration.title,
      arrays: TrainSchema.arrays(study, ParameterLayout(study.model), taps),
      defaultGroup: Layout.Progress.group,
      provenance: Provenance(
        configuration: study.configuration.yaml, seed: study.configuration.seed,
        blasCore: BLASCore.name, sources: study.data.sources))
    schema.explanation = explanation
    return schema
  }

  /// What to do about an archive of that name.
  public enum Beginning: Sendable {
    /// Refuse when there is one.
    case new
    /// Replace it.
    case replacing
    /// Go on from its last checkpoint; begin anew when there is none.
    case resuming
    /// The same, though OpenBLAS chose other kernels than before: the provenance names both.
    case resumingOnOtherKernels

    /// Whether what is there goes on.
    public var isResuming: Bool { self == .resuming || self == .resumingOnOtherKernels }

    /// Whether an archive that is there may go: asked for now, or by the run that was stopped before its first commit.
    func mayReplace(_ place: RunPlace) -> Bool {
      self == .replacing || isResuming && place.isBeingReplaced
    }
  }

  /// Trains and seals `out`. Resuming from a checkpoint gives the bits of a run that was never interrupted.
  public func run(
    out: String, _ beginning: Beginning, keepParts: Bool, limits: RecorderLimits = RecorderLimits()
  ) throws -> Outcome {
    let configuration = study.configuration
    try peers.requireSame([
      ("configuration", configuration.yaml),
      ("data set", study.data.sources.map(\.sha256).joined(separator: " ")),
      ("output", RunPlace(out).file), ("way to begin (--force, --resume)", "\(beginning)"),
    ])
    var begun = Begun()
    let isDone = try peers.agree(else: false) {
      begun = try begin(out, beginning, keepParts, limits)
      return begun.outcome != nil
    }
    if isDone {
      return begun.outcome
        ?? Outcome(path: out, testAccuracy: .nan, bitsPerCharacter: nil, samplesPerSecond: 0)
    }
    do {
      let outcome = try train(begun.recorder, resuming: begun.isResumed)
      // The others' work is done; they wait for the seal, or for its failure.
      let path = try begun.recorder?.seal(keepingParts: keepParts)
      return Outcome(
        path: path ?? out, testAccuracy: outcome.accuracy,
        bitsPerCharacter: outcome.bitsPerCharacter, samplesPerSecond: outcome.speed)
    } catch {
      begun.recorder?.abandon()
      throw error
    }
  }

  /// How a run begins at the process that writes; elsewhere nothing of it is there.
  private struct Begun {
    var recorder: Recorder?
    /// Whether it goes on from a checkpoint.
    var isResumed = false
    /// What it came to, where it needs nothing more.
    var outcome: Outcome?
  }

  private func begin(
    _ out: String, _ beginning: Beginning, _ keepParts: Bool, _ limits: RecorderLimits
  ) throws -> Begun {
    let (place, schema) = (RunPlace(out), schema())
    try OutputGuard(study.configuration.inputs).check(archive: out)
    if beginning.isResuming, place.isSealed {
      return Begun(outcome: try complete(place, schema, keepParts))
    }
    // Resuming clears a folder away that holds no commit.
    let mayReplace = beginning.mayReplace(place)
    let resumed =
      beginning.isResuming
      ? try Recorder.resume(
        place, schema, anchor: Self.anchor,
        onOtherKernels: beginning == .resumingOnOtherKernels, limits: limits,
        onEvent: progress.recorderEvents)
      : nil
    let recorder =
      try resumed
      ?? Recorder(
        place, schema, replacing: mayReplace, anchor: Self.anchor, limits: limits,
        onEvent: progress.recorderEvents)
    return Begun(recorder: recorder, isResumed: resumed != nil)
  }

  /// A run goes on from the last commit that holds a whole checkpoint.
  private static let anchor = Layout.Checkpoints.step

  /// What a run that needs no resuming came to. Killed between sealing and removing the parts, it left the folder.
  private func complete(
    _ place: RunPlace, _ schema: RunSchema, _ keepParts: Bool
  ) throws -> Outcome {
    let reader = try RunReader(place.file, expecting: [.run])
    try FinishedArchive.check(reader, schema)
    let accuracy = try reader.read(Layout.Checkpoints.testAccuracy, as: Double.self).elements.last
    let bits = Layout.Checkpoints.testBitsPerCharacter
    let last =
      reader.contains(bits) ? try reader.read(bits, as: Double.self).elements.last : nil
    if place.hasFolder, !keepParts { try place.removeParts() }
    progress.note("\(place.file) is complete already; nothing to resume")
    return Outcome(
      path: place.file, testAccuracy: accuracy ?? .nan, bitsPerCharacter: last,
      samplesPerSecond: 0)
  }

  private func train(
    _ recorder: Recorder?, resuming isResumed: Bool
  ) throws -> Progress {
    let training = study.configuration.training
    let trainer = Trainer<Float>(
      study.model, training.optimizer, batch: training.batch, seed: study.configuration.seed,
      shards: training.shards, pool: pool, with: peers.collective)
    trainer.smoothing = training.labelSmoothing
    trainer.partsPerStep = training.accumulate
    var state = Progress()
    if peers.collective.fromFirst({ isResumed }, else: false) {
      state = try peers.agree(else: state) {
        guard let recorder else { return Progress() }
        writeNames(recorder)
        return try restore(trainer, from: recorder.place)
      }
      spread(trainer)
      progress.note("resuming after step \(trainer.optimizer.stepCount)")
      for change in recorder?.changes ?? [] {
        progress.note(change + "; the provenance names both")
      }
    } else {
      if let recorder {
        writeNames(recorder)
        try writeSamples(recorder)
      }
      try checkpoint(trainer, recorder, &state)
    }
    progress.begin("train")
    // Stopped between its last checkpoint and its end, a run has nothing left to do but to end.
    if trainer.optimizer.stepCount > 0, state.isOver(training.patience) {
      progress.note("the run was over when it was stopped; it is sealed")
      return state
    }
    try steps(trainer, study.source, recorder, &state)
    progress.end(
      "test accuracy \(Format.fixed(100 * state.accuracy, 1)) %, \(Format.short(state.speed)) samples/s"
    )
    return state
  }

  /// How far a run is.
  struct Progress {
    /// Test accuracy at the last checkpoint.
    var accuracy = 0.0
    /// Bits per character at the last checkpoint, where a next token is predicted.
    var bitsPerCharacter: Double?
    /// Lowest validation loss, and checkpoints since.
    var best = Double.infinity, waited = 0
    /// Time that earlier processes have taken, seconds.
    var seconds = 0.0
    /// Whether the run ended with a step that could not be taken.
    var hasDiverged = false
    /// Seconds spent in steps, and samples seen in them.
    var busy = 0.0, seen = 0

    /// Samples a second.
    var speed: Double { busy > 0 ? Double(seen) / busy : 0 }

    /// Whether no step follows: it diverged, or waited for a lower validation loss as long as it should (0: for ever).
    func isOver(_ patience: Int) -> Bool { hasDiverged || (patience > 0 && waited >= patience) }

    /// Takes note of a validation loss.
    mutating func judge(_ loss: Double) {
      if loss < best {
        (best, waited) = (loss, 0)
      } else {
        waited += 1
      }
    }
  }

  /// All steps that are left.
  private func steps<Source: SampleSource<Float>>(
    _ trainer: Trainer<Float>, _ source: Source, _ recorder: Recorder?, _ state: inout Progress
  ) throws {
    let training = study.configuration.training
    let (size, total) = (training.batch * training.accumulate, stepsPerEpoch * training.epochs)
    let first = trainer.optimizer.stepCount
    let (began, earlier) = (ContinuousClock.now, state.seconds)
    func seconds() -> Double { earlier + (ContinuousClock.now - began) / .seconds(1) }
    var order: [Int] = []
    for step in first..<max(first, total) {
      let (epoch, place) = step.quotientAndRemainder(dividingBy: stepsPerEpoch)
      if place == 0 || order.isEmpty { order = self.order(epoch) }
      let batch = order[place * size..<min((place + 1) * size, order.count)]
      let clock = ContinuousClock.now
      let report = trainer.step(
        batch, from: source, rate: training.optimizer.rate(step: step, total: total))
      state.busy += (ContinuousClock.now - clock) / .seconds(1)
      state.seen += batch.count
      let passes = Double(epoch) + Double(place * size + batch.count) / Double(order.count)
      if !report.isFinite {
        let place = trainer.firstNonFinite(batch, from: source)
        guard training.divergence == .record else {
          try recorder?.finish()
          peers.together()
          throw TrainError.nonFinite(
            step: step + 1, place: place, folder: recorder?.place.folder ?? "")
        }
        progress.note("diverged at step \(step + 1): \(place ?? "the loss") is not finite")
        if let recorder { try record(report, trainer, step + 1, passes, seconds(), recorder) }
        return try checkpoint(trainer, recorder, &state)
      }
      if let recorder { try record(report, trainer, step + 1, passes, seconds(), recorder) }
      progress.update(
        step + 1 - first, of: total - first, unit: "steps",
        detail: "loss \(Format.fixed(report.loss, 3))")
      // By its own clock: the first process commits when it likes.
      try recorder?.tick()
      let signal = peers.sharedSignal()
      if signal != 0 {
        try recorder?.finish()
        throw Interrupted(
          signal: signal,
          advice: "everything up to step \(step + 1) is kept in \(recorder?.place.folder ?? ""); "
            + "go on with the same command and --resume")
      }
      guard isCheckpoint(step + 1, total) else { continue }
      try checkpoint(trainer, recorder, &state)
      if state.isOver(training.patience) {
        progress.note(
          "stopped early after step \(step + 1): the validation loss has not fallen for "
            + "\(state.waited) checkpoints")
        return
      }
    }
  }

  /// Samples of an epoch in the order they are trained on.
  private func order(_ epoch: Int) -> [Int] { places(epoch).map { study.trainIndices[$0] } }

  private func isCheckpoint(_ step: Int, _ total: Int) -> Bool {
    let every = study.configuration.capture.steps
    return step == total || step % (every == 0 ? stepsPerEpoch : every) == 0
  }
}

/// A training run that cannot go on.
enum TrainError: Error, CustomStringConvertible {
  case nonFinite(step: Int, place: String?, folder: String)

  var description: String {
    switch self {
    case .nonFinite(let step, let place, let folder):
      "training diverged at step \(step): \(place ?? "the loss") is not finite; the step was not taken, and "
        + "\(folder) keeps the checkpoints before it (isotherm-archive seal joins them); try a lower "
        + "training.rate or training.clip"
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
