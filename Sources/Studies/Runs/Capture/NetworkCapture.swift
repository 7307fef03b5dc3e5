import Archive
import Arrays
import Console
import Kernels

/// Runs a network, imported or trained here, over samples and archives the arrays that are tapped. Memory does not depend on the number of samples.
public struct NetworkCapture {
  let subject: any CaptureSubject
  /// Names of the arrays that are captured, in the order in which they come about.
  let taps: [String]
  let type: ElementType
  private let patterns: [String]
  /// Which samples equations are fitted to.
  private let split: [UInt8]
  private let pool: WorkerPool
  private let progress: ProgressLine

  /// What is left of an interrupted capture.
  public static let advice =
    "samples that were finished are kept; go on with the same command and --resume"

  /// What is captured unless something else is asked for: everything but the states between attention and MLP.
  public static let usual = [
    "residual.0.pre", "residual.*.post", "attention.*.map", "final_norm.output", "logits", "pooled",
  ]

  /// Bytes of working memory and results that the samples of a batch may take together.
  private static let batchBytes = 32 << 20
  private static let largestBatch = 64

  /// Opens the network at a checkpoint, from 0 (the last when nil), and looks at all input, before anything is written.
  /// - Throws: `UsageError`, ``ArchiveError`` or ``CheckpointError`` for a network that is none, input it does not take, or a tap
  ///   that it does not have.
  ///
  /// Of a network that was trained here the samples of a split of its data set are taken, those of `test` unless told otherwise,
  /// when no array is named.
  public init(
    _ network: String, _ names: CaptureInput.Names, split: DataSplit? = nil,
    taps patterns: [String], type: ElementType,
    checkpoint: Int?, threads: Int, progress: ProgressLine
  ) throws {
    if try RunReader(network, expecting: [.run]).isStudy() {
      subject = try TrainedCapture(network, names, split: split, checkpoint: checkpoint)
    } else {
      guard split == nil else {
        throw UsageError("--split: \(network) was trained by others; name its --tokens or --images")
      }
      subject = try ImportedCapture(network, names, checkpoint: checkpoint)
    }
    taps = try Self.choose(patterns, of: subject.taps)
    (self.type, self.patterns, self.progress) = (type, patterns, progress)
    self.split = HeldOutSplit.draw(subject.samples.count, seed: HeldOutSplit.seed)
    pool = WorkerPool(threadCount: threads)
  }

  private static func choose(_ patterns: [String], of names: [String]) throws -> [String] {
    guard !patterns.isEmpty else {
      return names.filter { name in usual.contains { name.matches(pattern: $0) } }
    }
    for pattern in patterns where !names.contains(where: { $0.matches(pattern: pattern) }) {
      let nearest = names.sorted {
        NameDistance.between(pattern, $0) < NameDistance.between(pattern, $1)
      }.prefix(3)
      throw UsageError(
        "--taps \(pattern): the network has no such array; the nearest are "
          + nearest.joined(separator: ", "))
    }
    return names.filter { name in patterns.contains { name.matches(pattern: $0) } }
  }

  /// Every file of data that is read.
  public var files: [String] { subject.files }

  // MARK: - Size

  /// What a capture will take.
  public struct Plan: Encodable, Sendable {
    /// One array.
    public struct Item: Encodable, Sendable {
      /// Its path, shape, and bytes before compression.
      public var path: String, shape: [Int], bytes: Int
    }
    /// Every array of the network.
    public var arrays: [Item]
    /// Number of samples, and how many run together.
    public var samples: Int, batch: Int
    /// Bytes of all arrays before compression, and of memory.
    public var bytes: Int, memory: Int
    /// Seconds of the passes, from one batch that was run for this.
    public var seconds: Double
  }

