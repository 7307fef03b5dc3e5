import Kernels

/// Nearest neighbours on learned codes (Gowri et al. 2024): each side is encoded into few numbers that predict both sides
/// best, and ``Kraskov`` is applied to the codes of held-out pairs. In nats.
///
/// Two halves: each is valued with encoders trained on the other. What does not hold: a code is a function of its side, so
/// the value is at most the information in theory; what more than `codeDimension` numbers carry is lost, and what the
/// squared error does not see (rare or small features) is not encoded.
public struct LatentInformation: MutualInformationEstimator {
  /// Numbers each side is encoded into.
  public var codeDimension: Int
  private let key: UInt64
  private let hidden = 64
  private let passes = 60

  /// An estimator.
  public init(codeDimension: Int = 2, seed: UInt64) {
    (self.codeDimension, key) = (codeDimension, seed)
  }

  /// Name on the command line and in archives.
  public var name: String { "latent" }
  /// See ``MutualInformationEstimator/treatment``.
  public var treatment: Treatment.Kind { .density }
  /// Its settings in words.
  public var settings: String {
    "codes of \(codeDimension) dimensions, ksg with k = 5 on held-out halves"
  }
  /// Seed of its own random choices.
  public var seed: UInt64? { key }
  /// Whether an interval is made by resampling.
  public var isResampled: Bool { false }

  /// The estimate and its flags; see ``MutualInformationEstimator/value(_:_:)``.
  public func value(
    _ pairs: PairedSamples, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags) {
    guard pairs.count >= 200 else {
      throw EstimationError(
        message: "trained codes need at least 200 pairs, found \(pairs.count); use ksg or gaussian")
    }
    let scaled = Preprocessing.standard.apply(pairs)
    var random = Philox(seed: key, purpose: .shuffling, index: 1)
    let order = random.permutation(pairs.count)
    let halves = [Array(order[..<(pairs.count / 2)]), Array(order[(pairs.count / 2)...])]
    var codes = [PairedSamples?](repeating: nil, count: 2)
    codes.withUnsafeMutableBufferPointer { codes in
      nonisolated(unsafe) let codes = codes
      pool.forEach(2) { half, _ in
        codes[half] = encode(scaled, training: halves[1 - half], held: halves[half], UInt64(half))
      }
    }
    let found = try codes.compactMap { $0 }.map { try Kraskov().value($0, pool) }
    let values = found.map(\.value)
    let mean = (values[0] + values[1]) / 2
    var flags: Estimate.Flags = []
    if found.contains(where: { $0.flags.contains(.ties) }) { flags.insert(.ties) }
    if abs(values[0] - values[1]) > 0.2 + 0.5 * abs(mean) { flags.insert(.notConverged) }
    if min(pairs.x.dimension, pairs.y.dimension) > codeDimension { flags.insert(.highDimension) }
    return (mean, flags)
  }

  private func encode(
    _ pairs: PairedSamples, training: [Int], held: [Int], _ index: UInt64
  ) -> PairedSamples {
    var random = Philox(seed: key, purpose: .fitting, index: 16 + index)
    let (dx, dy) = (pairs.x.dimension, pairs.y.dimension)
    let encoders = [dx, dy].map {
      Perceptron(input: $0, hidden: hidden, output: min(codeDimension, $0), &random)
    }
    // From each code both sides are predicted: what only one side knows is worth less than what both do.
    let decoders = encoders.map {
      Perceptron(input: $0.output, hidden: hidden, output: dx + dy, &random)
    }
    let both = pairs.x.beside(pairs.y)
    let size = min(128, training.count)
    for pass in 0..<passes {
      let order = random.permutation(training.count)
      let rate = 3e-3 * (1 - 0.95 * Double(pass) / Double(passes))
      for start in stride(from: 0, to: training.count - size + 1, by: size) {
        let rows = order[start..<start + size].map { training[$0] }
        let target = both.floats(rows)
        for (side, (encoder, decoder)) in zip([pairs.x, pairs.y], zip(encoders, decoders)) {
          let found = decoder.forward(encoder.forward(side.floats(rows)))
          var d = [Float](repeating: 0, count: found.count)
          for i in found.indices { d[i] = (found[i] - target[i]) / Float(size) }
          encoder.backward(decoder.backward(d))
          encoder.step(rate: rate, decay: 1e-3)
          decoder.step(rate: rate, decay: 1e-3)
        }
      }
    }
    let codes = zip([pairs.x, pairs.y], encoders).map { side, encoder in
      SampleMatrix(trusted: held.count, encoder.forward(side.floats(held)).map { Double($0) })
    }
    return Preprocessing.standard.apply(PairedSamples(trusted: codes[0], codes[1]))
  }
}
