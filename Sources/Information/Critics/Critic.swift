import Kernels

/// A trained critic s(x, y) = φ(x)·ψ(y) + a(x) + b(y) and a bound on mutual information from it, in nats.
///
/// Five folds: each is valued by a critic that was trained on the other four, of which one decides when to stop. The
/// value is the mean of the folds, so every pair is valued once, by a critic that never saw it.
///
/// The p-value of an estimate comes from ``tested(_:_:_:)``, the null's mean from shuffles with fits of their own.
///
/// What does not hold: a critic that has not found the dependence gives a low value, not an error; `notConverged` flags
/// folds that disagree by more than 0.2 nats and half the value, and critics that were still rising when training ended.
struct Critic<Objective: CriticObjective>: MutualInformationEstimator {
  /// Embedding width, hidden width, pairs a step, most passes.
  private let embedding = 8
  private let hidden = 64
  private let batch = 256
  private let passes: Int
  private let key: UInt64

  /// Pairs below which nothing is learned that could be held against others.
  static var fewestSamples: Int { 100 }

  init(seed: UInt64, passes: Int = 80) { (key, self.passes) = (seed, passes) }

  var name: String { Objective.name }
  var settings: String {
    "separable critic, 2 hidden layers of \(hidden), 5 folds, at most \(passes) passes"
  }
  var seed: UInt64? { key }
  var isResampled: Bool { false }

  func value(
    _ pairs: PairedSamples, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags) {
    let found = try folds(pairs, pool)
    return (found.value, found.flags)
  }

  /// Partners are exchanged among the pairs that a fold's critic never saw: without dependence its mean score of true pairs
  /// ranks anywhere among those of exchanged ones. No fit a shuffle is needed, so there can be enough of them.
  func tested(
    _ pairs: PairedSamples, _ plan: ResamplingPlan, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags, pValue: Double?) {
    let found = try folds(pairs, pool)
    guard plan.shuffles > 0, !plan.isCircular else { return (found.value, found.flags, nil) }
    func statistic(_ order: (Int) -> [Int]) -> Double {
      found.scores.reduce(0) { sum, scores in
        let order = order(scores.count)
        return sum
          + order.indices.reduce(0) { $0 + Double(scores.values[$1 * scores.count + order[$1]]) }
      }
    }
    let own = statistic { Array(0..<$0) }
    let exchanges = Verdict.exchanges
    let asHigh = (0..<exchanges).count { repetition in
      var random = Philox(
        seed: plan.seed, purpose: .null, index: 1 << 32 | UInt64(repetition))
      return !(statistic { plan.order($0, &random) } < own)
    }
    return (found.value, found.flags, Double(1 + asHigh) / Double(1 + exchanges))
  }

  /// Scores `[x, y]` of held-out pairs.
  private typealias Scores = (values: [Float], count: Int)

  private func folds(
    _ pairs: PairedSamples, _ pool: WorkerPool
  ) throws -> (value: Double, flags: Estimate.Flags, scores: [Scores]) {
    guard pairs.count >= Self.fewestSamples else {
      throw EstimationError(
        message:
          "a trained critic needs at least \(Self.fewestSamples) pairs, found \(pairs.count); use ksg or gaussian"
      )
    }
    let scaled = Preprocessing.standard.apply(Self.withLengths(pairs))
    var random = Philox(seed: key, purpose: .shuffling)
    let order = random.permutation(pairs.count)
    let folds = 5
    var results = [(value: Double, isDone: Bool, scores: Scores)](
      repeating: (0, true, ([], 0)), count: folds)
    results.withUnsafeMutableBufferPointer { results in
      nonisolated(unsafe) let results = results
      pool.forEach(folds) { fold, _ in
        func part(_ number: Int) -> [Int] {
          order.enumerated().filter { $0.offset % folds == number % folds }.map(\.element)
        }
        let training = (2..<folds).flatMap { part(fold + $0) }
        results[fold] = fit(scaled, training, part(fold + 1), part(fold), UInt64(fold))
      }
    }
    let values = results.map(\.value)
    let mean = values.reduce(0, +) / Double(folds)
    let spread = (values.max() ?? 0) - (values.min() ?? 0)
    var flags: Estimate.Flags = []
    if results.contains(where: { !$0.isDone }) || spread > 0.2 + 0.5 * abs(mean) {
      flags.insert(.notConverged)
    }
    let bound = Double.logarithm(Double(pairs.count / folds))
    if Objective.name == InfoNCE.name, mean > 0.8 * bound { flags.insert(.saturated) }
    return (mean, flags, results.map(\.scores))
  }

