import Archive
import Dynamics
import Transformer

/// The fitted equations, how they are integrated, and what they were fitted to.
struct EquationExplanation {
  private let equations: [MasterEquation]
  private let pde: StudyConfiguration.PDE
  private let writer = ExplanationWriter()

  init(_ equations: [MasterEquation], _ pde: StudyConfiguration.PDE) {
    (self.equations, self.pde) = (equations, pde)
  }

  /// The part of the archive; nil without equations.
  func part() -> Explanation.Part? {
    guard let equation = equations.first else { return nil }
    let w = writer
    w.put("equations", equations.map(\.model.rawValue).joined(separator: " "))
    terms(equation)
    diffusion(equation)
    rungs(equation)
    stepper(equation)
    arrays(equation)
    return w.part("equation", "the fitted equation, its discretisation, and how it is integrated")
  }

  private func terms(_ equation: MasterEquation) {
    let w = writer
    let network = equation.network
    let layers = w.put("layers", network.layerCount)
    let norms = network.variant.norm != .none
    w.put("norms", norms)
    w.say(
      "∂u/∂t = D∇²u + α A(\(norms ? "N₁ " : "")u) + R(\(norms ? "N₂ " : "")u), R(x) = L M(x), t from 0 to 1 in depth, layer l at l/L, "
        + "L = \(layers). The class token and padding are positions as in the network.")
    w.say(
      "A is the attention and M the MLP of \(Layout.Explanation.group)/network, with biases, mask, rotation, shared keys and activation as "
        + "there; M's parameters are named reaction.*, and α is attention_strength. α multiplies the whole of A, b_O included, and L the whole of M, b_2 "
        + "included.")
    w.say(
      norms
        ? "N₁ and N₂ are norms of the kind and ε stated there, inside A and inside R, wherever the network's own stand; the "
          + "state itself is never normalised."
        : "The network has no norms, so A and R read the state itself.")
  }

  private func diffusion(_ equation: MasterEquation) {
    let w = writer
    let (rows, columns) = (
      w.put("grid_rows", equation.grid.rows), w.put("grid_columns", equation.grid.columns)
    )
    w.put("boundary", equation.boundary.rawValue)
    w.say(
      "D = ln(1 + e^raw) ≥ 0, softplus of diffusivity.raw, each channel; spacing \(w.put("spacing", 1)) position. ∇²u is "
        + (equation.grid.rows > 1
          ? "the five-point stencil on \(rows) x \(columns) cells, positions row by row"
          : "the three-point stencil along \(columns) positions")
        + ": Σ (u_j - u_i) over the neighbours j of i.")
    switch equation.boundary {
    case .neumann: w.say("Boundary neumann: no flux, a neighbour beyond the edge counts nothing.")
    case .periodic:
      w.say("Boundary periodic: the neighbour beyond an edge is the cell at the other edge.")
    case .dirichlet:
      w.say("Boundary dirichlet: a neighbour beyond the edge is 0, so that it adds -u_i.")
    }
    w.say("Between text and padding no flux passes. A class token does not diffuse.")
    if equation.network.variant.isCausal {
      w.say("Under the causal mask ∇²u_i is u_(i-1) - u_i alone, 0 at the first position.")
    }
  }

  private func rungs(_ equation: MasterEquation) {
    let w = writer
    w.say(
      "Equations: persistence, ∂u/∂t = 0; diffusion, D∇²u alone; autonomous, all terms, the same parameters for all t; "
        + "layerwise, parameters layers.l.* in l/L ≤ t < (l + 1)/L; modulated, parameters that depend on t:"
    )
    w.say(
      "modulated: with x = 2t - 1 at the middle of each interval, t = (l + 1/2)/L, constant within it, and T_k(x) = cos(k arccos "
        + "x), k = 1 to \(w.put("degree", equation.degree)), no k = 0: a vector (or scalar) is v + Σ_k T_k v.modulation[k - 1]; a matrix "
        + "W + Σ_k T_k leftₖ rightₖ, W.left [output, rank], W.right [rank, input], rank \(w.put("rank", equation.rank)). Only the factor of the "
        + "shorter side depends on k, left when outputs are no more than inputs, else right: its array has k as first axis, the "
        + "other is the same for all k.")
  }

  private func stepper(_ equation: MasterEquation) {
    let w = writer
    w.put("stepper", pde.stepper.rawValue)
    let substeps = w.put("substeps", pde.substeps)
    w.say(
      "Stepper \(pde.stepper.rawValue), Δt = 1/(L · \(substeps)), \(substeps) steps an interval.")
    guard let tableau = pde.stepper.tableau else {
      w.say(
        "lie: explicit Euler in each half: v = u + Δt (D∇²u + α A), then u ← v + Δt R(v), R at v.")
      return
    }
    w.put("tableau_a", "\(tableau.a)")
    w.put("tableau_b", "\(tableau.b)")
    w.say(
      "Explicit Runge-Kutta, right-hand side f: k_i = f(u + Δt Σ_j a_ij k_j), u ← u + Δt Σ_i b_i k_i, a = \(tableau.a), "
        + "b = \(tableau.b).")
  }

  private func arrays(_ equation: MasterEquation) {
    let w = writer
    w.say(
      "\(Layout.Fields("NAME").u): the state after each interval; u at depth-time 0 is "
        + (pde.objective == .task
          ? "the embedding of the equation's own stem (the parameters outside it, as in \(Layout.Explanation.group)/network), which was trained with it."
          : "the network's residual.0.pre of the last checkpoint.")
        + " Where the grid has rows, positions are [y, x]. Integration is from u at 0 with padding as the network embeds it; "
        + "archived u is 0 at padding, and no text position depends on what padding holds. attention: the map at the state where each interval "
        + "begins; rows of padding mean nothing. term_size: root mean square over channels and (unpadded) positions of D∇²u, α A and "
        + "R at the state where each interval begins, with the interval's parameters.")
    switch pde.objective {
    case .trajectories:
      let weight = w.put("attention_weight", pde.attentionWeight)
      w.say(
        "state_error: Σ(u - v)²/Σ v², v the network's residual.l.post (residual.0.pre at 0), padding left out. Minimised: the mean over layers and "
          + "samples of Σ(u - v)² after each layer, divided by the mean of Σ v² there over the fit samples (state_loss), plus \(weight) times "
          + "Σ p ln(p/q) of the network's map p and the equation's q, averaged over layers, heads and rows (map_loss)."
      )
    case .task:
      w.say(
        "Minimised: the loss of \(Layout.Explanation.group)/loss, with the equation in place of all layers."
      )
    }
  }
}
