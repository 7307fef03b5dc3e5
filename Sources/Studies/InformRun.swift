import Archive
import Arrays
import Console
import Foundation
import Information
import Kernels

/// Estimates I(X;T) and I(T;Y) of every captured residual stream at every checkpoint of a run.
public struct InformRun {
  private let reader: RunReader
  private let configuration: StudyConfiguration
  private let pool: WorkerPool
  private let progress: ProgressLine
  private let taps: [(name: String, depthTime: Double)]
  private let labels: [Int32]
  private let checkpoints: Int

  /// Opens the run and checks the whole configuration, before anything is written.
  public init(_ name: String, settings: [String], threads: Int, progress: ProgressLine) throws {
    let reader = try RunReader(name, expecting: [.run])
    self.reader = reader
    let yaml = try reader.readTexts("/provenance/configuration").first ?? ""
    let configuration = try StudyConfiguration(
      yaml: yaml, name: "\(reader.path):/provenance/configuration", settings: settings)
    self.configuration = configuration
    pool = WorkerPool(threadCount: threads)
    self.progress = progress
    labels = try reader.read("/samples/label").elements
    checkpoints = try reader.describe("/checkpoints/step").shape[0]
    let layers = Double(configuration.model.layers)
    taps = try reader.names(in: "/activations").compactMap { name -> (String, Double)? in
      let parts = name.split(separator: ".")
      guard parts.count == 3, parts[0] == "residual", let layer = Double(parts[1]) else {
        return nil
      }
      let within: Double = parts[2] == "pre" ? 0 : parts[2] == "mid" ? 0.5 : 1
      return (name, (layer + within) / layers)
    }.sorted { ($0.1, $0.0) < ($1.1, $1.0) }
    guard !taps.isEmpty else {
      throw ArchiveError(
        .layout,
        "\(reader.path): no residual stream was captured; train with capture.taps "
          + "containing \"residual.*.post\"")
    }
  }

  /// Estimates everything and seals `out`; returns the sealed file.
  public func run(out: String, force: Bool) throws -> String {
    let recorder = try Recorder(
      RunPlace(out), try schema(), replacing: force, onEvent: progress.recorderEvents)
    do {
      recorder.write("/taps/name", taps.map(\.name))
      progress.begin("inform")
      for checkpoint in 0..<checkpoints {
        try estimate(checkpoint, recorder)
        try recorder.commit()
        try Interruption.check("begin again with --force") {}
      }
      progress.end("\(checkpoints * taps.count) layers x checkpoints")
      return try recorder.seal()
    } catch {
      recorder.abandon()
      throw error
    }
  }

  private typealias Pair = (input: Estimate, label: Estimate)

  private func estimate(_ checkpoint: Int, _ recorder: Recorder) throws {
    var results = [Result<[Pair], any Error>](repeating: .success([]), count: taps.count)
    results.withUnsafeMutableBufferPointer { results in
      pool.forEach(taps.count) { item, _ in
        results[item] = Result { try estimate(taps[item].name, checkpoint) }
      }
    }
    let values = try results.map { try $0.get() }
    for (index, estimator) in configuration.information.estimators.enumerated() {
      try append(values.map { $0[index].input }, "/estimates/\(estimator)/input", recorder)
      try append(values.map { $0[index].label }, "/estimates/\(estimator)/label", recorder)
    }
    progress.update(
      (checkpoint + 1) * taps.count, of: checkpoints * taps.count, unit: "layers")
  }

  private func estimate(_ tap: String, _ checkpoint: Int) throws -> [Pair] {
    let values: NDArray<Float> = try reader.readRow("/activations/\(tap)/values", checkpoint)
    let samples = try LayerSamples(count: values.shape[0], values: values.elements)
    let labels = Array(labels.prefix(samples.count))
    let settings = configuration.information
    let plan = ResamplingPlan(
      resamples: settings.resamples, shuffles: settings.shuffles, seed: configuration.seed)
    return settings.estimators.map { name in
      if name == "kde" {
        let density = KernelDensity(samples, noise: settings.noise)
        return (density.inputInformation(plan), density.labelInformation(labels, plan))
      }
      let binning = Binning(samples, bins: settings.bins)
      return (binning.inputInformation(plan), binning.labelInformation(labels, plan))
    }
  }

  private func append(_ estimates: [Estimate], _ group: String, _ recorder: Recorder) throws {
    try recorder.append(group + "/value", estimates.map(\.value))
    try recorder.append(group + "/null", estimates.map(\.null))
    try recorder.append(group + "/null_upper", estimates.map(\.nullUpper))
    try recorder.append(group + "/lower", estimates.map(\.lower))
    try recorder.append(group + "/upper", estimates.map(\.upper))
    try recorder.append(group + "/flags", estimates.map(\.flags.rawValue))
  }

  private func schema() throws -> RunSchema {
    typealias Axis = ArraySchema.AxisSchema
    let depth = Axis(
      "depth_time", taps.count, coordinates: taps.map(\.depthTime),
      longName: "depth-time, layer / layer count")
    let settings = configuration.information
    var arrays = [
      ArraySchema("/taps/name", .utf8, [Axis("tap", taps.count)], longName: "tap of each depth")
    ]
    for estimator in settings.estimators {
      for (quantity, name) in [("input", "I(X;T)"), ("label", "I(T;Y)")] {
        let group = "/estimates/\(estimator)/\(quantity)"
        let text =
          estimator == "kde"
          ? "upper bound, noise \(settings.noise) of each layer's root-mean-square spread"
          : "\(settings.bins) bins a channel over its range"
        let attributes: [String: AttributeValue] = [
          "estimator": .text(estimator), "settings": .text(text),
          "samples": .integer(Int64(labels.count)),
          "shuffles": .integer(Int64(settings.shuffles)),
          "resamples": .integer(Int64(settings.resamples)),
        ]
        for (part, longName) in [
          ("value", "\(name) by \(estimator)"), ("null", "\(name), mean over shuffles"),
          ("null_upper", "\(name), 97.5 % quantile over shuffles"),
          ("lower", "\(name), 2.5 % limit by delete-half subsampling"),
          ("upper", "\(name), 97.5 % limit by delete-half subsampling"),
        ] {
          arrays.append(
            ArraySchema(
              group + "/" + part, .float64, [.growing("checkpoint"), depth], longName: longName,
              units: "nat", attributes: attributes))
        }
        arrays.append(
          ArraySchema(
            group + "/flags", .uint8, [.growing("checkpoint"), depth], longName: "warnings, bits",
            attributes: ["flag_meanings": .text(Estimate.Flags.meanings)]))
      }
    }
    return RunSchema(
      .information, title: configuration.title, arrays: arrays,
      defaultGroup: "/estimates/\(settings.estimators[0])/label",
      provenance: Provenance(
        configuration: configuration.yaml, seed: configuration.seed, blasCore: BLASCore.name,
        sources: [try reader.asSource()]))
  }
}
