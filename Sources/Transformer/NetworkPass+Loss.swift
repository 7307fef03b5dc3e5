import Kernels

extension NetworkPass {
  /// What the targets of a shard say of its logits.
  public struct Score: Sendable, BitwiseCopyable {
    /// Cross entropy in nats, with label smoothing when there is some, summed over the targets.
    public var loss = 0.0
    /// Targets that have the largest logit.
    public var correct = 0
    /// Targets.
    public var count = 0
    /// Sum over the samples of the bottleneck's bound, nats.
    public var bound = 0.0

    /// Nothing scored.
    public init() {}

    /// Both together.
    public static func + (a: Score, b: Score) -> Score {
      var sum = a
      sum.loss += b.loss
      sum.correct += b.correct
      sum.count += b.count
      sum.bound += b.bound
      return sum
    }
  }

  /// Cross entropy of the last forward pass. Leaves the gradient of `factor` · loss at the logits for
  /// ``backward(_:gradients:samples:observer:)``.
  ///
  /// With smoothing ε the target is (1 - ε) on its class and ε spread evenly over all (Szegedy et al. 2016).
  @specialized(where S == Float)
  public func score(samples: Int, factor: S) -> Score {
    let (c, rows) = (model.classCount, samples * model.targetCount)
    let share = S(smoothing)
    lossFactor = factor
    var score = Score()
    score.bound = informationBound
    dLogits.update(from: logits, count: rows * c)
    S.softmax(dLogits, rows: rows, columns: c, scale: 1)
    for row in 0..<rows {
      let (z, d) = (logits + row * c, dLogits + row * c)
      let target = Int(targets[row])
      guard target >= 0 else {
        d.update(repeating: 0, count: c)
        continue
      }
      var top = 0
      for k in 1..<max(c, 1) where z[k] > z[top] { top = k }
      // The softmax of the largest is 1/Σ exp(z - z_top), so its logarithm gives that of the sum without a second pass.
      let partition = z[top] - S.logarithm(d[top])
      var loss = partition - z[target]
      if share > 0 {
        var sum: S = 0
        for k in 0..<c { sum += z[k] }
        loss = partition - (1 - share) * z[target] - share * sum / S(c)
      }
      score.loss += Double(loss)
      score.correct += top == target ? 1 : 0
      score.count += 1
      let even = factor * share / S(c)
      for k in 0..<c { d[k] = factor * d[k] - even }
      d[target] -= factor * (1 - share)
    }
    return score
  }
}
