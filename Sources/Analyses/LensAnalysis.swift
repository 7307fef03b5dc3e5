import Archive
import Arrays
import Console
import Foundation
import Kernels
import Metrics

/// The logit lens: what the network would answer if its last layer came earlier.
package struct LensAnalysis: Analysis {
  /// All places at one depth.
  struct Depth {
    let tap: String
    /// Loss, rank and highest answer at each place.
    let readings: [Unembedding.Reading]
    /// Loss of targets that were dealt anew, and with a random matrix in place of the scores'.
    let shuffled: [Double], random: [Double]
    /// Loss of the network before training, from its own state; empty without one.
    var untrained: [Double] = []
  }

  private(set) var depths: [Depth] = []
  let targets: LensTargets
  let positions: Int
  /// Largest difference between the lens at the last layer and captured scores, relative to the largest score; nil where none were
  /// captured.
  private(set) var difference: Double?
  let path: String
  let checkpoint: Int
  let answers: NetworkHead.Answers
  private let seed: UInt64
  private let outputs: Int

  /// Rows of states that are scored together.
  private static let block = 32

  /// - Parameters:
  ///   - capture: states `residual.0.pre` and `residual.*.post`.
  ///   - network: parameters of the network they are of; may be the same archive.
  ///   - limit: samples at most; nil for all.
  /// - Throws: ``Archive/ArchiveError`` when the two do not belong together or the network has no scores.
  package init(
    capture: RunReader, network: RunReader, checkpoint: Int?, limit: Int?, seed: UInt64
  ) throws {
    let run = try RunContent(capture)
    let archived = try ArchivedNetwork(network)
    let taps = try capture.residualTaps()
    guard taps.count == archived.layerCount + 1 else {
      throw ArchiveError(
        .layout,
        "\(capture.path): expected states of \(archived.layerCount) layers as \(network.path) has, found \(taps.count - 1)"
      )
    }
    let row = try capture.checkpointRow(checkpoint, of: run.steps.count)
    let networkRow = try Self.row(of: run.steps[row], in: archived, capture)
    let head = try NetworkHead(archived, checkpoint: networkRow)
    let shape = try capture.describe(taps[0].path).shape
    let samples = min(shape[1], limit ?? shape[1])
    outputs = head.unembedding.scores.outputs
    (positions, path, self.checkpoint) = (shape[2], capture.path, row)
    (answers, self.seed) = (head.answers, seed)
    var targets = try LensTargets(
      run, head.answers, samples: samples, positions: shape[2], outputs: outputs)
    if targets.areOwnAnswers, let last = taps.last {
      let states = try Self.states(run, last, row, head, targets)
      targets.answer(Self.read(states, targets.places.map(\.target), head.unembedding).map(\.top))
    }
    self.targets = targets
    let untrained =
      try row > 0 && capture.path == network.path && network.startsUntrained()
      ? NetworkHead(archived, checkpoint: 0) : nil
    let random = Self.random(head.unembedding, seed: seed)
    let right = targets.places.map(\.target)
    let dealt = targets.shuffled(seed: seed)
    for tap in taps {
      try StopRequest.check()
      let states = try Self.states(run, tap, row, head, targets)
      var depth = Depth(
        tap: "\(tap)", readings: Self.read(states, right, head.unembedding),
        shuffled: Self.read(states, dealt, head.unembedding).map(\.loss),
        random: Self.read(states, right, random).map(\.loss))
      if let untrained {
        depth.untrained = Self.read(
          try Self.states(run, tap, 0, untrained, targets), right, untrained.unembedding
        ).map(\.loss)
      }
      depths.append(depth)
    }
    difference = try Self.difference(run, taps, row, head, targets)
  }

  /// The network's checkpoint that the states are of.
  private static func row(
    of step: Int32, in network: ArchivedNetwork, _ capture: RunReader
  ) throws -> Int {
    let steps = try network.reader.read(Layout.Checkpoints.step, as: Int32.self).elements
    guard let row = steps.lastIndex(of: step) else {
      throw ArchiveError(
        .layout,
        "\(capture.path): expected states of a checkpoint of \(network.reader.path), found those of step \(step)"
      )
    }
    return row
  }

  /// States behind the final norm, `[place, channel]`; means over positions are taken behind it, as the network does.
  private static func states(
    _ run: RunContent, _ tap: TapName, _ row: Int, _ head: NetworkHead, _ targets: LensTargets
  ) throws -> [Float] {
    let state = try run.residual(tap, checkpoint: row)
    let (positions, width) = (state.shape[1], state.shape[2])
    func rows(_ sample: Int, _ range: Range<Int>) -> [Float] {
      let start = (sample * positions + range.lowerBound) * width
      return head.unembedding.normed(Array(state.elements[start..<start + range.count * width]))
    }
    var out: [Float] = []
    out.reserveCapacity(targets.places.count * width)
    for place in targets.places {
      if let position = place.position {
        out += rows(place.sample, position..<position + 1)
      } else {
        let count = targets.lengths[place.sample]
        let all = rows(place.sample, 0..<count)
        out += (0..<width).map { channel in
          stride(from: channel, to: all.count, by: width).reduce(Float(0)) { $0 + all[$1] }
            / Float(count)
        }
      }
    }
    return out
  }

  private static func read(
    _ states: [Float], _ targets: [Int], _ unembedding: Unembedding
  ) -> [Unembedding.Reading] {
    let width = states.count / max(targets.count, 1)
    let outputs = unembedding.scores.outputs
    var readings: [Unembedding.Reading] = []
    for first in stride(from: 0, to: targets.count, by: block) {
      let end = min(first + block, targets.count)
      let scores = unembedding(Array(states[first * width..<end * width]), skippingNorm: true)
      for place in first..<end {
        let row = scores[(place - first) * outputs..<(place - first + 1) * outputs]
        readings.append(Unembedding.read(row, target: targets[place]))
      }
    }
    return readings
  }

  /// Scores of independent Gaussian elements of the same norm, without bias.
  private static func random(_ unembedding: Unembedding, seed: UInt64) -> Unembedding {
    var random = Philox(seed: seed, purpose: .noise, index: 0x1e46)
    let weight = unembedding.scores.weight
    let square = weight.reduce(0.0) { $0 + Double($1) * Double($1) }
    let scale = (square / Double(max(weight.count, 1))).squareRoot()
    var out = unembedding
    out.scores = .init(
      weight: weight.map { _ in Float(scale * random.normal()) }, bias: nil,
      outputs: unembedding.scores.outputs)
    return out
  }

  private static func difference(
    _ run: RunContent, _ taps: [TapName], _ row: Int, _ head: NetworkHead, _ targets: LensTargets
  ) throws -> Double? {
    let path = TapName(.logits).path
    guard run.reader.contains(path), let last = taps.last, !targets.places.isEmpty else {
      return nil
    }
    let logits: NDArray<Float> = try run.reader.readRow(path, row)
    let outputs = head.unembedding.scores.outputs
    let isByPosition = logits.rank == 3
    let kept = targets.places.indices.filter { targets.places[$0].sample < logits.shape[0] }
      .prefix(256)
    let states = try states(run, last, row, head, targets)
    let width = states.count / targets.places.count
    var (largest, worst) = (Float(0), Float(0))
    for index in kept {
      let place = targets.places[index]
      let scores = head.unembedding(
        Array(states[index * width..<(index + 1) * width]), skippingNorm: true)
      let start =
        (isByPosition
          ? place.sample * logits.shape[1] + (place.position ?? 0) : place.sample) * outputs
      for i in 0..<outputs {
        worst = max(worst, abs(scores[i] - logits.elements[start + i]))
        largest = max(largest, abs(logits.elements[start + i]))
      }
    }
    return kept.isEmpty ? nil : Double(worst) / Double(max(1, largest))
  }

  // MARK: - Results

  package func report() -> Report {
    let hasUntrained = depths.contains { !$0.untrained.isEmpty }
    var report = Report(
      "lens",
      [
        ("depth", "depth"), ("tap", "state"), ("loss", "loss"), ("loss_lower", "2.5 %"),
        ("loss_upper", "97.5 %"), ("rank_median", "rank, median"), ("accuracy", "accuracy"),
        ("loss_shuffled", "shuffled"), ("loss_random", "random matrix"),
        ("loss_untrained", "untrained"),
      ])
    for (number, depth) in depths.enumerated() {
      let losses = bySample(depth.readings.map(\.loss))
      let interval = Bootstrap(count: losses.count, seed: seed).interval(ofMean: losses)
      let ranks = depth.readings.map(\.rank).sorted()
      report.add([
        .integer(number), .text(depth.tap),
        .number(losses.finiteMean, digits: 4), .number(interval.lower, digits: 4),
        .number(interval.upper, digits: 4), .integer(ranks[ranks.count / 2]),
        .number(
          Double(depth.readings.count { $0.rank == 1 }) / Double(depth.readings.count), digits: 4),
        .number(bySample(depth.shuffled).finiteMean, digits: 4),
        .number(bySample(depth.random).finiteMean, digits: 4),
        .number(hasUntrained ? bySample(depth.untrained).finiteMean : .nan, digits: 4),
      ])
    }
    report.notes = [
      "The right answer is \(targets.words), of \(outputs); \(targets.places.count) of them. loss: -ln of its probability, mean over samples of the mean over positions, in "
        + "nats, 95 % over samples; \(Format.fixed(log(Double(outputs)), 3)) for equal scores. rank: 1 when it has the highest score.",
      "shuffled: right answers dealt anew among positions and samples; random matrix: independent Gaussian elements of the norm of the scores' matrix; seed \(seed).",
    ]
    if targets.areOwnAnswers {
      report.notes.append(
        "The data has no labels, so ranks say how early the network's own answer stands, not whether it is right."
      )
    }
    if let difference {
      report.notes.append(
        "At the last layer the lens gives the captured scores to \(Format.digits(difference)) of the largest."
      )
    }
    return report
  }

  /// Means over the places of each sample.
  func bySample(_ values: [Double]) -> [Double] {
    guard values.count == targets.places.count else { return [] }
    var sums: [Int: (sum: Double, count: Double)] = [:]
    for (place, value) in zip(targets.places, values) {
      let old = sums[place.sample] ?? (0, 0)
      sums[place.sample] = (old.sum + value, old.count + 1)
    }
    return sums.keys.sorted().compactMap { key in sums[key].map { $0.sum / $0.count } }
  }
}
