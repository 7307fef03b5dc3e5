import Archive
import Arrays
import Checkpoints
import Console
import Kernels
import Metrics
import PretrainedNetworks

/// A network that others trained, over arrays of samples and right answers.
struct ImportedEvaluation: Evaluated {
  private let imported: ImportedNetwork
  private let other: ImportedNetwork?
  private let input: CaptureInput
  private let answers: CapturedArray?
  private let isByPosition: Bool
  private let pool: WorkerPool
  private let seed: UInt64
  let title: String
  let untrained: String

  /// - Parameters:
  ///   - targets: right answers: tokens `[sample, position]`, negative where there is none, or classes `[sample]`; nil for the next token of a
  ///     causal network.
  init(
    _ name: String, _ names: CaptureInput.Names, targets: String?, checkpoint: Int?,
    against: (name: String, checkpoint: Int?)?, seed: UInt64, threads: Int
  ) throws {
    imported = try ImportedNetwork(name, checkpoint: checkpoint)
    let plan = imported.network.plan
    (self.seed, pool) = (seed, WorkerPool(threadCount: threads))
    title = imported.reader.title
    untrained = "matrices of independent Gaussian elements of the same norm, seed \(seed)"
    guard plan.taps.contains("logits") else {
      throw UsageError(
        "\(name): expected a network that gives scores of tokens or classes, found a \(plan.architecture) without a head"
      )
    }
    input = try CaptureInput(names, for: imported.network)
    isByPosition = input.isText && plan.axes(of: "logits", positions: input.positions).count == 2
    if let targets {
      let array = try CapturedArray(targets, option: "--targets")
      try array.require(
        isByPosition ? ["sample", "position"] : ["sample"], option: "--targets", isWhole: true)
      let expected = isByPosition ? input.arrays[0].shape : [input.arrays[0].shape[0]]
      guard array.shape == expected else {
        throw UsageError(
          "--targets \(targets): expected the shape \(expected), found \(array.shape)")
      }
      answers = array
    } else {
      guard isByPosition, plan.isCausal else {
        throw UsageError(
          "--targets is missing: a \(plan.architecture) does not predict the next token, so name the right answers: FILE:/array of "
            + (isByPosition
              ? "tokens [sample, position], negative where there is none" : "classes [sample]"))
      }
      answers = nil
    }
    other = try against.map {
      try ImportedNetwork($0.name, checkpoint: $0.checkpoint, option: "--against-checkpoint")
    }
    guard let other, other.network.plan.weights.rules != plan.weights.rules else { return }
    throw UsageError(
      "--against \(other.reader.path): expected a network of the shape of \(name), found another; import checkpoints of one network"
    )
  }

  func sources() throws -> [Provenance.Source] {
    let data = try CapturedArray.sources(input.arrays + [answers].compactMap { $0 })
    return try [imported.reader.asSource()]
      + [other].compactMap { $0 }.map {
        try $0.reader.asSource()
      } + data
  }

  private func network(_ weights: EvaluatedWeights) throws -> PretrainedNetwork {
    switch weights {
    case .untrained:
      return try imported.network(with: RandomWeights(imported.weights, seed: seed))
    case .mixture(let fraction):
      guard let other, fraction > 0 else { return imported.network }
      return try imported.network(
        with: MixedWeights(first: imported.weights, second: other.weights, fraction: fraction))
    }
  }

  let blocks = "samples"

  func score(_ weights: EvaluatedWeights, shuffled: Bool) throws -> EvaluatedScore {
    // One sample has no other's answers.
    guard !shuffled || input.samples.count > 1 else { return EvaluatedScore() }
    let network = try network(weights)
    var score = EvaluatedScore()
    let plan = network.plan
    let outputs = plan.axes(of: "logits", positions: input.positions).last?.length ?? 1
    let size = 4 * outputs * (isByPosition ? input.positions : 1)
    let batch = max(1, min(32, (64 << 20) / (size + plan.workingBytes(positions: input.positions))))
    let (samples, first) = (input.samples, input.samples.lowerBound)
    for start in stride(from: first, to: samples.upperBound, by: batch) {
      try StopRequest.check()
      let rows = start..<min(start + batch, samples.upperBound)
      let sink = ScoreSink()
      try network.run(try input.input(rows), on: pool, to: sink) { $0 == "logits" }
      for row in rows {
        let asked = shuffled ? first + (row + 1 - first) % samples.count : row
        let answers = try self.answers(asked)
        try check(answers, outputs, asked)
        let mask = try input.mask(row..<row + 1)
        add(
          answers, mask, outputs,
          sink.values[(row - start) * size / 4..<(row - start + 1) * size / 4], to: &score)
      }
    }
    return score
  }

  /// Right answers of a sample by position, negative where there is none; one answer for a class.
  private func answers(_ sample: Int) throws -> [Int32] {
    let rows = sample..<sample + 1
    if let answers { return try answers.readWhole(rows) }
    let tokens = try input.tokens(rows) ?? []
    let mask = try input.mask(rows) ?? tokens.map { _ in true }
    return tokens.indices.map { place in
      place + 1 < tokens.count && mask[place + 1] ? tokens[place + 1] : -1
    }
  }

  /// An answer that the network cannot give is a mistake, not one to be left out.
  private func check(_ answers: [Int32], _ outputs: Int, _ sample: Int) throws {
    guard let wrong = answers.first(where: { $0 >= outputs }), let array = self.answers else {
      return
    }
    throw UsageError(
      "--targets \(array.file): expected answers of 0 to \(outputs - 1), negative where there is none; found \(wrong) in sample \(sample)"
    )
  }

  private func add(
    _ answers: [Int32], _ mask: [Bool]?, _ outputs: Int, _ scores: ArraySlice<Float>,
    to score: inout EvaluatedScore
  ) {
    var block = (loss: 0.0, count: 0)
    for (place, answer) in answers.enumerated() where (0..<outputs).contains(Int(answer)) {
      guard !isByPosition || mask?[place] ?? true else { continue }
      let start = scores.startIndex + place * outputs
      let reading = Unembedding.read(scores[start..<start + outputs], target: Int(answer))
      block = (block.loss + reading.loss, block.count + 1)
      score.correct += reading.rank == 1 ? 1 : 0
    }
    score.blocks.append(block)
  }
}

/// Keeps the scores of one batch.
private final class ScoreSink: ArraySink {
  private(set) var values: [Float] = []

  func receive(_ name: String, axes: [Axis], values: UnsafeBufferPointer<Float>) throws {
    self.values = Array(values)
  }
}
