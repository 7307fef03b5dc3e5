/// What one training step did.
public struct StepReport: Sendable {
  /// Mean cross entropy over the batch's targets, nats; with label smoothing when there is some.
  public var loss: Double
  /// Share of the batch's targets that had the largest logit before the step.
  public var accuracy: Double
  /// Global gradient norm before clipping.
  public var gradientNorm: Double
  /// Learning rate used.
  public var rate: Double
  /// Mean bound on I(X;Z) of the bottleneck, nats; 0 without one.
  public var informationBound: Double

  /// Whether the step was taken; a loss or gradient that is not finite leaves the weights as they were.
  public var isFinite: Bool { loss.isFinite && gradientNorm.isFinite }
}

/// Parts of a layer whose gradient norms are kept apart.
public enum ParameterGroup: Int, Sendable, CaseIterable {
  /// Query, key, value and output matrices and biases.
  case attention
  /// The MLP's.
  case mlp
  /// Gains and biases of both norms.
  case norm

  /// The group of a layer's parameter, and the layer; nil outside the layers.
  static func of(_ name: String) -> (layer: Int, group: ParameterGroup)? {
    let parts = name.split(separator: ".")
    guard parts.count > 2, parts[0] == "blocks", let layer = Int(parts[1]) else { return nil }
    switch parts[2] {
    case "attention": return (layer, .attention)
    case "mlp": return (layer, .mlp)
    default: return (layer, .norm)
    }
  }
}
