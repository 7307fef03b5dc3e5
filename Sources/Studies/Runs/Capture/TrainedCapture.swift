import Archive
import Arrays
import Console
import Kernels
import Transformer

/// A network that was trained here, and samples of its own data set or arrays of other people.
///
/// Its passes are kept from batch to batch, so that it is used by one thread at a time.
final class TrainedCapture: CaptureSubject {
  private let run: TrainedRun
  private let weights: Buffer<Float>
  private let data: any TrainedInput
  private var sampler: (taps: [String], rows: Int, sampler: TapSampler)?
  let step: Int32
  let taps: [String]
  let samples: Range<Int>

  /// - Throws: `UsageError` for data that the network does not take, `ArchiveError` where its data set has changed or is gone.
  init(
    _ network: String, _ names: CaptureInput.Names, split: DataSplit?, checkpoint: Int?
  ) throws {
    run = try TrainedRun(network, settings: [])
    let row = try EvaluationRun.row(
      checkpoint, of: try run.checkpointCount(), run.reader.path)
    step = try run.reader.readRow(Layout.Checkpoints.step, row, as: Int32.self).elements.first ?? 0
    weights = try run.weights(row)
    let model = run.study.model
    taps = Tap.all(model).filter { !$0.isGradient }.map(\.name)
    switch (names.tokens, names.images) {
    case (nil, nil):
      guard names.mask == nil else {
        throw UsageError("--mask says which --tokens are padding; pass those too")
      }
      data = TrainedSplit(run.study, split ?? .test)
    case (let tokens?, nil):
      data = try TokenArrays(tokens, mask: names.mask, for: run.study)
    case (nil, let images?): data = try ImageArrays(images, for: run.study)
    default: throw UsageError("pass --tokens or --images, not both")
    }
    guard split == nil || data is TrainedSplit else {
      throw UsageError(
        "--split is of the network's own data set; leave it out with --tokens and --images")
    }
    samples = try CaptureInput.range(names.samples, of: data.count)
    try data.check(samples)
  }

  var reader: RunReader { run.reader }
  var document: String? { nil }
  var title: String { "\(run.reader.title), over \(data.title)" }
  var parameterCount: Int { run.layout.count }
  var workingBytes: Int { NetworkPass<Float>.byteCount(run.study.model, capacity: 16) / 16 }
  var inputs: [(key: String, name: String)] { data.inputs }
  var files: [String] { data.files }

  private func tap(_ name: String) -> Tap? { Tap.matching(name, in: run.study.model).first }

  func axes(of tap: String) -> [Axis] {
    Array(self.tap(tap)?.axes(run.study.model, samples: 1).dropFirst() ?? [])
  }

  func longName(of tap: String) -> String { self.tap(tap)?.summary ?? tap }

  func sampleArrays() -> [ArraySchema] { data.sampleArrays() }

  func writeOnce(to recorder: Recorder) { data.writeOnce(to: recorder) }

  func index(_ row: Int) -> Int32 { Int32(clamping: data.index(row)) }

  func append(_ rows: Range<Int>, to recorder: Recorder) throws {
    try data.append(rows, to: recorder)
  }

  func sources() throws -> [Provenance.Source] { try [run.source()] + data.sources() }

  func run(_ rows: Range<Int>, taps: [String], on pool: WorkerPool) throws -> [String: [Float]] {
    let sampler = try self.sampler(taps, rows.count, pool)
    let (source, places) = try data.source(rows)
    let results = sampler.run(weights, samples: places, from: source)
    var values: [String: [Float]] = [:]
    for (name, result) in zip(taps, results) {
      let size = axes(of: name).map(\.length).reduce(1, *)
      values[name] = Array(result.elements.prefix(size * rows.count))
    }
    return values
  }

  /// The sampler of the batch before, where that was as long or longer.
  private func sampler(_ taps: [String], _ rows: Int, _ pool: WorkerPool) throws -> TapSampler {
    if let kept = sampler, kept.taps == taps, kept.rows >= rows { return kept.sampler }
    let made = TapSampler(run.study, taps.compactMap { tap($0) }.map { ($0, rows) }, pool: pool)
    sampler = (taps, rows, made)
    return made
  }

  var form: NetworkForm {
    let model = run.study.model
    var form = NetworkForm()
    (form.isCausal, form.classTokens) = (model.variant.isCausal, model.classTokenCount)
    (form.rows, form.mlp) = (model.grid.rows, model.mlpWidth)
    if model.keyValueHeadCount != model.headCount { form.keyValueHeads = model.keyValueHeadCount }
    form.norm = model.variant.normKind.rawValue
    form.activation = model.variant.activation.rawValue
    form.isRotary = model.variant.positions == .rotary
    form.finalNorm = "not_applied"
    return form
  }
}
