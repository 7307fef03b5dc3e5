import Arrays

extension ParameterLayout {
  /// The parameters of a Transformer.
  public init(_ model: ModelConfiguration) {
    self.init()
    let channel = Axis("channel", model.width)
    appendEmbedding(model)
    for l in 0..<model.layerCount {
      let keyWidth = model.variant.keyValueHeads.map { $0 * model.headWidth }
      appendNorm("blocks.\(l).norm1", model)
      appendAttention("blocks.\(l).attention.", width: model.width, keyWidth: keyWidth)
      appendNorm("blocks.\(l).norm2", model)
      appendFeedForward(
        "blocks.\(l).mlp.", width: model.width, hidden: model.mlpWidth,
        gated: model.variant.activation == .swiglu)
    }
    if model.variant.norm == .pre { appendNorm("final_norm", model) }
    let outcome = Axis(model.variant.pooling == .each ? "token" : "class", model.classCount)
    if !model.variant.isTied {
      append(
        "classifier.weight", [outcome, Axis("input_channel", model.width)], .matrix)
    }
    append("classifier.bias", [outcome], .constant(0))
    // Last, so that they leave the first values of all others as they are.
    if model.bottleneck != nil { append("bottleneck.log_sigma", [channel], .constant(-2)) }
    for (index, refinement) in model.refinements.enumerated() {
      appendRefinement("refinements.\(index).", refinement, model)
    }
  }

  private mutating func appendEmbedding(_ model: ModelConfiguration) {
    let channel = Axis("channel", model.width)
    switch model.input {
    case .patches(let width):
      append(
        "embed.weight", [Axis("output_channel", model.width), Axis("pixel", width)], .matrix)
      append("embed.bias", [channel], .constant(0))
    case .tokens(let vocabulary):
      append("token_embedding.weight", [Axis("token", vocabulary), channel], .normal(0.02))
    }
    if model.variant.pooling == .classToken { append("class_token", [channel], .normal(0.02)) }
    if model.variant.positions == .learned {
      append(
        "position_embedding.weight", [Axis("position", model.positionCount), channel],
        .normal(0.02))
    }
  }

  private mutating func appendNorm(_ name: String, _ model: ModelConfiguration) {
    guard model.variant.norm != .none else { return }
    append(name + ".weight", [Axis("channel", model.width)], .constant(1))
    if model.variant.normKind == .layer {
      append(name + ".bias", [Axis("channel", model.width)], .constant(0))
    }
  }

  private mutating func appendRefinement(
    _ prefix: String, _ refinement: Refinement, _ model: ModelConfiguration
  ) {
    let channel = Axis("channel", model.width)
    append(prefix + "strength", [channel], .constant(-2))
    switch refinement.kind {
    case .diffusion, .wave: break
    case .reactionDiffusion: append(prefix + "reaction", [channel], .constant(0.1))
    case .advectionDiffusion:
      append(
        prefix + "velocity", [Axis("axis", model.gridDimensions), channel], .constant(0.1))
    }
  }
}
