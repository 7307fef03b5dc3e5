import Archive
import Transformer

/// What is minimised, and what the archived gradients are gradients of.
struct LossExplanation {
  private let study: LoadedStudy
  private let writer = ExplanationWriter()

  init(_ study: LoadedStudy) { self.study = study }

  /// The part of the archive.
  func part() -> Explanation.Part {
    let w = writer
    let training = study.configuration.training
    w.say(
      "A target's loss is its cross entropy in nats, ln Σ_k exp z_k - z_target, over its "
        + "\(study.model.classCount) logits z. Mean over the targets: \(Layout.Progress.loss) over the step's batch, before the step; "
        + "\(Layout.Checkpoints.testLoss) over the test split.")
    w.put("label_smoothing", training.labelSmoothing)
    if training.labelSmoothing > 0 {
      w.say(
        "While training, labels are smoothed by s = \(training.labelSmoothing): ln Σ_k exp z_k - (1 - s) z_target - "
          + "s · mean_k z_k. Test and validation losses and the gradients of captured samples are without."
      )
    }
    w.say(
      "accuracy is the share of the targets with the largest logit, of equal ones the first. The gradient of a "
        + "step is that of the mean loss over all targets of the step's batch, the whole of accumulated ones."
    )
    if study.model.bottleneck != nil {
      let weight = w.put("bottleneck_weight", study.model.bottleneck?.weight ?? 0)
      w.say(
        "What is minimised also has \(weight) times the sum over the batch's samples of the bottleneck's bound (see "
          + "\(Layout.Explanation.group)/network), divided by the number of targets; \(Layout.Progress.loss) is without it, and "
          + "\(Layout.Progress.informationBound) is its mean over samples.")
    }
    w.say(
      "\(Layout.Progress.gradientNorm) is the root of the sum of squares over all parameters before clipping; \(Layout.Gradients.norm) "
        + "the same over the parameters of one layer and group: attention (its matrices and biases), mlp, norm (γ and β of "
        + "norm1 and norm2).")
    w.say(
      "Captured gradients, /gradients/gradient.TAP/values, are for each sample alone those of its own loss, summed over its "
        + "targets\(study.data.predictsNext ? " (all positions)" : ""), not averaged, without smoothing, dropout, noise or bound, "
        + "by the values of TAP at the checkpoint's parameters. residual.l.pre and .post: by the stream there, all later use of "
        + "it counted. attention.l.map: by the softmaxed map; .scores: by the scores after the division by √head_width, before "
        + "mask and softmax; .queries and .keys: by them as they enter the scores, after any rotation; .output: by each head's "
        + "mixed values; mlp.l.hidden: by what W_2 multiplies.")
    w.say(
      "Captured values: attention.l.scores are before the mask; .queries, .keys after any rotation; mlp.l.hidden is what "
        + "W_2 multiplies, after the activation (and gate); logits before softmax.")
    return w.part("loss", "the loss, and what the archived gradients are gradients of")
  }
}

extension StudyData {
  /// Whether the next token is predicted.
  var predictsNext: Bool {
    if case .text(let samples) = self { samples.predictsNext } else { false }
  }
}