  /// Runs one batch, and says from it what all will take.
  public func plan() throws -> Plan {
    let count = subject.samples.count
    let arrays = tapArrays().map { array in
      let shape = [1] + array.shape(rows: count)
      return Plan.Item(
        path: array.path, shape: shape, bytes: shape.reduce(array.type.byteCount ?? 1, *))
    }
    let clock = ContinuousClock.now
    let first = subject.samples.prefix(batch)
    _ = try subject.run(first.startIndex..<first.endIndex, taps: taps, on: pool)
    let seconds = (ContinuousClock.now - clock) / .seconds(1)
    let weights = 4 * subject.parameterCount
    return Plan(
      arrays: arrays, samples: count, batch: batch,
      bytes: arrays.reduce(0) { $0 + $1.bytes },
      memory: weights + 2 * batch * sampleBytes + Self.limits.bytes + (100 << 20),
      seconds: seconds * Double(count) / Double(first.count))
  }

  /// When rows are committed, and how many are on their way to disk.
  public static let limits = RecorderLimits(bytes: 16 << 20, commitBytes: 8 << 20)

  /// Bytes of working memory and results of one sample.
  private var sampleBytes: Int {
    taps.reduce(subject.workingBytes) { sum, tap in
      sum + subject.axes(of: tap).reduce(4) { $0 * $1.length }
    }
  }

  private var batch: Int { max(1, min(Self.largestBatch, Self.batchBytes / sampleBytes)) }

  // MARK: - The archive

  /// Runs all samples and seals `out`; returns the sealed file. Resuming goes on after the last batch that was committed.
  public func run(
    out: String, _ beginning: TrainRun.Beginning,
    commitSeconds: Double = NetworkCapture.limits.commitSeconds
  ) throws -> String {
    let place = RunPlace(out)
    var plan = Resumption.Plan(
      beginning: beginning, anchor: Layout.Samples.index, limits: Self.limits, form: .verbatim)
    plan.limits.commitSeconds = commitSeconds
    let begun = try Resumption(
      place, try schema(patterns), plan, progress: progress,
      onEvent: { [tell = progress.recorderEvents] event in
        // The bound is small, so that memory stays; waiting for the disk is no news then.
        if case .waited = event { return }
        tell(event)
      })
    guard let begun else { return place.file }
    let recorder = begun.recorder
    do {
      let done =
        begun.isResumed ? try RunReader(place.folder).describe(Layout.Samples.index).shape[0] : 0
      if done > 0 { progress.note("resuming after \(done) samples") }
      if let document = subject.document {
        recorder.write(Layout.Network.configuration, [document])
      }
      subject.writeOnce(to: recorder)
      try begun.appendOnce(Layout.Checkpoints.step, [subject.step])
      progress.begin("capture")
      // Whole batches were committed: the same samples run together as in a capture that was never stopped.
      let samples = subject.samples
      for first in stride(
        from: samples.lowerBound + done, to: samples.upperBound, by: batch)
      {
        let rows = first..<min(first + batch, samples.upperBound)
        try append(rows, to: recorder)
        try recorder.tick()
        progress.update(
          rows.upperBound - samples.lowerBound, of: samples.count, unit: "samples")
        try Interruption.check(Self.advice) { try recorder.finish() }
      }
      progress.end("\(samples.count) samples, \(taps.count) arrays")
      return try recorder.seal()
    } catch let stopped as Stopped {
      // Between two layers: whole batches are there.
      try recorder.finish()
      recorder.abandon()
      throw Interrupted(signal: stopped.signal, advice: Self.advice)
    } catch {
      recorder.abandon()
      throw error
    }
  }

  /// Rows are appended when a batch is through, so that all arrays have equally many at any time.
  private func append(_ rows: Range<Int>, to recorder: Recorder) throws {
    let results = try subject.run(rows, taps: taps, on: pool)
    for tap in taps {
      guard let values = results[tap] else { continue }
      try recorder.append(Self.path(tap), values)
    }
    try recorder.append(Layout.Samples.index, rows.map(subject.index))
    try recorder.append(
      Layout.Samples.split, rows.map { split[$0 - subject.samples.lowerBound] })
    try subject.append(rows, to: recorder)
  }

  /// Path of a tap's array.
  static func path(_ tap: String) -> String {
    TapName(tap)?.path ?? Layout.output(tap)
  }
}
