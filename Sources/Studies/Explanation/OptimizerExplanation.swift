import Archive
import Transformer

/// How weights are moved.
struct OptimizerExplanation {
  private let settings: OptimizerConfiguration
  private let steps: Int
  private let writer = ExplanationWriter()

  /// `steps` are those of the whole training.
  init(_ settings: OptimizerConfiguration, steps: Int) {
    (self.settings, self.steps) = (settings, steps)
  }

  /// The part of the archive.
  func part() -> Explanation.Part {
    let w = writer
    w.put("algorithm", settings.algorithm.rawValue)
    rate()
    w.say(
      "Clipping: with n the norm of the whole gradient and c = \(w.put("clip", settings.clip)), g is the gradient "
        + "times min(1, c/n).")
    let decay = w.put("decay", settings.decay)
    w.say(
      "Weight decay λ = \(decay) acts on the parameters whose attribute `weight_decay` is 1: matrices only, not token or "
        + "position embeddings, class token, gains, biases and other vectors; for those λ = 0.")
    switch settings.algorithm {
    case .adamw:
      let (one, two) = (w.put("beta1", settings.beta1), w.put("beta2", settings.beta2))
      let epsilon = w.put("epsilon", settings.epsilon)
      let rounded = (
        w.put("beta1_rounded", Double(Float(settings.beta1))),
        w.put("beta2_rounded", Double(Float(settings.beta2)))
      )
      w.say(
        "AdamW, step t counted from 1, β₁ = \(one), β₂ = \(two), ε = \(epsilon): m ← β₁ m + (1 - β₁) g; "
          + "v ← β₂ v + (1 - β₂) g²; W ← W - rate · (m/(1 - β₁^t)/(√(v/(1 - β₂^t)) + ε) + λ W), with the W before the step. "
          + "Moments start at 0. In the lines for m and v, β₁ and β₂ are rounded to float32, \(rounded.0) and \(rounded.1), before 1 - β "
          + "is taken; in 1 - β^t they are not.")
    case .sgd:
      w.say(
        "Gradient descent with momentum μ = \(w.put("momentum", settings.momentum)): m ← μ m + g + λ W, the decay "
          + "within the momentum; W ← W - rate · m. The moment starts at 0.")
    }
    w.say(
      "\(Layout.Checkpoints.firstMoment) holds m\(settings.algorithm == .adamw ? ", second_moment v," : "") of all "
        + "parameters in one vector: a parameter lies from its attribute `offset` on, its elements in C order. The steps t "
        + "done are \(Layout.Checkpoints.step). A step whose loss or gradient is not finite is not taken."
    )
    return w.part("optimizer", "how the weights are moved in a step")
  }

  private func rate() {
    let w = writer
    let rate = w.put("rate", settings.rate)
    let total = w.put("steps", steps)
    let warmup = w.put("warmup", settings.warmup)
    w.put("schedule", settings.schedule.rawValue)
    let rise =
      "With k the step from 0, K = \(total) steps planned, and r = max(1, round(\(warmup) K)), halves rounded away from 0: "
    switch settings.schedule {
    case .constant:
      w.say("\(rise)rate = \(rate) (k + 1)/r where k < r, then \(rate).")
    case .cosine:
      w.say(
        "\(rise)rate = \(rate) (k + 1)/r where k < r, then \(rate) (f + (1 - f) (1 + cos πp)/2) with "
          + "f = \(w.put("floor", LearningSchedule.floor)) and p = min(1, (k - r)/max(1, K - r)).")
    case .linear:
      w.say(
        "\(rise)rate = \(rate) (k + 1)/r where k < r, then \(rate) (1 - (1 - f) p) with "
          + "f = \(w.put("floor", LearningSchedule.floor)) and p = min(1, (k - r)/max(1, K - r)).")
    }
  }
}
