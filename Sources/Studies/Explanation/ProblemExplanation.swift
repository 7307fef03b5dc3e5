import Archive
import Dynamics

/// The equation of a problem, term by term, and how it was integrated.
struct ProblemExplanation {
  private let problem: ProblemConfiguration
  private let integration: Integration

  init(_ problem: ProblemConfiguration, _ integration: Integration) {
    (self.problem, self.integration) = (problem, integration)
  }

  /// All parts of the archive.
  func explanation() -> Explanation {
    var parts = [equation(), method()]
    if problem.terms.contains(where: \.isDrawn) {
      let random = ExplanationWriter()
      random.sayGenerator(seed: problem.seed)
      parts.append(random.part("random", "random numbers, and what they decide"))
    }
    return Explanation(parts)
  }

  // MARK: - Equation

  private func equation() -> Explanation.Part {
    let w = ExplanationWriter()
    let (u, isSecond) = (Layout.Fields.solution.u, problem.time.isSecondOrder)
    w.put("second_order", isSecond)
    w.say(
      "\(isSecond ? "∂²u/∂t²" : "∂u/∂t") is the sum of the terms below; u(0) is the first row of \(u)"
        + (isSecond ? ", ∂u/∂t there 0." : ".") + " Computed in float64.")
    switch problem.state {
    case .grid(let rows, let columns, let spacing, let boundary, let channels):
      w.say(
        "u lies on \(w.put("rows", rows)) x \(w.put("columns", columns)) cells h = \(w.put("spacing", spacing)) apart, \(w.put("channels", channels)) "
          + "numbers a cell. Edges \(w.put("boundary", boundary.rawValue)): \(Self.words(boundary)) An axis of one cell is left out."
      )
    case .tokens(let count, let dimension, let isSphere):
      w.put("sphere", isSphere)
      w.say(
        "u is \(w.put("tokens", count)) tokens x_i of \(w.put("dimension", dimension)) coordinates"
          + (isSphere
            ? ", on the unit sphere at first; the projected rate keeps them there up to the integration's error."
            : "."))
    case .gaussian(let mean, _):
      w.say(
        "u is the mean m and the variance s of each of \(w.put("coordinates", mean.count)) independent coordinates of a normal "
          + "distribution of tokens, [moment, coordinate].")
    }
    for (index, term) in problem.terms.enumerated() {
      term.explain("term_\(index)", to: w)
    }
    return w.part("equation", "the equation, term by term")
  }

  private static func words(_ boundary: Boundary) -> String {
    switch boundary {
    case .periodic: "beyond an edge is the cell at the other edge."
    case .neumann: "beyond an edge u is that of the cell at the edge, so that nothing flows."
    case .dirichlet: "beyond an edge u is 0."
    }
  }

  // MARK: - Method

  private func method() -> Explanation.Part {
    let w = ExplanationWriter()
    w.put("stepper", integration.method.rawValue)
    w.say(
      "L is diffusion, if there is any, as a matrix; N the sum of all other terms; f = Lu + N. Functions of L are taken of its "
        + "eigenvalues. Δt is a step's length.")
    w.say("\(integration.method.rawValue): \(integration.method.formula)")
    if let steps = integration.stepCount {
      w.say(
        "Δt = \(w.put("step", integration.stepSize)), \(w.put("steps_per_snapshot", integration.stepsPerSnapshot)) steps between two "
          + "snapshots, \(w.put("steps", steps)) in all.")
    } else {
      w.put("tolerance", integration.tolerance)
      let longest = w.put("longest_step", integration.longestAdaptiveStep)
      w.say(
        "Tolerance \(integration.tolerance), steps no longer than \(longest). Snapshots between steps by the pair's "
          + "dense output of order 4 (Hairer, Nørsett and Wanner, Solving ODEs I, section II.6).")
    }
    return w.part("method", "how it was integrated")
  }
}

extension FieldTerm {
  /// Whether constants of it are drawn at random.
  var isDrawn: Bool {
    if case .reaction(.perceptron) = self { true } else { false }
  }

