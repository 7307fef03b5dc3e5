import Console
import Transformer

extension StudyConfiguration {
  /// How the network is trained.
  public struct Training: Sendable {
    /// Passes over the training split, samples that go through the network at once, and how often that is done a step.
    public var epochs = 5, batch = 128, accumulate = 1
    /// Shards that the samples of a step are cut into.
    public var shards = 8
    /// The optimiser's settings.
    public var optimizer = OptimizerConfiguration(rate: 1e-3, warmup: 0.1, decay: 0.01, clip: 1)
    /// Share of a target's weight spread over all classes.
    public var labelSmoothing = 0.0
    /// Share of the training split that is kept for validation.
    public var validation = 0.0
    /// Checkpoints without a lower validation loss after which training stops; 0 for never.
    public var patience = 0
    /// What a loss or gradient that is not finite does.
    public enum Divergence: String, Sendable, CaseIterable {
      /// The run fails; its folder keeps the checkpoints before.
      case fail
      /// The run ends and is sealed; the last row of its progress is the step that was not taken.
      case record
    }
    /// What a loss or gradient that is not finite does.
    public var divergence = Divergence.fail
    /// The variational bottleneck, or none.
    public var bottleneck: ModelConfiguration.Bottleneck?
  }
}

extension StudyConfiguration.Training: ConfigurationSection {
  static let name = "training"
  static let words = "how the network is trained"
  static let fields: [ConfigurationField<Self>] = [
    .integer("epochs", \.epochs, 1...100_000, "passes over the training split"),
    .integer("batch", \.batch, 1...1_000_000, "samples that go through the network at once"),
    .integer("accumulate", \.accumulate, 1...100_000, "batches whose gradients make one step"),
    .integer(
      "shards", \.shards, 1...65_536,
      "pieces of a batch, the most that work at the same time; another number rounds otherwise"),
    .choice("optimizer", \.optimizer.algorithm, "the optimiser"),
    .number("rate", \.optimizer.rate, 0...100, "highest learning rate"),
    .choice("schedule", \.optimizer.schedule, "how the rate falls after its warm-up"),
    .number(
      "warmup", \.optimizer.warmup, 0...1, "share of all steps over which the rate rises from 0"),
    .number("decay", \.optimizer.decay, 0...10, "weight decay of matrices"),
    .number(
      "clip", \.optimizer.clip, 1e-12...1e12,
      "largest norm of the whole gradient; larger ones are scaled"
    ),
    .number("momentum", \.optimizer.momentum, 0...0.9999, "momentum of sgd"),
    .number(
      "label_smoothing", \.labelSmoothing, 0...0.99, "share of a target spread over all classes"),
    .number(
      "validation", \.validation, 0...0.9, "share of the training split kept to stop early by"),
    .integer(
      "patience", \.patience, 0...100_000,
      "checkpoints without a lower validation loss before stopping; 0 for never"),
    .choice(
      "divergence", \.divergence, "what a loss or gradient that is not finite does to the run"),
    ConfigurationField(
      "bottleneck_layer", allowed: "a layer, counted from 0",
      "layer after which a variational bottleneck (Alemi et al. 2017) lies; none by default",
      read: {
        let layer = try $0.integer("bottleneck_layer", $1.bottleneck?.layer ?? -1, -1...999)
        $1.bottleneck = layer < 0 ? nil : .init(layer: layer, weight: $1.bottleneck?.weight ?? 0)
      }, write: { $0.bottleneck.map { "\($0.layer)" } }),
    ConfigurationField(
      "bottleneck_weight", allowed: "number from 0 to 1000000",
      "weight of its bound on I(X;Z) in the loss",
      read: {
        let weight = try $0.number("bottleneck_weight", $1.bottleneck?.weight ?? 0, 0...1e6)
        $1.bottleneck?.weight = weight
      }, write: { $0.bottleneck.map { "\($0.weight)" } }),
  ]

  func check() throws {
    guard patience == 0 || validation > 0 else {
      throw UsageError(
        "training.patience: stopping early needs samples to judge by that are neither trained on nor "
          + "the test split; set training.validation, for example to 0.1")
    }
  }
}
