import Archive
import Arrays
import Console
import Dynamics
import Foundation
import Kernels
import Transformer

/// Fits the PDE models of a study to a trained run, and archives their fields on held-out samples.
public struct FitRun {
  private let run: TrainedRun
  private let grid: FieldGrid
  private let models: [MasterEquation]
  private let pool: WorkerPool
  private let progress: ProgressLine
  private let heldOut: [Int]
  private let fitSamples: [Int]

  /// Opens the run and checks the whole configuration, before anything is written.
  public init(_ name: String, settings: [String], threads: Int, progress: ProgressLine) throws {
    run = try TrainedRun(name, settings: settings)
    let study = run.study
    let configuration = study.configuration.pde
    guard case .images(_, let patches) = study.data, study.model.classTokenCount == 0 else {
      throw UsageError(
        "\(run.reader.path): fit takes networks over images without a class token; text and class tokens "
          + "have no grid of positions yet")
    }
    let grid = FieldGrid(rows: patches.rows, columns: patches.columns)
    self.grid = grid
    models = configuration.models.compactMap(MasterEquation.Model.init).map {
      MasterEquation(
        $0, grid: grid, network: study.model, degree: configuration.degree, rank: configuration.rank
      )
    }
    pool = WorkerPool(threadCount: threads)
    self.progress = progress
    heldOut = Array(study.captured.prefix(try run.attentionSamples()))
    guard configuration.samples <= study.trainIndices.count else {
      throw UsageError(
        "pde.samples: \(configuration.samples) asked for, the training split has "
          + "\(study.trainIndices.count)")
    }
    var random = Philox(seed: study.configuration.seed, purpose: .fitting, index: 1 << 32)
    let order = random.permutation(study.trainIndices.count)
    fitSamples = order.prefix(configuration.samples).map { study.trainIndices[$0] }
  }

  /// Fits every model and seals `out`; returns the sealed file.
  public func run(out: String, force: Bool) throws -> String {
    let recorder = try Recorder(
      RunPlace(out), try schema(), replacing: force, onEvent: progress.recorderEvents)
    do {
      try fit(recorder)
      return try recorder.seal()
    } catch {
      recorder.abandon()
      throw error
    }
  }

  private func fit(_ recorder: Recorder) throws {
    let weights = try run.weights(run.checkpointCount() - 1)
    progress.begin("gather trajectories")
    let fitted = gather(weights, fitSamples)
    let judged = gather(weights, heldOut)
    progress.end("\(fitSamples.count) fitted, \(heldOut.count) held out")
    try recorder.append("/samples/index", heldOut.map { Int32($0) })
    try recorder.append("/samples/label", heldOut.map { run.study.data.label($0) })
    try recorder.append("/reference/position_mean", positionMean(fitted))
    for model in models {
      try fit(model, to: fitted, judged: judged, recorder)
      try recorder.commit()
    }
  }

  private func fit(
    _ equation: MasterEquation, to fitted: Trajectories<Float>, judged: Trajectories<Float>,
    _ recorder: Recorder
  ) throws {
    let study = run.study.configuration
    let name = equation.model.rawValue
    let fit = MasterEquationFit<Float>(
      equation, .rungeKutta4, substeps: study.pde.substeps, to: fitted,
      FitConfiguration(
        epochs: equation.model == .persistence ? 0 : study.pde.epochs, batch: study.pde.batch,
        optimizer: OptimizerConfiguration(rate: study.pde.rate, warmup: 0.1, decay: 0, clip: 1),
        attentionWeight: study.pde.attentionWeight, seed: study.seed), pool: pool)
    progress.begin("fit \(name)")
    var last: MasterEquationFit<Float>.Loss?
    let finite = try fit.run { step, loss in
      try recorder.append("/progress/\(name)/state_loss", [loss.state])
      try recorder.append("/progress/\(name)/map_loss", [loss.map])
      progress.update(
        step, of: fit.stepCount, unit: "steps", detail: "loss \(Format.fixed(loss.total, 4))")
      last = loss
      try recorder.tick()
      try Interruption.check("a fit cannot be resumed; begin it again with --force") {}
    }
    guard finite else { throw FitError.diverged(model: name) }
    progress.end(last.map { "loss \(Format.fixed($0.total, 4))" } ?? "no parameters")
    for entry in equation.layout.entries {
      try recorder.append(
        "/fields/\(name)/parameters/\(entry.name)",
        UnsafeBufferPointer(start: fit.weights.start + entry.offset, count: entry.count))
    }
    try integrate(equation, fit.weights, judged, recorder)
  }

