import Archive
import Transformer

/// The equations of a network as it is configured.
struct NetworkExplanation {
  private let model: ModelConfiguration
  private let writer = ExplanationWriter()

  init(_ model: ModelConfiguration) { self.model = model }

  private var variant: ModelConfiguration.Variant { model.variant }

  /// The part of the archive.
  func part() -> Explanation.Part {
    sizes()
    embedding()
    layers()
    attention()
    mlp()
    if !model.refinements.isEmpty { refinements() }
    if model.bottleneck != nil { bottleneck() }
    ending()
    return writer.part("network", "equations of the network as it is configured")
  }

  private func sizes() {
    let w = writer
    w.say(
      "u[position, channel] is the residual stream of one sample: \(w.put("positions", model.positionCount)) "
        + "positions, \(w.put("width", model.width)) channels, \(w.put("layers", model.layerCount)) layers. "
        + "A matrix is stored [output, input] and acts as y = W x + b. Parameters are named below as their "
        + "arrays are; the attribute `symbol` of each array gives the letter used here.")
    w.say(
      "Arithmetic is IEEE float32; sums are taken in an order that is not stated, so that a repetition "
        + "in float64 agrees to about 1e-6.")
    w.put("class_token", variant.pooling == .classToken)
    w.put("grid_rows", model.grid.rows)
    w.put("grid_columns", model.grid.columns)
    w.put("outcomes", model.classCount)
  }

  private func embedding() {
    let w = writer
    switch model.input {
    case .patches(let width):
      w.put("input", "patches")
      w.say(
        "Embedding: position i gets W_E x_i + b_E of its patch x_i, "
          + "\(w.put("input_width", width)) numbers (see \(Layout.Explanation.group)/input).")
    case .tokens(let vocabulary):
      w.put("input", "tokens")
      w.say(
        "Embedding: position i gets row x_i of E (\(w.put("input_width", vocabulary)) rows) for its token x_i. "
          + "Padding gets no token vector; it comes after the text, as \(Layout.Samples.length) counts it."
      )
    }
    if variant.pooling == .classToken {
      w.say(
        "Position 0 is the class token: the vector c instead of an input. The inputs follow from "
          + "position 1 on. It is never padding; \(Layout.Samples.length) counts tokens, without it, in an archive "
          + "of training, and positions, with it, in one of fitted equations.")
    }
    let base = w.put("position_base", PositionEncoding.base)
    switch variant.positions {
    case .learned:
      w.say("Row i of P, learned, is added at position i, padding and class token included.")
    case .sinusoidal:
      w.say(
        "At position i channel c gains sin(i · \(base)^(-2⌊c/2⌋/\(model.width))) where c is even and the "
          + "cosine of the same where it is odd, padding and class token included.")
    case .rotary: w.say("Nothing is added for the position; queries and keys are turned by it.")
    case .none: w.say("Nothing says where a position is.")
    }
    w.put("position_encoding", variant.positions.rawValue)
    w.put("dropout", variant.dropout)
    if variant.dropout > 0 {
      w.say(
        "While training, dropout (see \(Layout.Explanation.group)/random) acts on the embedded stream, place 0, and in layer l "
          + "on what attention gives, place 2l + 1, and what the MLP gives, place 2l + 2, before it "
          + "is added. Evaluated and captured without.")
    }
  }

  private func layers() {
    let w = writer
    w.put("norm", variant.norm.rawValue)
    w.put("norm_kind", variant.normKind.rawValue)
    w.put("residual", variant.hasResidual)
    let epsilon = w.put("norm_epsilon", model.epsilon)
    let sum = variant.hasResidual ? "u + " : ""
    switch variant.norm {
    case .pre:
      w.say(
        "Layer l, pre-norm: m = \(sum)A(N₁ u), the stream residual.l.mid; then u ← "
          + "\(variant.hasResidual ? "m + " : "")M(N₂ m), residual.l.post.")
    case .post:
      w.say(
        "Layer l, post-norm: m = N₁(\(sum)A(u)), the stream residual.l.mid; then u ← "
          + "N₂(\(variant.hasResidual ? "m + " : "")M(m)), residual.l.post.")
    case .none:
      w.say(
        "Layer l, without norms: m = \(sum)A(u), the stream residual.l.mid; then u ← "
          + "\(variant.hasResidual ? "m + " : "")M(m), residual.l.post.")
    }
    if !variant.hasResidual {
      w.say("There are no residual connections: attention and MLP replace the stream.")
    }
    guard variant.norm != .none else { return }
    switch variant.normKind {
    case .layer:
      w.say(
        "N x = γ (x - mean x)/√(var x + ε) + β over the channels of a position, var the mean squared deviation "
          + "(divided by the number of channels), ε = \(epsilon) added to the variance.")
    case .rms:
      w.say(
        "N x = γ x/√(mean x² + ε) over the channels of a position, without mean and β; ε = \(epsilon) added to "
          + "the mean square.")
    }
  }

