import Kernels
import Transformer

/// The network against PyTorch, and its promises of exactness: bits that do not depend on threads or interruptions, masks
/// that do not leak.
public struct TransformerVerification {
  private let threads: Int

  /// With up to `threads` threads, at least three are tried.
  public init(threads: Int) { self.threads = threads }

  /// All rows.
  public func run() throws -> [VerificationRow] {
    try references() + masks() + exactness()
  }

  private func references() throws -> [VerificationRow] {
    let vectors = try ReferenceVectors()
    return try vectors.cases.flatMap { entry -> [VerificationRow] in
      let (double, single) = (try entry.compare(Double.self), try entry.compare(Float.self))
      return [
        VerificationRow(
          "\(entry.name): loss", expected: entry.loss, found: double.loss, tolerance: 1e-9,
          note: "PyTorch \(vectors.torch), nats"),
        VerificationRow(
          "\(entry.name): float64", expected: 0, found: double.difference, tolerance: 1e-9,
          note: "worst relative difference"),
        VerificationRow(
          "\(entry.name): float32", expected: 0, found: single.difference, tolerance: 2e-5,
          note: "worst relative difference"),
      ]
    }
  }

  /// Logits before a position that changed, whose bits changed too; of padding, logits that changed with it.
  private func masks() throws -> [VerificationRow] {
    var rows: [VerificationRow] = []
    for positions in [PositionEncoding.learned, .rotary] {
      var variant = ModelConfiguration.Variant()
      (variant.isCausal, variant.pooling, variant.positions) = (true, .each, positions)
      let causal = try ModelConfiguration(
        input: .tokens(vocabulary: 50), positionCount: 24, width: 32, headCount: 4, layerCount: 3,
        mlpWidth: 64, classCount: 50, variant: variant)
      rows.append(
        VerificationRow(
          "causal mask, \(positions.rawValue) positions: leaks", expected: 0,
          found: Double(leaks(causal, lengths: false)), tolerance: 0))
      (variant.isCausal, variant.pooling) = (false, .mean)
      let padded = try ModelConfiguration(
        input: .tokens(vocabulary: 50), positionCount: 24, width: 32, headCount: 4, layerCount: 3,
        mlpWidth: 64, classCount: 50, variant: variant)
      rows.append(
        VerificationRow(
          "padding mask, \(positions.rawValue) positions: leaks", expected: 0,
          found: Double(leaks(padded, lengths: true)), tolerance: 0))
    }
    return rows
  }

  private func leaks(_ model: ModelConfiguration, lengths: Bool) -> Int {
    let layout = ParameterLayout(model)
    let weights = Buffer<Float>(layout.count)
    weights.assign(layout.initialValues(seed: 4).map { Float($0) })
    let pass = NetworkPass<Float>(model, layout, capacity: 1)
    var random = Philox(seed: 4, purpose: .null)
    let tokens = (0..<24).map { _ in Int32(random.uniform() * 50) }
    func logits(from changed: Int) -> [UInt32] {
      let slot = pass.slot(0)
      slot.fill(lengths ? max(changed, 1) : 24)
      for i in 0..<24 { slot.tokens[i] = i < changed ? tokens[i] : (tokens[i] + 7) % 50 }
      pass.forward(weights.start, samples: 1)
      let count = model.targetCount == 1 ? 50 : changed * 50
      return (0..<count).map { pass.logits[$0].bitPattern }
    }
    return (1..<24).count { place in
      let changed = logits(from: place)
      if lengths {
        // The same length, other padding.
        for i in place..<24 { pass.slot(0).tokens[i] = 3 }
        pass.forward(weights.start, samples: 1)
        return (0..<50).contains { pass.logits[$0].bitPattern != changed[$0] }
      }
      return Array(logits(from: 24).prefix(changed.count)) != changed
    }
  }

  // MARK: - Bits

  private static let stepCount = 12

  private func exactness() throws -> [VerificationRow] {
    var rows: [VerificationRow] = []
    for dropout in [0, 0.2] {
      let name = dropout > 0 ? " with dropout" : ""
      let whole = try train(dropout, threads: 1)
      for count in Set([2, 3, threads]).subtracting([1]).sorted() {
        let other = try train(dropout, threads: count)
        rows.append(
          VerificationRow(
            "weights on \(count) threads\(name): bits that differ from 1 thread", expected: 0,
            found: Double(Self.differing(whole, other)), tolerance: 0))
      }
      let resumed = try (1..<Self.stepCount).map { step in
        Self.differing(whole, try train(dropout, threads: 2, resumingAt: step))
      }
      rows.append(
        VerificationRow(
          "weights resumed at each of \(Self.stepCount - 1) steps\(name): that differ", expected: 0,
          found: Double(resumed.reduce(0, +)), tolerance: 0))
    }
    return rows
  }

  private static func differing(_ a: [Float], _ b: [Float]) -> Int {
    zip(a, b).count { $0.bitPattern != $1.bitPattern }
  }

  /// Weights after twelve steps; resuming means a second trainer that is given weights, moments and step count alone.
  private func train(_ dropout: Double, threads: Int, resumingAt resumed: Int? = nil) throws
    -> [Float]
  {
    var variant = ModelConfiguration.Variant()
    variant.dropout = dropout
    let model = try ModelConfiguration(
      input: .patches(width: 16), positionCount: 9, width: 32, headCount: 4, layerCount: 2,
      mlpWidth: 64, classCount: 3, variant: variant)
    let optimizer = OptimizerConfiguration(rate: 3e-3, warmup: 0.1, decay: 0.01, clip: 1)
    let source = DrawnSamples(size: 16 * 9)
    func trainer() -> Trainer<Float> {
      Trainer(model, optimizer, batch: 20, seed: 1, pool: WorkerPool(threadCount: threads))
    }
    var current = trainer()
    let order = Array(0..<source.count)
    for step in 0..<Self.stepCount {
      if step == resumed {
        let next = trainer()
        next.weights.assign(current.weights.array)
        next.optimizer.first.assign(current.optimizer.first.array)
        next.optimizer.second.assign(current.optimizer.second.array)
        next.optimizer.stepCount = current.optimizer.stepCount
        current = next
      }
      let start = step * 30 % 90
      _ = current.step(order[start..<start + 30], from: source, rate: 3e-3)
    }
    return current.weights.array
  }

  /// 120 samples of three classes, drawn once.
  private struct DrawnSamples: SampleSource {
    let count = 120
    let size: Int
    let values: [Float]

    init(size: Int) {
      var random = Philox(seed: 8, purpose: .null)
      self.size = size
      values = (0..<120 * size).map { Float(random.normal() + Double($0 / size % 3)) }
    }

    func write(_ index: Int, to slot: SampleSlot<Float>) {
      for i in 0..<size { slot.input[i] = values[index * size + i] }
      slot.targets[0] = Int32(index % 3)
    }
  }
}
