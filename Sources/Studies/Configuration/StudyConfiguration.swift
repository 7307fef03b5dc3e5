import Console
import Dynamics
import Foundation
import Transformer

/// A study file: everything that decides a run.
public struct StudyConfiguration: Sendable {
  /// Which data, and how samples become positions.
  public struct Data: Sendable {
    /// Path of the data set; relative ones are looked for beside the working folder, then beside the package.
    public var file: String
    /// What the samples are.
    public var modality: Modality

    /// What the samples are.
    public enum Modality: Sendable {
      /// Images in patches of that many pixels along a side.
      case image(patch: Int)
      /// Passages as tokens.
      case text(Text)
    }
  }

  /// How passages become tokens, and what is asked of them.
  public struct Text: Sendable {
    /// The tokenizers.
    public enum Tokenizer: String, Sendable, CaseIterable { case bpe, bytes, wordpiece }
    /// What is predicted.
    public enum Task: String, Sendable, CaseIterable {
      /// The class of a passage.
      case label
      /// The next token, over the passages of a split one after the other.
      case next
    }
    /// How text becomes tokens.
    public var tokenizer: Tokenizer
    /// Tokens of a byte-pair tokenizer that is learned from the training split.
    public var vocabulary: Int
    /// Pieces of WordPiece, one a line.
    public var vocabularyFile: String
    /// Positions a sample has; longer passages are cut.
    public var tokens: Int
    /// What is predicted.
    public var task: Task
  }

  /// Sizes and choices of the Transformer.
  public struct Model: Sendable {
    /// d_model, H, L, d_mlp.
    public var width: Int, heads: Int, layers: Int, mlp: Int
    /// Everything else.
    public var variant: ModelConfiguration.Variant
    /// PDE-guided layers.
    public var refinements: [Refinement]
  }

  /// How it is trained.
  public struct Training: Sendable {
    /// Passes over the training split, samples that go through the network at once, and how often that is done a step.
    public var epochs: Int, batch: Int, accumulate: Int
    /// The optimiser's settings.
    public var optimizer: OptimizerConfiguration
    /// Share of a target's weight spread over all classes.
    public var labelSmoothing: Double
    /// Share of the training split that is kept for validation.
    public var validation: Double
    /// Checkpoints without a lower validation loss after which training stops; 0 for never.
    public var patience: Int
    /// What a loss or gradient that is not finite does.
    public enum Divergence: String, Sendable, CaseIterable {
      /// The run fails; its folder keeps the checkpoints before.
      case fail
      /// The run ends and is sealed; the last row of its progress is the step that was not taken.
      case record
    }
    /// What a loss or gradient that is not finite does.
    public var divergence: Divergence
    /// The variational bottleneck, or none.
    public var bottleneck: ModelConfiguration.Bottleneck?
  }

  /// What is captured at every checkpoint.
  public struct Capture: Sendable {
    /// One request: the taps that match a pattern, on the first `samples` captured samples.
    public struct Request: Sendable {
      /// Pattern with `*`.
      public var pattern: String
      /// Samples.
      public var samples: Int
    }
    /// Requests; the first that matches a tap decides.
    public var requests: [Request]
    /// Held-out samples in all.
    public var samples: Int
    /// Steps between two checkpoints; 0 for an epoch.
    public var steps: Int
    /// How values are stored: float32, or one of the halves.
    public var type: String
  }

  /// The PDE that is fitted.
  public struct PDE: Sendable {
    /// Models of the ladder to fit.
    public var models: [MasterEquation.Model]
    /// What is minimised.
    public enum Objective: String, Sendable, CaseIterable {
      /// The distance from the network's trajectories.
      case trajectories
      /// The task, from scratch, with the equation in place of the layers; trained as the network is.
      case task
    }
    /// What is minimised.
    public var objective: Objective
    /// When a fit to the task looks at the held-out samples.
    public enum Observation: String, Sendable, CaseIterable {
      /// At the end only.
      case end
      /// Before the first step and after each epoch too.
      case epoch
    }
    /// When a fit to the task looks at the held-out samples.
    public var every: Observation
    /// How it is integrated, and steps an interval between two layers.
    public var stepper: FitStepper, substeps: Int
    /// Edges of the patch grid.
    public var boundary: Boundary
    /// Highest polynomial, and rank of the changes of matrices, of `modulated`.
    public var degree: Int, rank: Int
    /// Training samples it is fitted to.
    public var samples: Int
    /// Passes over them, samples a step, and highest learning rate.
    public var epochs: Int, batch: Int
    /// Highest learning rate.
    public var rate: Double
    /// Weight of the attention maps' divergence beside the normalised state error.
    public var attentionWeight: Double
  }

  /// How inputs are perturbed.
  public struct Perturbation: Sendable {
    /// Noise on the embedded stream, standard deviations in units of its root mean square.
    public var noise: [Double]
    /// Shares of the positions whose input is blanked, and that swap their inputs.
    public var mask: [Double], swap: [Double]
  }

  /// How information is estimated.
  public struct Information: Sendable {
    /// What a layer can be.
    public enum Place: String, Sendable, CaseIterable {
      /// The residual stream at each depth.
      case residual
      /// The attention map of each head.
      case attention
    }