  /// Its formula, with constants under names that begin with `prefix`.
  func explain(_ prefix: String, to w: ExplanationWriter) {
    let kind = w.put(prefix + "_kind", name)
    func say(_ text: String) { w.say("\(prefix), \(kind): \(text)") }
    func list(_ name: String, _ values: [Double]) -> String {
      w.put("\(prefix)_\(name)", values)
    }
    switch self {
    case .diffusion(let diffusion):
      let order = w.put(prefix + "_order", diffusion.order)
      let stencil =
        diffusion.order == 2
        ? "(u₋ - 2u + u₊)/h² along each axis"
        : "(-u₋₋ + 16u₋ - 30u + 16u₊ - u₊₊)/(12h²) along each axis"
      switch diffusion.diffusivity {
      case .uniform(let value):
        say("D ∇²u, D = \(list("diffusivity", [value])), order \(order): \(stencil).")
      case .perChannel(let values):
        say(
          "D ∇²u, D = \(list("diffusivity", values)) of each channel, order \(order): \(stencil).")
      case .perPosition(let values):
        say(
          "∇·(D∇u), D of each of the \(values.count) cells as the configuration in \(Layout.Provenance.group) has it: the sum over faces of (D + D')/2 "
            + "(u' - u)/h², u' and D' of the cell beyond the face.")
      }
    case .convection(let convection):
      let isUpwind = w.put(prefix + "_upwind", convection.isUpwind)
      say(
        "-v·∇u, v = (\(w.put(prefix + "_velocity_y", convection.velocity.y)), \(w.put(prefix + "_velocity_x", convection.velocity.x))) down and "
          + "across; upwind \(isUpwind): the slope along an axis is "
          + (convection.isUpwind ? "(u - u₋)/h where v > 0, else (u₊ - u)/h." : "(u₊ - u₋)/(2h)."))
    case .reaction(let reaction): reaction.explain(prefix, to: w, say)
    case .attention(let attention): attention.explain(prefix, to: w, say)
    case .measure(let measure):
      let attention = measure.attention
      let (v, b) = (
        w.put(prefix + "_strength", attention.strength),
        w.put(prefix + "_sharpness", attention.sharpness)
      )
      let kernel = w.put(prefix + "_kernel", attention.kernel.rawValue)
      let rate =
        switch attention.kernel {
        case .softmax, .unnormalised: "m' = V(1 + βs)m, s' = 2Vβs² (Castin and others 2025)."
        case .l2: "m' = 0, s' = -2Vs/(1 + βs)."
        case .sinkhorn:
          "m' = 0, s' = 2V(√(s² + ε²/4) - ε/2 - s), ε = 1/β (Janati and others 2020, theorem 1)."
        }
      say("of infinitely many tokens, \(kernel), V = \(v), β = \(b): \(rate)")
    }
  }
}

extension Reaction {
  fileprivate func explain(_ prefix: String, to w: ExplanationWriter, _ say: (String) -> Void) {
    switch self {
    case .polynomial(let c):
      say("Σ_k c_k uᵏ, c from k = 0: \(w.put(prefix + "_coefficients", c)).")
    case .logistic(let rate, let capacity):
      say(
        "r u (1 - u/K), r = \(w.put(prefix + "_rate", rate)), K = \(w.put(prefix + "_capacity", capacity))."
      )
    case .perceptron(let network):
      let hidden = w.put(prefix + "_hidden", network.innerBias.count)
      say(
        "W₂ tanh(W₁u + b₁) + b₂ over the channels of a cell, \(hidden) hidden numbers. W₁ [hidden, channel], b₁, W₂ [channel, hidden], b₂, in this "
          + "order and each in C order, are normal numbers of stream (dynamics, 2^33) times scale/√inputs, the scale of the configuration in "
          + "\(Layout.Provenance.group).")
    }
  }
}

extension TokenAttention {
  fileprivate func explain(_ prefix: String, to w: ExplanationWriter, _ say: (String) -> Void) {
    let kernel = w.put(prefix + "_kernel", kernel.rawValue)
    let (v, b) = (
      w.put(prefix + "_strength", strength), w.put(prefix + "_sharpness", sharpness)
    )
    w.put(prefix + "_relative", isRelative)
    w.put(prefix + "_causal", isCausal)
    w.put(prefix + "_sphere", isSphere)
    let weights =
      switch self.kernel {
      case .softmax: "e^{β⟨x_i,x_j⟩} divided by its row's sum"
      case .unnormalised: "e^{β⟨x_i,x_j⟩}/n"
      case .l2: "e^{-β|x_i-x_j|²/2} divided by its row's sum"
      case .sinkhorn:
        "s_i s_j e^{-β|x_i-x_j|²/2}, s such that rows and columns sum to 1 within \(w.put(prefix + "_balance", Self.sinkhornTolerance))"
      }
    say(
      "g_i = V Σ_j w_ij \(isRelative ? "(x_j - x_i)" : "x_j"), V = \(v), kernel \(kernel), β = \(b): w_ij is \(weights)"
        + (isCausal ? ", over j ≤ i alone" : "") + "."
        + (isSphere ? " On the sphere g_i - ⟨g_i, x_i⟩ x_i." : "")
        + (length.map { " Tokens from \(w.put(prefix + "_length", $0)) on are padding." } ?? ""))
  }
}
