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
    grid = Self.grid(study)
    guard grid.rows > 1 || configuration.boundary == .neumann else {
      throw UsageError(
        "pde.boundary: \(configuration.boundary.rawValue) is for images; the ends of a text are closed: neumann"
      )
    }
    let grid = grid
    models = configuration.models.map {
      MasterEquation(
        $0, grid: grid, boundary: configuration.boundary, network: study.model,
        degree: configuration.degree, rank: configuration.rank)
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

  /// Where the positions lie: images on their patch grid, text in one row.
  private static func grid(_ study: LoadedStudy) -> FieldGrid {
    FieldGrid(rows: study.model.grid.rows, columns: study.model.grid.columns)
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
    let batch = run.study.configuration.pde.batch
    let fitted = trajectories(
      weights, fitSamples,
      capacity: MasterEquationFit<Float>.capacity(batch: batch))
    let judged = trajectories(weights, heldOut, capacity: Self.chunk)
    try recorder.append("/samples/index", heldOut.map { Int32($0) })
    try recorder.append("/samples/label", heldOut.map { run.study.data.label($0) })
    try recorder.append("/reference/position_mean", positionMean(fitted))
    for model in models {
      try fit(model, to: fitted, judged: judged, recorder)
      try recorder.commit()
    }
  }

  private func trajectories(
    _ weights: Buffer<Float>, _ samples: [Int], capacity: Int
  ) -> any TrajectorySource<Float> {
    switch run.study.data {
    case .images(let set, let patches):
      trajectories(PatchSource(images: set, grid: patches), weights, samples, capacity)
    case .text(let passages): trajectories(passages, weights, samples, capacity)
    }
  }

  private func trajectories<Source: SampleSource<Float>>(
    _ source: Source, _ weights: Buffer<Float>, _ samples: [Int], _ capacity: Int
  ) -> any TrajectorySource<Float> {
    NetworkTrajectories<Source>(
      run.study.model, weights, source, samples, capacity: capacity, workers: pool.threadCount)
  }

  private func fit(
    _ equation: MasterEquation, to fitted: any TrajectorySource<Float>,
    judged: any TrajectorySource<Float>, _ recorder: Recorder
  ) throws {
    let study = run.study.configuration
    let name = equation.model.rawValue
    let fit = MasterEquationFit<Float>(
      equation, to: fitted,
      FitConfiguration(
        stepper: study.pde.stepper, substeps: study.pde.substeps,
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

  /// Samples that are integrated at once.
  private static let chunk = 8

  /// Integrates the fitted equation from the network's own first states of the held-out samples.
  private func integrate(
    _ equation: MasterEquation, _ weights: Buffer<Float>, _ judged: any TrajectorySource<Float>,
    _ recorder: Recorder
  ) throws {
    let network = equation.network
    let settings = run.study.configuration.pde
    let stream = network.positionCount * network.width
    let map = network.headCount * network.positionCount * network.positionCount
    let cells = grid.positionCount * network.width
    let skip = network.classTokenCount * network.width
    let depths = network.layerCount + 1
    let states = Buffer<Float>(depths * judged.count * cells)
    let maps = Buffer<Float>(
      equation.model.hasAttention ? network.layerCount * judged.count * map : 1)
    let terms = Buffer<Double>(3 * network.layerCount * judged.count)
    let coefficients = Coefficients<Float>(equation)
    coefficients.expand(weights)
    let passes = (0..<pool.threadCount).map { _ in
      TrajectoryPass<Float>(
        equation, settings.stepper, substeps: settings.substeps, capacity: Self.chunk)
    }
    let all = Array(0..<judged.count)
    pool.forEach((judged.count + Self.chunk - 1) / Self.chunk) { item, worker in
      let pass = passes[worker]
      let first = item * Self.chunk
      let count = min(Self.chunk, judged.count - first)
      let view = judged.load(all[first..<first + count], worker: worker)
      pass.initial.update(from: view.residuals[0], count: count * stream)
      pass.forward(coefficients.values.start, view.shard)
      for depth in 0..<depths {
        for sample in 0..<count {
          (states.start + (depth * judged.count + first + sample) * cells).update(
            from: pass.state(depth) + sample * stream + skip, count: cells)
        }
      }
      guard equation.model.hasAttention else { return }
      for layer in 0..<network.layerCount {
        (maps.start + (layer * judged.count + first) * map).update(
          from: pass.attentionMap(layer), count: count * map)
      }
      pass.termSizes(coefficients.values.start, view.shard) { term, layer, sample, size in
        terms.start[(term * network.layerCount + layer) * judged.count + first + sample] = size
      }
    }
    let name = equation.model.rawValue
    try recorder.append("/fields/\(name)/u", states.elements)
    if equation.model.hasAttention {
      try recorder.append("/fields/\(name)/attention", maps.elements)
      try recorder.append("/fields/\(name)/term_size", terms.elements)
    }
  }

  /// Mean map over the fit samples, `[layer, head, query, key]`: what position alone tells. A query counts where it is no
  /// padding.
  private func positionMean(_ fitted: any TrajectorySource<Float>) -> [Float] {
    let network = run.study.model
    let (n, heads) = (network.positionCount, network.headCount)
    let size = heads * n * n
    let chunk = MasterEquationFit<Float>.capacity(batch: run.study.configuration.pde.batch)
    var sums = [Double](repeating: 0, count: network.layerCount * size)
    var counts = [Int](repeating: 0, count: n)
    let all = Array(0..<fitted.count)
    for start in stride(from: 0, to: all.count, by: chunk) {
      let view = fitted.load(all[start..<min(start + chunk, all.count)], worker: 0)
      for sample in 0..<view.shard.samples {
        let length = view.shard.length(sample) ?? n
        for query in 0..<length { counts[query] += 1 }
        for layer in 0..<network.layerCount {
          for head in 0..<heads {
            let map = view.maps[layer] + (sample * heads + head) * n * n
            let place = layer * size + head * n * n
            for i in 0..<length * n { sums[place + i] += Double(map[i]) }
          }
        }
      }
    }
    return sums.enumerated().map { Float($1 / Double(max(counts[$0 / n % n], 1))) }
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
        "fit_samples": .integer(Int64(fitSamples.count)),
        "stepper": .text(study.configuration.pde.stepper.rawValue),
        "boundary": .text(equation.boundary.rawValue),
        "substeps": .integer(Int64(study.configuration.pde.substeps)),
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
        arrays.append(
          ArraySchema(
            "/fields/\(name)/term_size", .float64,
            [Axis("term", 3), Axis("layer", layers), sample],
            longName: "root mean square of each term at each layer's depth-time",
            attributes: ["flag_meanings": .text("diffusion attention reaction")]))
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