  private func attention() {
    let w = writer
    let (heads, keyHeads) = (
      w.put("heads", model.headCount), w.put("key_heads", model.keyValueHeadCount)
    )
    w.say(
      "A, attention: q = W_Q x + b_Q, k = W_K x + b_K, v = W_V x + b_V. Head h of \(heads) reads channels "
        + "h·\(model.headWidth) to (h + 1)·\(model.headWidth) - 1 of q, and those of its own or shared head of k and v. Its scores are q_i · k_j "
        + "/√\(w.put("head_width", model.headWidth)), query i, key j; the map is their softmax over the keys j; the "
        + "head gives Σ_j map_ij v_j. Heads side by side, o, then W_O o + b_O.")
    if model.keyValueHeadCount != model.headCount {
      w.say(
        "Keys and values have \(keyHeads) heads: query head h uses key and value head "
          + "⌊h / \(model.headCount / model.keyValueHeadCount)⌋.")
    }
    if variant.positions == .rotary {
      w.say(
        "Rotary positions: in each head of q and k channels c and c + \(model.headWidth / 2), "
          + "c < \(model.headWidth / 2), at position i become (a cos φ - b sin φ, b cos φ + a sin φ) with "
          + "φ = i · \(w.put("position_base", PositionEncoding.base))^(-2c/\(model.headWidth)).")
    }
    if w.put("causal", variant.isCausal) == "yes" {
      w.say("Causal mask: query i sees keys j ≤ i only; the map is 0 elsewhere.")
    }
    if case .tokens = model.input {
      w.say(
        "Padding is no key: the map is 0 there. Queries at padding see the keys that are there, and their rows "
          + "mean nothing.")
    }
  }

  private func mlp() {
    switch variant.activation {
    case .gelu:
      writer.say(
        "M, the MLP: W_2 φ(W_1 x + b_1) + b_2 with GELU, exact: φ(x) = x (1 + erf(x/√2))/2.")
    case .relu: writer.say("M, the MLP: W_2 φ(W_1 x + b_1) + b_2 with φ(x) = max(x, 0).")
    case .swiglu:
      writer.say(
        "M, the MLP, SwiGLU: W_2 (s(W_g x + b_g) · (W_1 x + b_1)) + b_2 with s(x) = x/(1 + e^(-x))."
      )
    }
    writer.put("activation", variant.activation.rawValue)
    writer.put("mlp", model.mlpWidth)
  }

  private func ending() {
    let w = writer
    let read = variant.norm == .pre ? "N_f u, the final norm of the stream," : "the stream u"
    let matrix = variant.isTied ? "E, the token embedding itself," : "W_C"
    switch variant.pooling {
    case .mean:
      w.say(
        "Classifier: \(matrix) x + b_C of the mean x of \(read) over a sample's positions, padding left out."
      )
    case .classToken: w.say("Classifier: \(matrix) x + b_C of \(read) at position 0.")
    case .each:
      w.say(
        "Classifier: \(matrix) x + b_C of \(read) at each position: one logit a token, for the next token."
      )
    }
    w.put("pool", variant.pooling.rawValue)
    w.put("tied", variant.isTied)
  }

  private func bottleneck() {
    guard let bottleneck = model.bottleneck else { return }
    let w = writer
    w.say(
      "Bottleneck: after layer \(w.put("bottleneck_layer", bottleneck.layer)), while training, the stream u "
        + "becomes u + σ e, σ = exp(ln σ) of each channel (bottleneck.log_sigma), e standard normal: stream "
        + "(noise, shard index), one normal an element of the shard's [sample, position, channel]. The bound of "
        + "a sample is Σ ½(u² + σ² - 2 ln σ - 1) over positions and channels, nats. Evaluated and captured "
        + "without noise. residual.l.post of that layer is taken after the noise, when there is any."
    )
  }

  private func refinements() {
    let w = writer
    let dimensions = model.gridDimensions
    let strength = w.put(
      "refinement_strength_bound", Refinement.strengthBound(dimensions: dimensions))
    let velocity = w.put(
      "refinement_velocity_bound", Refinement.velocityBound(dimensions: dimensions))
    w.put("refinements", model.refinements.count)
    w.say(
      "Refinements are explicit steps, spacing 1 and step 1, of an equation over the positions as a grid of "
        + "\(model.grid.rows) rows and \(model.grid.columns) columns, row by row; a class token is not on it. Each "
        + "channel has coefficients: α = \(strength)/(1 + e^(-a)) from a (strength), "
        + "v = \(velocity) tanh w from w (velocity; row 0 along the columns, row 1 along the rows), β (reaction). "
        + "A step takes u_i ← u_i + Σ α (u_j - u_i) over the neighbours j of i"
        + (variant.isCausal ? ", of which a causal mask leaves the one before, i - 1" : "")
        + "; beyond the edges, and between text and padding, nothing passes.")
    for (index, refinement) in model.refinements.enumerated() {
      let place = refinement.layer.map { "layer \($0)" } ?? "the embedding (and its dropout)"
      w.put("refinement_\(index)_kind", refinement.kind.rawValue)
      w.put("refinement_\(index)_layer", refinement.layer ?? -1)
      let steps = w.put("refinement_\(index)_steps", refinement.steps)
      w.say(
        "Refinement \(index), \(refinement.kind.rawValue), \(steps) steps after \(place): "
          + words(refinement.kind)
          + " The stream it leaves is the \(refinement.layer == nil ? "residual.0.pre" : "residual.l.post") that is captured."
      )
    }
  }

  private func words(_ kind: Refinement.Kind) -> String {
    switch kind {
    case .diffusion: "the step above."
    case .wave:
      "p = 0 before the first step; each step p_i ← p_i + Σ α (u_j - u_i), then u ← u + p: leapfrog from rest."
    case .reactionDiffusion:
      "the step above and β tanh u_i beside it, both from the u before the step; also at padding, not at a "
        + "class token."
    case .advectionDiffusion:
      "the step above and, upwind, max(v, 0) (u_j - u_i) with j the neighbour before i along each axis and "
        + "max(-v, 0) (u_j - u_i) with j the one after"
        + (variant.isCausal ? ", which a causal mask hides" : "") + "."
    }
  }
}