  private func fit(
    _ pairs: PairedSamples, _ training: [Int], _ validation: [Int], _ test: [Int], _ fold: UInt64
  ) -> (value: Double, isDone: Bool, scores: Scores) {
    var random = Philox(seed: key, purpose: .fitting, index: fold)
    // Strong decay in high dimension keeps the critic from learning single pairs by heart; tried on the known truths at
    // 5,000 samples: without it 25 + 25 dimensions give 0.72 of 1.02 nats, with as much in 1 + 1 2.5 nats give 1.6.
    let decay = min(4, max(0.05, Double(pairs.x.dimension + pairs.y.dimension - 2) / 12))
    let x = Perceptron(input: pairs.x.dimension, hidden: hidden, output: embedding + 1, &random)
    let y = Perceptron(input: pairs.y.dimension, hidden: hidden, output: embedding + 1, &random)
    func scores(_ rows: [Int]) -> [Float] {
      combine(x.forward(pairs.x.floats(rows)), y.forward(pairs.y.floats(rows)), rows.count)
    }
    let size = min(batch, training.count)
    let (judged, tested) = (Array(validation.prefix(512)), Array(test.prefix(1024)))
    var best = (score: -Double.infinity, pass: 0, x: x.weights.array, y: y.weights.array)
    var (pass, earlier) = (0, -Double.infinity)
    let patience = 12
    while pass < passes && pass - best.pass < patience {
      let order = random.permutation(training.count)
      for start in stride(from: 0, to: training.count - size + 1, by: size) {
        let rows = order[start..<start + size].map { training[$0] }
        let (fx, fy) = (x.forward(pairs.x.floats(rows)), y.forward(pairs.y.floats(rows)))
        var d = combine(fx, fy, size)
        Objective.gradient(&d, size)
        let (dx, dy) = split(d, fx, fy, size)
        x.backward(dx)
        y.backward(dy)
        let rate = 1e-3 * (1 - 0.9 * Double(pass) / Double(passes))
        x.step(rate: rate, decay: decay)
        y.step(rate: rate, decay: decay)
      }
      pass += 1
      let score = Objective.value(scores(judged), judged.count)
      if pass <= passes * 4 / 5 { earlier = max(earlier, score) }
      if score > best.score { best = (score, pass, x.weights.array, y.weights.array) }
    }
    x.weights.assign(best.x)
    y.weights.assign(best.y)
    let held = scores(tested)
    return (
      Objective.value(held, tested.count), best.score - earlier < 0.03, (held, tested.count)
    )
  }

  /// Each side beside the logarithm of its length: what both sides share of their scale (heavy tails, changing noise) is a
  /// function of that alone, which a small network finds only slowly among many columns.
  private static func withLengths(_ pairs: PairedSamples) -> PairedSamples {
    let scaled = Preprocessing.standard.apply(pairs)
    let sides = [scaled.x, scaled.y].map { side -> SampleMatrix in
      guard side.dimension > 1 else { return side }
      let lengths = (0..<side.count).map { row in
        Double.logarithm(
          (0..<side.dimension).reduce(1e-12) { $0 + side[row, $1] * side[row, $1] })
      }
      return side.beside(SampleMatrix(trusted: side.count, lengths))
    }
    return PairedSamples(trusted: sides[0], sides[1])
  }

  /// Scores of all pairs of rows: φ·ψ / √embedding + a + b; the last column of each side is a or b.
  private func combine(_ fx: [Float], _ fy: [Float], _ count: Int) -> [Float] {
    var scores = [Float](repeating: 0, count: count * count)
    let width = embedding + 1
    for i in 0..<count {
      for j in 0..<count {
        scores[i * count + j] = fx[i * width + embedding] + fy[j * width + embedding]
      }
    }
    Float.gemm(
      MatrixProduct(
        m: count, n: count, k: embedding, alpha: scale, a: fx, lda: width, b: fy, ldb: width,
        transposeB: true, beta: 1, c: &scores, ldc: count))
    return scores
  }

  private var scale: Float { 1 / Float(embedding).squareRoot() }

  /// Gradients of both embeddings (of minus the objective, which AdamW decreases).
  private func split(
    _ d: [Float], _ fx: [Float], _ fy: [Float], _ count: Int
  ) -> (x: [Float], y: [Float]) {
    let width = embedding + 1
    var (dx, dy) = ([Float](repeating: 0, count: fx.count), [Float](repeating: 0, count: fy.count))
    Float.gemm(
      MatrixProduct(
        m: count, n: embedding, k: count, alpha: -scale, a: d, lda: count, b: fy, ldb: width,
        beta: 0, c: &dx, ldc: width))
    Float.gemm(
      MatrixProduct(
        m: count, n: embedding, k: count, alpha: -scale, a: d, lda: count, transposeA: true, b: fx,
        ldb: width, beta: 0, c: &dy, ldc: width))
    for i in 0..<count {
      for j in 0..<count {
        dx[i * width + embedding] -= d[i * count + j]
        dy[j * width + embedding] -= d[i * count + j]
      }
    }
    return (dx, dy)
  }
}
