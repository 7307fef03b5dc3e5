import Archive
import Arrays
import Console
import Foundation
import Information
import Kernels

/// Estimates I(X;T), I(T;Y) and, where asked for, I(T;T') of every captured residual stream at every checkpoint of a run,
/// and I(network; PDE) of fields fitted to it.
public struct InformRun {
  let reader: RunReader
  private let fields: RunReader?
  let configuration: InformConfiguration
  private let pool: WorkerPool
  private let progress: ProgressLine
  let taps: [InformedTap]
  let padding: SamplePadding
  /// Classes of the samples; nil where nobody wrote any.
  private let labels: [Int32]?
  let checkpoints: Int
  let samples: Int
  private let learners: [Learner]

  /// Opens the run and checks the whole configuration, before anything is written.
  public init(
    _ name: String, fields: String? = nil, settings: [String], threads: Int, progress: ProgressLine
  ) throws {
    let reader = try RunReader(name, expecting: [.run])
    self.reader = reader
    let chosen = try fields.map { try RunReader($0, expecting: [.fields]) }
    if let chosen, try Self.models(chosen).isEmpty {
      throw UsageError("\(chosen.path): holds no fitted fields; isotherm fit makes them")
    }
    self.fields = chosen
    configuration = try InformConfiguration(reader, settings: settings)
    pool = WorkerPool(threadCount: threads)
    self.progress = progress
    configuration.notes.forEach(progress.note)
    labels =
      try reader.contains(Layout.Samples.label) ? reader.read(Layout.Samples.label).elements : nil
    checkpoints = try reader.describe(Layout.Checkpoints.step).shape[0]
    taps = try InformedTap.all(reader, configuration)
    padding = try SamplePadding(reader)
    let captured = try taps.map { try reader.describe($0.path).shape[1] }.min() ?? 0
    learners = try Self.learners(chosen)
    // Network and equations are estimated on the same samples: the bias depends on their number.
    samples = try learners.reduce(captured) {
      min($0, try chosen?.describe($1.taps[0].path).shape[2] ?? $0)
    }
    try checkSamples()
    try checkInput()
  }

  /// Equations that were watched while they learned the task.
  private static func learners(_ fields: RunReader?) throws -> [Learner] {
    guard let fields else { return [] }
    return try fields.names(in: Layout.Training.group).map { model in
      Learner(
        model: model, taps: try InformedTap.all(model, fields),
        checkpoints: try fields.describe(Layout.Training(model).step).shape[0])
    }
  }

  private struct Learner: Sendable {
    let model: String, taps: [InformedTap], checkpoints: Int
  }

  private func checkSamples() throws {
    guard let fields, !learners.isEmpty else { return }
    let mine = try reader.read(Layout.Samples.index, as: Int32.self).elements.prefix(samples)
    let theirs = try fields.read(Layout.Samples.index, as: Int32.self).elements.prefix(samples)
    guard mine == theirs else {
      throw ArchiveError(
        .layout,
        "\(fields.path) and \(reader.path) captured other samples; fit and train with the same "
          + "capture.samples and seed")
    }
  }

  /// One array that will be written.
  public struct PlannedArray: Encodable, Sendable {
    /// Path, shape, and bytes before compression.
    public var path: String, shape: [Int], bytes: Int
  }

  /// What will be written.
  public func plan() throws -> [PlannedArray] {
    try schema(naming: false).arrays.map { array in
      let shape = array.shape(rows: checkpoints)
      return PlannedArray(
        path: array.path, shape: shape,
        bytes: shape.reduce(1, *) * (array.type.byteCount ?? 16))
    }
  }

  /// Estimates everything and seals `out`; returns the sealed file. Resuming goes on after the last checkpoint whose
  /// estimates are kept.
  public func run(out: String, _ beginning: TrainRun.Beginning) throws -> String {
    let (place, schema) = (RunPlace(out), try schema())
    try OutputGuard(([reader] + [fields].compactMap { $0 }).map(\.path) + configuration.inputs)
      .check(archive: out)
    for line in try [reader, fields].compactMap({ try $0?.staleHashes() }) {
      progress.note("warning: " + line)
    }
    try fields?.checkMade(from: reader)
    let settings = configuration.information
    let anchor =
      "\(Layout.Information.estimates)/\(settings.estimators[0].rawValue)/\(labels == nil ? "input" : "label")/value"
    let plan = Resumption.Plan(
      beginning: beginning, anchor: anchor, form: configuration.isStudy ? .study : .captures)
    guard let begun = try Resumption(place, schema, plan, progress: progress) else {
      return place.file
    }
    let recorder = begun.recorder
    do {
      let done = !begun.isResumed ? 0 : try RunReader(place.folder).describe(anchor).shape[0]
      if done > 0 { progress.note("resuming after checkpoint \(done - 1)") }
      recorder.write(Layout.Information.tapName, taps.map(\.name))
      progress.begin("inform")
      for checkpoint in done..<checkpoints {
        try estimate(taps, in: reader, checkpoint, Layout.Information.estimates, recorder)
        progress.update(
          (checkpoint + 1) * taps.count, of: layerCount, unit: "layers")
        try recorder.commit()
        try Interruption.check(
          "checkpoints up to \(checkpoint) are kept in \(place.folder); go on with the same command "
            + "and --resume"
        ) { try recorder.finish() }
      }
      if let fields {
        try follow(fields, recorder)
        try compare(fields, recorder)
      }
      progress.end("\(layerCount) layers x checkpoints")
      return try recorder.seal()
    } catch {
      recorder.abandon()
      throw error
    }
  }

