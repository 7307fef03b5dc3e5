import Archive
import Arrays
import Console
import Dynamics
import Foundation
import Kernels
import Transformer

/// Fits the PDE models of a study to a trained run, and archives their fields on held-out samples.
public struct FitRun {
  let subject: any FitSubject
  let grid: FieldGrid
  let models: [MasterEquation]
  let pool: WorkerPool
  private let progress: ProgressLine
  var heldOut: [Int] { subject.heldOut }
  var fitSamples: [Int] { subject.fitSamples }

  /// Index of the stream that draws which samples are fitted to.
  static let choiceIndex: UInt64 = 1 << 32

  /// What is left of an interrupted fit.
  public static let advice =
    "what was committed is kept; go on with the same command and --resume"

  /// Opens the run and checks the whole configuration, before anything is written.
  public init(_ name: String, settings: [String], threads: Int, progress: ProgressLine) throws {
    let reader = try RunReader(name, expecting: [.run])
    subject =
      try reader.isStudy()
      ? TrainedSubject(TrainedRun(name, settings: settings))
      : CapturedSubject(reader, settings: settings)
    let (network, configuration) = (subject.model, subject.pde)
    grid = FieldGrid(rows: network.grid.rows, columns: network.grid.columns)
    guard grid.rows > 1 || configuration.boundary == .neumann else {
      throw UsageError(
        "pde.boundary: \(configuration.boundary.rawValue) is for images; the ends of a text are closed: neumann"
      )
    }
    let grid = grid
    models = configuration.models.map {
      MasterEquation(
        $0, grid: grid, boundary: configuration.boundary, network: network,
        degree: configuration.degree, rank: configuration.rank)
    }
    pool = WorkerPool(threadCount: threads)
    self.progress = progress
  }

  /// Fits every model and seals `out`; returns the sealed file. Resuming goes on in the middle of an equation, to the bits of a fit
  /// that was never interrupted.
  public func run(
    out: String, _ beginning: TrainRun.Beginning, limits: RecorderLimits = RecorderLimits()
  ) throws -> String {
    try OutputGuard([subject.reader.path] + subject.inputs).check(archive: out)
    let (place, schema) = (RunPlace(out), try schema())
    for warning in try subject.warnings() { progress.note(warning) }
    let plan = Resumption.Plan(
      beginning: beginning, anchor: Recorder.resumeAnchor, limits: limits,
      form: subject.trained == nil ? .captures : .study)
    guard let begun = try Resumption(place, schema, plan, progress: progress) else {
      return place.file
    }
    let recorder = begun.recorder
    do {
      let state = try recorder.resumeState.map { try FitState($0, folder: place.folder) }
      try fit(begun, from: state ?? FitState(finished: 0))
      return try recorder.seal()
    } catch {
      recorder.abandon()
      throw error
    }
  }

  private func fit(_ begun: Resumption, from state: FitState) throws {
    let recorder = begun.recorder
    let fitted = try subject.trajectories(
      fitSamples, capacity: capacity, workers: pool.threadCount)
    try begun.appendOnce(Layout.Samples.index, subject.heldOutIndex())
    if let labels = try subject.heldOutLabels() {
      try begun.appendOnce(Layout.Samples.label, labels)
    }
    if let lengths = subject.heldOutLengths {
      try begun.appendOnce(Layout.Samples.length, lengths)
    }
    try begun.appendOnce(Layout.Reference.positionMean, positionMean(fitted))
    try subject.checkReading()
    for (number, model) in models.enumerated().dropFirst(state.finished) {
      let place = FitPlace(
        recorder: recorder, finished: number,
        state: number == state.finished ? state.current : nil)
      switch subject.pde.objective {
      case .trajectories:
        let objective = TrajectoryObjective<Float>(
          fitted, network: subject.model, attentionWeight: subject.pde.attentionWeight,
          capacity: capacity, pool: pool)
        let fit = try fit(model, to: objective, place)
        try integrate(
          fit,
          subject.trajectories(heldOut, capacity: Self.chunk, workers: pool.threadCount), recorder)
        try subject.checkReading()
      case .task: try fitTask(model, place)
      }
      try recorder.commit(resumeState: FitState(finished: number + 1).bytes)
    }
  }

  /// Where an equation's rows go, and where it goes on from.
  private struct FitPlace {
    let recorder: Recorder
    /// Equations that are done.
    let finished: Int
    let state: MasterEquationFit<Float>.State?

    /// What is kept with a commit in the middle of `fit`.
    func bytes(_ fit: MasterEquationFit<Float>) -> [UInt8] {
      FitState(finished: finished, current: fit.state).bytes
    }
  }

  /// Samples of the largest shard of a step.
  var capacity: Int { settings(false).capacity }