    /// Estimators of I(X;T) and I(T;Y); one at least.
    public var estimators: [LayerEstimator]
    /// Estimators of the information between every two layers; none by default.
    public var pairs: [LayerEstimator]
    /// What is a layer.
    public var taps: Place
    /// Standard deviation of the noise of `kde`, in units of a layer's root-mean-square distance from its mean.
    public var noise: Double
    /// Bins along each channel for `binning`.
    public var bins: Int
    /// Resamples behind each interval, and shuffles behind each null.
    public var resamples: Int, shuffles: Int
  }

  /// One line for people.
  public var title: String
  /// Seed of every random path.
  public var seed: UInt64
  /// The parts of a study.
  public var data: Data, model: Model, training: Training, capture: Capture
  /// The PDE that is fitted.
  public var pde: PDE
  /// How information is estimated.
  public var information: Information
  /// How inputs are perturbed.
  public var perturbation: Perturbation

  /// Reads a study file, with `--set` assignments put in.
  /// - Throws: ``Console/UsageError`` naming the key, what is allowed, and the nearest known key.
  public init(path: String, settings: [String] = []) throws {
    let text = try ConfigurationText.read(path, what: "study file")
    try self.init(yaml: text, name: path, settings: settings)
  }

  /// Reads a study from YAML text; `name` stands in messages.
  public init(yaml: String, name: String, settings: [String] = []) throws {
    let root = try ConfigurationReader(yaml: yaml, name: name, settings: settings)
    title = try root.text("title", "untitled")
    seed = UInt64(try root.integer("seed", 1, 0...Int.max))
    data = try Self.data(root.section("data"))
    model = try Self.model(root.section("model"), data)
    training = try Self.training(root.section("training"))
    capture = try Self.capture(root.section("capture"))
    pde = try Self.pde(root.section("pde"))
    information = try Self.information(root.section("information"))
    let perturb = try root.section("perturb")
    perturbation = Perturbation(
      noise: try perturb.numbers("noise", 1e-9...1e3) ?? [1e-3, 1e-2, 0.1, 0.3, 1],
      mask: try perturb.numbers("mask", 0...1) ?? [0.05, 0.2, 0.5],
      swap: try perturb.numbers("swap", 0...1) ?? [0.05, 0.2, 0.5])
    try perturb.finish()
    try root.finish()
  }

  private static func capture(_ reader: ConfigurationReader) throws -> Capture {
    let samples = try reader.integer("samples", 256, 1...1_000_000)
    let every = try reader.text("every", "epoch")
    guard let steps = every == "epoch" ? 0 : Int(every), steps >= 0, every != "0" else {
      throw UsageError("capture.every: expected epoch or a number of steps, found \(every)")
    }
    let type = try reader.choice("type", "float32", ["float32", "float16", "bfloat16"])
    var requests: [Capture.Request] = []
    for item in try reader.items("taps") ?? [] {
      if let pattern = item.text {
        requests.append(.init(pattern: pattern, samples: samples))
      } else if let reader = item.reader {
        requests.append(
          .init(
            pattern: try reader.text("tap", nil),
            samples: try reader.integer("samples", samples, 1...samples)))
        try reader.finish()
      }
    }
    if requests.isEmpty {
      requests = ["residual.0.pre", "residual.*.post", "attention.*.map"].map {
        .init(pattern: $0, samples: samples)
      }
    }
    try reader.finish()
    return Capture(requests: requests, samples: samples, steps: steps, type: type)
  }

  static func pde(_ reader: ConfigurationReader) throws -> PDE {
    let allowed = MasterEquation.Model.allCases.map(\.rawValue)
    let model: MasterEquation.Model = try reader.choice("model", .autonomous)
    let models = try reader.choices("models", ["diffusion", model.rawValue], allowed)
    let pde = PDE(
      models: models.compactMap(MasterEquation.Model.init),
      objective: try reader.choice("objective", .trajectories),
      every: try reader.choice("every", .end),
      stepper: try reader.choice("stepper", .lie),
      substeps: try reader.integer("substeps", 1, 1...1000),
      boundary: try reader.choice("boundary", .neumann),
      degree: try reader.integer("degree", 4, 1...32),
      rank: try reader.integer("rank", 16, 1...1024),
      samples: try reader.integer("samples", 1024, 1...1_000_000),
      epochs: try reader.integer("epochs", 12, 0...100_000),
      batch: try reader.integer("batch", 16, 1...100_000),
      rate: try reader.number("rate", 5e-3, 0...10),
      attentionWeight: try reader.number("attention_weight", 4, 0...1e6))
    try reader.finish()
    return pde
  }

  static func information(_ reader: ConfigurationReader) throws -> Information {
    let information = Information(
      estimators: try reader.choices("estimators", [.kde, .binning]),
      pairs: try reader.choices("pairs", [], of: LayerEstimator.betweenLayers),
      taps: try reader.choice("taps", .residual),
      noise: try reader.number("noise", 0.5, 1e-6...1e6),
      bins: try reader.integer("bins", 8, 2...65536),
      resamples: try reader.integer("bootstrap", 100, 2...100_000),
      shuffles: try reader.integer("shuffles", 100, 1...100_000))
    try reader.finish()
    return information
  }
}