  /// Layers of network and equations, over all checkpoints.
  private var layerCount: Int {
    learners.reduce(checkpoints * taps.count) { $0 + $1.checkpoints * $1.taps.count }
  }

  /// Estimates the fields of equations while they learn the task.
  private func follow(_ fields: RunReader, _ recorder: Recorder) throws {
    var done = checkpoints * taps.count
    for learner in learners {
      for checkpoint in 0..<learner.checkpoints {
        try estimate(
          learner.taps, in: fields, checkpoint, Layout.Information.equation(learner.model), recorder
        )
        done += learner.taps.count
        progress.update(done, of: layerCount, unit: "layers", detail: learner.model)
        try recorder.tick()
        try Interruption.check(
          "the network's estimates are kept; go on with the same command and --resume"
        ) { try recorder.finish() }
      }
    }
  }

  // MARK: - Estimates

  var resampling: ResamplingPlan {
    let settings = configuration.information
    return ResamplingPlan(
      resamples: settings.resamples, shuffles: settings.shuffles, seed: configuration.seed)
  }

  /// Reads a layer a stretch of positions at a time: what is in memory does not grow with the layer.
  private func layer(_ tap: InformedTap, in reader: RunReader, _ checkpoint: Int) throws
    -> InformedLayer
  {
    let shape = try reader.describe(tap.path).shape
    var layer = InformedLayer(
      distances: try LayerDistances(count: samples),
      patterns: BinPatterns(count: samples, bins: configuration.information.bins))
    // [checkpoint, sample, position, channel], [checkpoint, depth_time, sample, position or (y, x), channel], or
    // [checkpoint, sample, head, query, key] of one head.
    let leading = tap.leading(checkpoint)
    let axis = shape.count - 2
    let row = shape.dropFirst(leading.count + 1).reduce(1, *) / max(1, shape[axis])
    // Tokens that are moved in front are looked for over all positions.
    let step = padding.mask == nil ? max(1, (16 << 20) / max(1, samples * row)) : shape[axis]
    for position in stride(from: 0, to: shape[axis], by: step) {
      var start = leading + [Int](repeating: 0, count: shape.count - leading.count)
      var count = leading.map { _ in 1 } + [samples] + shape.dropFirst(leading.count + 1)
      (start[axis], count[axis]) = (position, min(step, shape[axis] - position))
      if let head = tap.head { (start[2], count[2]) = (head, 1) }
      let read: NDArray<Float> = try reader.read(tap.path, start: start, count: count)
      // An equation's field is 0 at padding already, and has the tokens in front.
      let values =
        tap.depth != nil
        ? read.elements
        : tokensFirst(
          padding.cleared(
            read.elements, samples: samples, from: position, of: shape[axis], step: count[axis]),
          isMap: tap.head != nil)
      try layer.distances.add(values)
      layer.patterns.add(values)
    }
    return layer
  }

  /// Estimates all of `taps` at a checkpoint into the groups below `root`.
  private func estimate(
    _ taps: [InformedTap], in reader: RunReader, _ checkpoint: Int, _ root: String,
    _ recorder: Recorder
  ) throws {
    let settings = configuration.information
    let input = settings.estimators.contains(where: \.needsInput) ? try inputDistances() : nil
    let layers = try concurrently(taps.count) { try layer(taps[$0], in: reader, checkpoint) }
    // Without labels what is computed for them is not kept.
    let labels = labels.map { Array($0.prefix(samples)) }
    let classes = labels ?? [Int32](repeating: 0, count: samples)
    for estimator in settings.estimators {
      let pairs = try concurrently(taps.count) { item in
        try estimator.estimate(
          layers[item], input: input, labels: classes, settings, resampling)
      }
      let group = "\(root)/\(estimator.rawValue)"
      try recorder.append(pairs.map(\.input), to: group + "/input")
      if labels != nil { try recorder.append(pairs.map(\.label), to: group + "/label") }
    }
    for estimator in settings.pairs where root == Layout.Information.estimates {
      guard let between = estimator.between else { continue }
      try recorder.append(
        betweenLayers(between, layers), to: Layout.Information.pairs(estimator.rawValue))
    }
  }