  /// How a model is fitted: to the task as the study trains its network.
  func settings(_ isEmpty: Bool) -> FitConfiguration {
    let pde = subject.pde
    let own = subject.trained?.study.configuration.training
    let training = pde.objective == .task ? own : nil
    return FitConfiguration(
      stepper: pde.stepper, substeps: pde.substeps,
      epochs: training?.epochs ?? (isEmpty ? 0 : pde.epochs),
      batch: training?.batch ?? pde.batch,
      shards: own?.shards ?? StudyConfiguration.Training().shards,
      optimizer: training?.optimizer
        ?? OptimizerConfiguration(rate: pde.rate, warmup: 0.1, decay: 0, clip: 1),
      seed: subject.seed)
  }

  private func fitTask(_ equation: MasterEquation, _ place: FitPlace) throws {
    // Only a run of ours has a task; captures were refused when their configuration was read.
    guard let run = subject.trained else { return }
    switch run.study.data {
    case .images(let set, let patches):
      try fitTask(equation, PatchSource(images: set, grid: patches), run, place)
    case .text(let passages): try fitTask(equation, passages, run, place)
    }
  }

  /// Trains embedding, equation and classifier on the task, and integrates from that embedding.
  private func fitTask<Source: SampleSource<Float>>(
    _ equation: MasterEquation, _ source: Source, _ run: TrainedRun, _ place: FitPlace
  ) throws {
    let (study, recorder) = (run.study, place.recorder)
    let objective = TaskObjective(
      study.model, source, study.trainIndices,
      smoothing: study.configuration.training.labelSmoothing, seed: study.configuration.seed,
      capacity: capacity, workers: pool.threadCount)
    let fit = try fit(equation, to: objective, place) { fit, step in
      guard study.configuration.pde.every == .epoch, step % fit.stepsPerEpoch == 0 else { return }
      try observe(fit, objective, step, recorder)
    }
    let coefficients = Coefficients<Float>(equation)
    coefficients.expand(fit.equationWeights)
    let score = objective.evaluate(
      study.data.testIndices, fit.weights.start, coefficients.values.start, fit.passes, pool: pool)
    let name = equation.model.rawValue
    let accuracy = Double(score.correct) / Double(max(score.count, 1))
    try recorder.append(Layout.Fields(name).testAccuracy, [accuracy])
    try recorder.append(Layout.Fields(name).testLoss, [score.loss / Double(max(score.count, 1))])
    progress.note("\(name) on the task: test accuracy \(Format.fixed(100 * accuracy, 2)) %")
    let stem = Buffer<Float>(objective.layout.count)
    stem.start.update(from: fit.weights.start, count: stem.count)
    let judged = try TrainedSubject(run).trajectories(
      of: objective.stem, stem, heldOut, capacity: Self.chunk, workers: pool.threadCount)
    try integrate(fit, judged, recorder)
  }

  private func fit(
    _ equation: MasterEquation, to objective: any FitObjective<Float>, _ place: FitPlace,
    observing: (MasterEquationFit<Float>, _ step: Int) throws -> Void = { _, _ in }
  ) throws -> MasterEquationFit<Float> {
    let (name, recorder) = (equation.model.rawValue, place.recorder)
    let fit = MasterEquationFit<Float>(
      equation, to: objective, settings(equation.model == .persistence), pool: pool)
    let isTask = subject.pde.objective == .task
    progress.begin("fit \(name)")
    var last: FitLoss?
    if let state = place.state {
      guard fit.restore(state) else {
        throw StateReader([], folder: recorder.place.folder).problem
      }
      progress.note("resuming \(name) after step \(state.step)")
    } else {
      try observing(fit, 0)
    }
    let finite = try fit.run { step, loss in
      if isTask {
        try recorder.append(Layout.FitProgress(name).taskLoss, [loss.task])
        try recorder.append(Layout.FitProgress(name).gradientNorm, [fit.gradientNorm])
      } else {
        try recorder.append(Layout.FitProgress(name).stateLoss, [loss.state])
        try recorder.append(Layout.FitProgress(name).mapLoss, [loss.map])
      }
      progress.update(
        step, of: fit.stepCount, unit: "steps", detail: "loss \(Format.fixed(loss.total, 4))")
      last = loss
      try observing(fit, step)
      try recorder.tick { place.bytes(fit) }
      try Interruption.check(Self.advice) { try recorder.finish(resumeState: place.bytes(fit)) }
    }
    try subject.checkReading()
    guard finite else { throw FitError.diverged(model: name) }
    progress.end(last.map { "loss \(Format.fixed($0.total, 4))" } ?? "no steps")
    for entry in fit.layout.entries {
      try recorder.append(
        Layout.Fields(name).parameter(entry.name),
        UnsafeBufferPointer(start: fit.weights.start + entry.offset, count: entry.count))
    }
    return fit
  }
}

/// A fit that has no result.
enum FitError: Error, CustomStringConvertible {
  case diverged(model: String)

  var description: String {
    switch self {
    case .diverged(let model):
      "the fit of the \(model) equation diverged: its loss is not finite; try a lower pde.rate or "
        + "more pde.substeps"
    }
  }
}
