import Archive
import Transformer

/// What an equation that was fitted to captures stands for: its form, and where that is not the network's.
struct CapturedExplanation {
  private let subject: CapturedSubject
  private let writer = ExplanationWriter()

  init(_ subject: CapturedSubject) { self.subject = subject }

  /// The part of the archive.
  func part() -> Explanation.Part {
    let (w, model, form) = (writer, subject.model, subject.configuration.form)
    w.say(
      "The network is not here: states and maps were captured, and the equation is fitted to them as they lie in the run, whose "
        + "\(Layout.Samples.split), or else the rule below, says which samples are fitted to. "
        + "\(w.put("positions", model.positionCount)) positions, \(w.put("width", model.width)) channels, "
        + "\(w.put("layers", model.layerCount)) layers, \(w.put("heads", model.headCount)) heads. A matrix is [output, input]."
    )
    w.say("Split: \(w.put("split", subject.splitRule)).")
    w.say(
      "A of the equation: q, k, v = W x + b of the normalised state, \(w.put("kv_heads", model.keyValueHeadCount)) heads of keys and values, each "
        + "shared by as many query heads; map = softmax(q · k/√(width/heads)) over the keys seen; then the output matrix and its bias. "
        + "\(form.isRotary ? "Queries and keys are turned by their positions (halves of a head as pairs, base 10000). " : "Nothing else says where a position is. ")"
        + "M: a matrix to \(w.put("mlp", model.mlpWidth)) numbers, \(w.put("activation", model.variant.activation.rawValue)), a matrix back. Norms: "
        + "\(w.put("norm_kind", model.variant.normKind.rawValue)), epsilon \(w.put("norm_epsilon", model.epsilon)). What nobody said of the network "
        + "(network.mlp, norm, activation, kv_heads, rotary in the configuration) has these values by default."
    )
    w.put("causal", model.variant.isCausal)
    if model.variant.isCausal {
      w.say(
        "Causal: a position attends to itself and earlier ones only, and hears the one before only in D, so that D is as much an advection "
          + "towards later positions as a diffusion.")
    }
    let front = w.put("class_tokens", form.classTokens)
    if form.classTokens > 0 {
      w.say(
        "The first \(front) positions are class or distillation tokens or registers: they attend and are attended to, have the reaction, and do not "
          + "diffuse.")
    }
    w.put("parallel", form.isParallel)
    if form.isParallel {
      w.say(
        "Attention and MLP of a layer read the same state and are added together. An explicit Euler step, u + Δt (D∇²u + α A(u) + R(u)), has "
          + "that form; pde.stepper lie lets R read what attention has already moved.")
    } else {
      w.say(
        "In a layer the MLP reads what attention has moved; a step of pde.stepper lie has that order."
      )
    }
    switch w.put("final_norm", form.finalNorm) {
    case "applied":
      w.say(
        "The last state was captured behind the network's final norm: the last interval stands for the last layer and that norm, and its "
          + "state error is no measure of the layer alone.")
    case "not_applied": w.say("The last state is the residual stream before the final norm.")
    default:
      w.say(
        "Nobody said whether the last state is behind the network's final norm; if it is, the last interval stands for that norm too."
      )
    }
    w.say(
      "Where padding does not lie behind the tokens of a sample, its tokens were moved in front: positions of fields and maps count them."
    )
    return w.part("network", "what the equation stands for, fitted to captures")
  }
}
