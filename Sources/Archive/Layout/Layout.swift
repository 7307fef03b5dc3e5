/// Paths of an archive's groups and arrays: the one place where they are spelled, used alike by schemas, appending and reading.
///
/// Each enumeration is a group at the root; a structure is a group for each model, estimator or analysis. What a captured tap is
/// called, and where it lies, says ``TapName``.
package enum Layout {
  /// Captured samples, or those of a data set.
  package enum Samples {
    package static let group = "/samples"
    /// Position in the data set.
    package static let index = member("index")
    package static let label = member("label")
    /// 0 train, 1 test.
    package static let split = member("split")
    /// `[sample, y, x]`.
    package static let image = member("image")
    /// Pixels as a network of others took them, `[sample, channel, y, x]`.
    package static let pixel = member("pixel")
    /// `[sample, position]`, padded with 0.
    package static let token = member("token")
    /// Token to be predicted at each position.
    package static let target = member("target")
    /// Tokens that are no padding.
    package static let length = member("length")
    /// 1 at tokens, 0 at padding.
    package static let mask = member("mask")
    package static let text = member("text")
    /// Whatever else a data set says of each sample.
    package static func member(_ name: String) -> String { "\(group)/\(name)" }
  }

  /// Names of classes.
  package enum Classes {
    package static let name = "/classes/name"
  }

  /// What turned text into tokens.
  package enum Tokenizer {
    package static let merges = "/tokenizer/merges"
    package static let vocabulary = "/tokenizer/vocabulary"
  }

  /// A row a step of training.
  package enum Progress {
    package static let group = "/progress"
    package static let step = member("step")
    package static let epoch = member("epoch")
    /// Wall-clock time, see ``wallClock``.
    package static let seconds = member("seconds")
    package static let loss = member("loss")
    package static let accuracy = member("accuracy")
    package static let learningRate = member("learning_rate")
    package static let gradientNorm = member("gradient_norm")
    package static let informationBound = member("information_bound")
    package static func member(_ name: String) -> String { "\(group)/\(name)" }
  }

  /// A row a step of an equation's fit.
  package struct FitProgress {
    private let group: String
    package init(_ model: String) { group = "\(Progress.group)/\(model)" }
    package var stateLoss: String { group + "/state_loss" }
    package var mapLoss: String { group + "/map_loss" }
    package var taskLoss: String { group + "/task_loss" }
    package var gradientNorm: String { group + "/gradient_norm" }
  }

  /// Gradient norms of a network's layers, `[step, layer, parameter_group]`, beside gradients of taps.
  package enum Gradients {
    package static let norm = "/gradients/norm"
    package static let groupName = "/gradients/group_name"
  }

  /// What a run goes on from, a row a checkpoint.
  package enum Checkpoints {
    package static let group = "/checkpoints"
    package static let step = member("step")
    package static let epoch = member("epoch")
    package static let dataPosition = member("data_position")
    package static let validationLoss = member("validation_loss")
    package static let validationAccuracy = member("validation_accuracy")
    package static let testLoss = member("test_loss")
    package static let testAccuracy = member("test_accuracy")
    package static let testBitsPerCharacter = member("test_bits_per_character")
    package static let randomState = member("random_state")
    package static let firstMoment = member("optimizer/first_moment")
    package static let secondMoment = member("optimizer/second_moment")
    /// Group of the weights.
    package static let parameters = member("parameters")
    package static func parameter(_ name: String) -> String { "\(parameters)/\(name)" }
    package static func member(_ name: String) -> String { "\(group)/\(name)" }
  }

  /// What an equation gives on held-out samples, or the solution of a problem.
  package struct Fields {
    package static let group = "/fields"
    /// Of a problem that was integrated.
    package static let solution = Fields("solution")
    /// The group of one model.
    package let path: String
    package init(_ model: String) { path = "\(Self.group)/\(model)" }
    /// States, by depth-time or snapshot first.
    package var u: String { member("u") }
    package var depthTime: String { member("depth_time") }
    package var time: String { member("time") }
    /// `[layer, sample, head, query, key]`.
    package var attention: String { member("attention") }
    package var termSize: String { member("term_size") }
    package var stateError: String { member("state_error") }
    package var testAccuracy: String { member("test_accuracy") }
    package var testLoss: String { member("test_loss") }
    /// Group of the coefficients.
    package var parameters: String { member("parameters") }
    package func parameter(_ name: String) -> String { "\(parameters)/\(name)" }
    package func member(_ name: String) -> String { "\(path)/\(name)" }
  }

  /// Fields of an equation while it learns the task, a row a checkpoint.
  package struct Training {
    package static let group = "/training"
    private let path: String
    package init(_ model: String) { path = "\(Self.group)/\(model)" }
    package var step: String { path + "/step" }
    package var u: String { path + "/u" }
    package var depthTime: String { path + "/depth_time" }
    package var gradientNorm: String { path + "/gradient_norm" }
  }

  /// What fits and runs are measured against.
  package enum Reference {
    /// Mean attention map over the fit's samples.
    package static let positionMean = "/reference/position_mean"
    package static let tokenBits = "/reference/token_ngram_bits_per_character"
    package static let byteBits = "/reference/byte_ngram_bits_per_character"
  }

  /// How an integration ended.
  package enum Outcome {
    package static let reached = "/outcome/reached"
    package static let time = "/outcome/time"
    package static let place = "/outcome/place"
    package static let message = "/outcome/message"
  }

  /// Responses to perturbed inputs.
  package enum Perturbation {
    package static let group = "/perturbation"
    package static let trajectoryName = member("trajectory_name")
    package static let conditionName = member("condition_name")
    package static let size = member("size")
    package static let growth = member("growth")
    package static let attentionChange = member("attention_change")
    package static let outputDivergence = member("output_divergence")
    package static let flipped = member("flipped")
    package static func member(_ name: String) -> String { "\(group)/\(name)" }
  }

  /// Information of the network's layers, of equations, of two layers, of network and equation. Each estimate is a group of
  /// `value`, `null`, `null_upper`, `lower`, `upper`, `flags`.
  package enum Information {
    package static let tapName = "/taps/name"
    package static let estimates = "/estimates"
    package static let equations = "/equations"
    /// Of the layers of an equation that learned the task.
    package static func equation(_ model: String) -> String { "\(equations)/\(model)" }
    /// Of two layers.
    package static func pairs(_ estimator: String) -> String { "/pairs/\(estimator)" }
    /// Of network and equation.
    package static func networkPDE(_ model: String) -> String { "/network_pde/\(model)" }
  }

  /// Results of one analysis.
  package enum Metrics: String {
    case attention, flow, bottleneck, gradients, perturbation, stability, verification, weights
    case heads, lens, evaluation, changes
    package static let group = "/metrics"
    package var prefix: String { "\(Self.group)/\(rawValue)/" }
    package func member(_ name: String) -> String { prefix + name }
  }

  /// Means over seeds.
  package enum Comparison {
    package static let group = "/comparison"
    package static let variantName = member("variant_name")
    package static let seedCount = member("seed_count")
    package static let seedValue = member("seed_value")
    package static let keyName = member("key_name")
    package static let keyValue = member("key_value")
    package static func member(_ name: String) -> String { "\(group)/\(name)" }
  }

  /// What the numbers were computed by, in words and constants; see ``Explanation``.
  package enum Explanation {
    package static let group = "/explanation"
    /// Whether `path` is the group, lies in it, or is one of its attributes.
    package static func contains(_ path: String) -> Bool {
      path == group || path.hasPrefix(group + "/") || path.hasPrefix(group + "@")
    }
  }

  /// Samples of the first steps of training.
  package enum FirstSteps {
    package static let image = member("image")
    package static func member(_ name: String) -> String { "/first_steps/\(name)" }
  }

  /// Captured values that ``TapName`` has no word for: outputs of networks that others trained.
  package static func output(_ name: String) -> String { "\(activations)/\(name)/values" }
  /// Taps of the stream and of the MLP, and taps of attention.
  package static let activations = "/activations", attention = "/attention"

  /// What came with a network that others trained.
  package enum Network {
    package static let configuration = "/network/configuration"
    package static let tokenizer = "/network/tokenizer"
    package static let licence = "/network/licence"
    /// Files that weights came from, and the SHA-256 of each.
    package static let file = "/network/file"
    package static let hash = "/network/sha256"
  }

  /// What a part holds besides rows, for the process that goes on after it; no archive has it.
  package enum Parts {
    /// How far the logical hash of each array had come, JSON.
    package static let hashStates = "/hash_states"
    /// What the program needs to go on from here, in its own form.
    package static let resumeState = "/resume_state"
  }

  /// Where an archive comes from.
  package enum Provenance {
    package static let group = "/provenance"
    package static let configuration = member("configuration")
    package static let command = member("command")
    /// Arrays that were planned and not written.
    package static let absent = member("absent")
    package static let sourcePath = member("source_path")
    package static let sourceRunID = member("source_run_id")
    package static let sourceHash = member("source_sha256")
    package static let sessionRows = member("session_rows")
    package static func member(_ name: String) -> String { "\(group)/\(name)" }
    /// Whether `path` is one of what names the sources.
    package static func isSource(_ path: String) -> Bool { path.hasPrefix(member("source")) }
    /// Whether `path` lies in it.
    package static func contains(_ path: String) -> Bool { path.hasPrefix(group + "/") }
  }
}
