import Archive
import Kernels
import Transformer

/// Random numbers, and what they decide: first weights, order of samples, dropout, which samples are captured.
struct RandomExplanation {
  private let study: LoadedStudy
  private let writer = ExplanationWriter()

  init(_ study: LoadedStudy) { self.study = study }

  /// The part of an archive of training.
  func training() -> Explanation.Part {
    writer.sayGenerator(seed: study.configuration.seed)
    start(.initialization)
    order()
    if study.model.variant.dropout > 0 { dropout() }
    return part
  }

  /// The part of an archive that says itself what it draws.
  func generator() -> Explanation.Part {
    writer.sayGenerator(seed: study.configuration.seed)
    return part
  }

  /// The part of an archive of fitted equations.
  func fit(choice: UInt64, count: Int) -> Explanation.Part {
    writer.sayGenerator(seed: study.configuration.seed)
    start(.dynamics)
    let index = writer.put("choice_index", Int(choice))
    writer.say(
      "Samples of the fit: the first \(writer.put("fit_samples", count)) of a permutation of the training samples, stream "
        + "(fitting, \(index)). Epoch e goes through them by a permutation of stream (fitting, e).")
    return part
  }

  private var part: Explanation.Part {
    writer.part("random", "random numbers, and what they decide")
  }

  private func start(_ purpose: Philox.Purpose) {
    let w = writer
    w.put("initial_purpose", "\(purpose)")
    w.say(
      "First values: parameter p, counted from 0 by its attribute `place`, draws from stream (\(purpose), p), element after "
        + "element in C order, by its attribute `initial`: matrix, b (2 uniform - 1) with b = √(6/(rows + columns)); normal, "
        + "`initial_value` times normal; constant, `initial_value`, drawing nothing. Computed in float64, then rounded."
    )
  }

  private func order() {
    let w = writer
    let training = study.configuration.training
    let (all, kept) = (study.data.trainIndices.count, study.validationIndices.count)
    w.put("train_samples", study.trainIndices.count)
    let batch = w.put("batch", training.batch)
    let accumulate = w.put("accumulate", training.accumulate)
    w.put("validation_samples", kept)
    if kept > 0 {
      w.say(
        "Validation: of the \(all) samples of the training split, in the order of the data set, those at the first \(kept) places "
          + "of a permutation, stream (validation, 0), are not trained on.")
    }
    let size = training.batch * training.accumulate
    w.say(
      "Order: the \(study.trainIndices.count) samples trained on are counted in the order of the data set. Epoch e, from 0, goes "
        + "through them by a permutation of stream (shuffling, e), \(size) a step; the last step of an epoch takes what is left. "
        + "\(Layout.Checkpoints.randomState) is (seed, e), data_position the samples of that epoch done."
    )
    let shards = w.put("shards", training.shards)
    let parts = w.put("step_parts", training.accumulate)
    w.say(
      "A step cuts its samples, in their order, into at most \(accumulate) parts of \(batch), fewer and the last shorter at the end of an epoch, and part p of n samples into \(shards) shards: "
        + "shard s is samples ⌊n s/\(shards)⌋ to ⌊n (s + 1)/\(shards)⌋ - 1. In step k, from 0, the shard index is "
        + "(k \(parts) + p) \(shards) + s.")
    if training.shards > ShardSum<Float>.groupSize {
      w.say(
        "Gradients of the shards are added in groups of \(ShardSum<Float>.groupSize) from left to right, then the groups' sums "
          + "pairwise with their neighbours, those again, until one is left; a sum without neighbour goes up as it is."
      )
    }
    w.say(
      "Captured samples: the first \(study.captured.count) of a permutation of the test split, stream (capture, 0)."
    )
  }

  private func dropout() {
    let w = writer
    let (bits, group) = (w.put("dropout_bits", DropoutMask.bits), DropoutMask.group)
    let (elements, counters) = (
      w.put("dropout_elements", group.elements), w.put("dropout_blocks", group.counters)
    )
    let places = 2 * study.model.layerCount + 1
    let share = study.model.variant.dropout
    w.put("dropout_places", places)
    w.say(
      "Dropout at place q of a shard: stream (dropout, shard index · \(places) + q). Element i of the shard's [sample, position, "
        + "channel], C order, with g = ⌊i/\(elements)⌋ and r = i mod \(elements), is decided by \(bits) bits: of word ⌊r/16⌋ of block "
        + "g·\(counters) + (r mod 8), the low half when ⌊r/8⌋ is even, else the high half. With T = round(\(share) · 2^\(bits)) the "
        + "element becomes 0 where these bits, as a number, are below T, and is multiplied by 2^\(bits)/(2^\(bits) - T) elsewhere."
    )
  }
}