  /// I(T_l;T_m) of every two layers, `[l, m]`; the information of a layer with itself is not finite, and left as NaN.
  private func betweenLayers(
    _ between: LayerEstimator.Between, _ layers: [InformedLayer]
  ) throws -> [Estimate] {
    let (count, plan) = (layers.count, resampling)
    var result = [Estimate](repeating: .none, count: count * count)
    let pairs = (0..<count).flatMap { l in (l + 1..<max(count, l + 1)).map { (l, $0) } }
    let found = try concurrently(pairs.count) { item in
      try between(
        layers[pairs[item].0].distances, layers[pairs[item].1].distances,
        configuration.information.noise, plan)
    }
    for ((l, m), estimate) in zip(pairs, found) {
      result[l * count + m] = estimate
      result[m * count + l] = estimate
    }
    return result
  }

  /// Results of `body` for 0 ..< count, in order, by all threads.
  func concurrently<Value>(
    _ count: Int, _ body: (Int) throws -> Value
  ) throws -> [Value] {
    var results = [Result<Value, any Error>?](repeating: nil, count: count)
    results.withUnsafeMutableBufferPointer { results in
      pool.forEach(count) { item, _ in results[item] = Result { try body(item) } }
    }
    return try results.compactMap { try $0?.get() }
  }

  /// H(Y) of the samples' labels, nats.
  private var labelEntropy: Double {
    let counts = Dictionary(grouping: (labels ?? []).prefix(samples)) { $0 }.values.map(\.count)
    let total = Double(max(1, counts.reduce(0, +)))
    return counts.sorted().reduce(0) {
      $0 - Double($1) / total * Foundation.log(Double($1) / total)
    }
  }

  // MARK: - Schema

  /// What is estimated of each layer: of labels where there are any.
  private var quantities: [(group: String, name: String)] {
    [("input", "I(X;T)")] + (labels == nil ? [] : [("label", "I(T;Y)")])
  }

  /// Naming its sources reads them whole.
  private func schema(naming: Bool = true) throws -> RunSchema {
    typealias Axis = ArraySchema.AxisSchema
    func depth(_ name: String, _ taps: [InformedTap]) -> Axis {
      Axis(
        name, taps.count, coordinates: taps.map(\.depthTime),
        longName: "depth-time, layer / layer count")
    }
    let settings = configuration.information
    var arrays = [
      ArraySchema(
        Layout.Information.tapName, .utf8, [Axis("tap", taps.count)], longName: "tap of each depth")
    ]
    for estimator in settings.estimators {
      for (quantity, name) in quantities {
        arrays += InformSchema.quantity(
          "\(Layout.Information.estimates)/\(estimator.rawValue)/\(quantity)", name,
          [.growing("checkpoint"), depth("depth_time", taps)], by: estimator, settings,
          input: input, samples: samples, entropy: quantity == "label" ? labelEntropy : nil)
        for learner in learners {
          arrays += InformSchema.quantity(
            "\(Layout.Information.equation(learner.model))/\(estimator.rawValue)/\(quantity)",
            "\(name) of the \(learner.model) equation",
            [.growing("checkpoint"), depth("depth_time", learner.taps)], by: estimator,
            settings, input: input, samples: samples)
        }
      }
    }
    for estimator in settings.pairs {
      arrays += InformSchema.quantity(
        Layout.Information.pairs(estimator.rawValue), "I(T;T')",
        [.growing("checkpoint"), depth("depth_time", taps), depth("other_depth_time", taps)],
        by: estimator, settings, input: input, samples: samples,
        missing: "a layer with itself, whose information is not finite")
    }
    for model in try fields.map(Self.models) ?? [] {
      arrays += InformSchema.quantity(
        Layout.Information.networkPDE(model), "I(network; \(model) PDE) at the last checkpoint",
        [depth("depth_time", taps)], by: .kde, settings, input: input, samples: samples,
        missing: "the field has no snapshot at this depth-time")
    }
    var schema = RunSchema(
      .information, title: configuration.title, arrays: arrays,
      defaultGroup:
        "\(Layout.Information.estimates)/\(settings.estimators[0].rawValue)/\(labels == nil ? "input" : "label")",
      provenance: Provenance(
        configuration: configuration.yaml, seed: configuration.seed, blasCore: BLASCore.name,
        sources: !naming
          ? []
          : try [reader.asSource(using: taps.map(\.path) + [Layout.Samples.group])]
            + (fields.map {
              [try $0.asSource(using: [Layout.Fields.group, Layout.Training.group])]
            } ?? [])))
    schema.explanation = InformExplanation(self).explanation()
    return schema
  }
}
