import Dynamics

extension StudyConfiguration {
  /// The PDE that is fitted.
  public struct PDE: Sendable {
    /// Models of the ladder to fit.
    public var models: [MasterEquation.Model] = [.diffusion, .autonomous]
    /// What is minimised.
    public enum Objective: String, Sendable, CaseIterable {
      /// The distance from the network's trajectories.
      case trajectories
      /// The task, from scratch, with the equation in place of the layers; trained as the network is.
      case task
    }
    /// What is minimised.
    public var objective = Objective.trajectories
    /// When a fit to the task looks at the held-out samples.
    public enum Observation: String, Sendable, CaseIterable {
      /// At the end only.
      case end
      /// Before the first step and after each epoch too.
      case epoch
    }
    /// When a fit to the task looks at the held-out samples.
    public var every = Observation.end
    /// How it is integrated, and steps an interval between two layers.
    public var stepper = FitStepper.lie, substeps = 1
    /// Edges of the patch grid.
    public var boundary = Boundary.neumann
    /// Highest polynomial, and rank of the changes of matrices, of `modulated`.
    public var degree = 4, rank = 16
    /// Training samples it is fitted to.
    public var samples = 1024
    /// Passes over them, and samples a step.
    public var epochs = 12, batch = 16
    /// Highest learning rate.
    public var rate = 5e-3
    /// Weight of the attention maps' divergence beside the normalised state error.
    public var attentionWeight = 4.0
  }
}

extension StudyConfiguration.PDE: ConfigurationSection {
  static let name = "pde"
  static let words = "the equation that isotherm fit fits"
  static let fields: [ConfigurationField<Self>] = [
    ConfigurationField(
      "model", allowed: MasterEquation.Model.allCases.map(\.rawValue).joined(separator: ", "),
      "short for models: [diffusion, MODEL]",
      read: {
        guard $0.has("model") else { return }
        let model: MasterEquation.Model = try $0.choice("model", .autonomous)
        $1.models = model == .diffusion ? [model] : [.diffusion, model]
      }, write: { _ in nil }),
    ConfigurationField(
      "models",
      allowed: "list of \(MasterEquation.Model.allCases.map(\.rawValue).joined(separator: ", "))",
      "rungs of the ladder to fit", read: { $1.models = try $0.choices("models", $1.models) },
      write: { "[\($0.models.map(\.rawValue).joined(separator: ", "))]" }),
    .choice(
      "objective", \.objective,
      "what is minimised: the distance from the network, or the task's loss"),
    .choice("every", \.every, "when a fit to the task looks at the held-out samples"),
    .choice("stepper", \.stepper, "how the equation is integrated"),
    .integer("substeps", \.substeps, 1...1000, "steps an interval between two layers"),
    .choice("boundary", \.boundary, "edges of the grid of patches"),
    .integer("degree", \.degree, 1...32, "highest Chebyshev polynomial of smooth coefficients"),
    .integer("rank", \.rank, 1...1024, "rank of the changes of matrices in modulated"),
    .integer("samples", \.samples, 1...1_000_000, "training samples it is fitted to"),
    .integer("epochs", \.epochs, 0...100_000, "passes over them"),
    .integer("batch", \.batch, 1...100_000, "samples a step"),
    .number("rate", \.rate, 0...10, "highest learning rate"),
    .number(
      "attention_weight", \.attentionWeight, 0...1e6,
      "weight of the maps' divergence beside the state error; 0 never shows it the maps"),
  ]
}