  /// Integrates the fitted equation from the network's own first states of the held-out samples.
  private func integrate(
    _ equation: MasterEquation, _ weights: Buffer<Float>, _ judged: Trajectories<Float>,
    _ recorder: Recorder
  ) throws {
    let (network, chunk) = (equation.network, 8)
    let substeps = run.study.configuration.pde.substeps
    let stream = network.positionCount * network.width
    let map = network.headCount * network.positionCount * network.positionCount
    let depths = network.layerCount + 1
    let states = Buffer<Float>(depths * judged.count * stream)
    let maps = Buffer<Float>(
      equation.model.hasAttention ? network.layerCount * judged.count * map : 1)
    let coefficients = Coefficients<Float>(equation)
    coefficients.expand(weights)
    let passes = (0..<pool.threadCount).map { _ in
      TrajectoryPass<Float>(equation, .rungeKutta4, substeps: substeps, capacity: chunk)
    }
    pool.forEach((judged.count + chunk - 1) / chunk) { item, worker in
      let pass = passes[worker]
      let first = item * chunk
      let count = min(chunk, judged.count - first)
      pass.initial.update(
        from: judged.residuals[0].start + first * stream, count: count * stream)
      pass.forward(coefficients.values.start, samples: count)
      for depth in 0..<depths {
        (states.start + (depth * judged.count + first) * stream).update(
          from: pass.state(depth), count: count * stream)
      }
      guard equation.model.hasAttention else { return }
      for layer in 0..<network.layerCount {
        (maps.start + (layer * judged.count + first) * map).update(
          from: pass.attentionMap(layer), count: count * map)
      }
    }
    let name = equation.model.rawValue
    try recorder.append("/fields/\(name)/u", states.elements)
    if equation.model.hasAttention {
      try recorder.append("/fields/\(name)/attention", maps.elements)
    }
  }

  private func gather(_ weights: Buffer<Float>, _ samples: [Int]) -> Trajectories<Float> {
    let layers = run.study.model.layerCount
    let residuals = [Tap(.residualPre(0))] + (0..<layers).map { Tap(.residualPost($0)) }
    let maps = (0..<layers).map { Tap(.map($0)) }
    let taps = (residuals + maps).map { (tap: $0, samples: samples.count) }
    let arrays = TapSampler(run.study, taps, pool: pool).run(weights, samples: samples)
    return Trajectories(
      count: samples.count, residuals: Array(arrays.prefix(residuals.count)),
      maps: Array(arrays.dropFirst(residuals.count)))
  }

  /// Mean map over the fit samples, `[layer, head, query, key]`: what position alone tells.
  private func positionMean(_ fitted: Trajectories<Float>) -> [Float] {
    let network = run.study.model
    let size = network.headCount * network.positionCount * network.positionCount
    return fitted.maps.flatMap { maps in
      var sum = [Double](repeating: 0, count: size)
      for sample in 0..<fitted.count {
        for i in 0..<size { sum[i] += Double(maps.start[sample * size + i]) }
      }
      return sum.map { Float($0 / Double(fitted.count)) }
    }
  }

  private func schema() throws -> RunSchema {
    let study = run.study
    let network = study.model
    typealias Axis = ArraySchema.AxisSchema
    let sample = Axis("sample", heldOut.count)
    let layers = network.layerCount
    let depth = Axis(
      "depth_time", layers + 1, coordinates: (0...layers).map { Double($0) / Double(layers) },
      longName: "depth-time, layer / layer count")
    let map = [
      Axis("head", network.headCount), Axis("query", network.positionCount),
      Axis("key", network.positionCount),
    ]
    var arrays = [
      ArraySchema("/samples/index", .int32, [sample], longName: "position in the data set"),
      ArraySchema("/samples/label", .int32, [sample], longName: "class"),
      ArraySchema(
        "/reference/position_mean", .float32, [Axis("layer", layers)] + map,
        longName: "network attention map, mean over the \(fitSamples.count) fit samples"),
    ]
    for equation in models {
      let name = equation.model.rawValue
      let attributes: [String: AttributeValue] = [
        "parameter_count": .integer(Int64(equation.parameterCount)),
        "fit_samples": .integer(Int64(fitSamples.count)), "stepper": .text("rk4"),
        "boundary": .text("neumann"), "substeps": .integer(Int64(study.configuration.pde.substeps)),
      ]
      arrays.append(
        ArraySchema(
          "/fields/\(name)/u", .float32,
          [depth, sample, Axis("y", grid.rows), Axis("x", grid.columns)]
            + [Axis("channel", network.width)],
          longName: "field of the \(name) equation on held-out samples", attributes: attributes))
      if equation.model.hasAttention {
        arrays.append(
          ArraySchema(
            "/fields/\(name)/attention", .float32, [Axis("layer", layers), sample] + map,
            longName: "attention map of the \(name) equation at each layer's depth-time",
            attributes: attributes))
      }
      for entry in equation.layout.entries {
        arrays.append(
          ArraySchema(
            "/fields/\(name)/parameters/\(entry.name)", .float32,
            entry.axes.map { Axis($0.name, $0.length) }, longName: entry.name))
      }
      let step = Axis.growing("step")
      arrays += [
        ArraySchema(
          "/progress/\(name)/state_loss", .float64, [step], longName: "normalised state error"),
        ArraySchema(
          "/progress/\(name)/map_loss", .float64, [step],
          longName: "weighted divergence of the attention maps", units: "nat"),
      ]
    }
    return RunSchema(
      .fields, title: study.configuration.title, arrays: arrays,
      defaultGroup: "/fields/\(models.last?.model.rawValue ?? "")",
      provenance: Provenance(
        configuration: study.configuration.yaml, seed: study.configuration.seed,
        blasCore: BLASCore.name, sources: [try run.reader.asSource()]))
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
