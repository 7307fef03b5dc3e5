import Arrays
import Kernels
import Transformer

/// The right-hand side of the master equation (arXiv 2408.09523 eq. 1), within the interval between two layers:
///
///     f(u) = D ∇²u + α A(LN₁ u) + L · MLP(LN₂ u)
///
/// u `[sample, position, channel]`; D ≥ 0 per channel (softplus of a free parameter), positions²/depth-time; A is
/// multi-head self-attention; the reaction is an MLP, local in the position. L, the network's depth, turns a
/// layer's update into a rate per depth-time, so that weights have the size they have in a network; α starts at L for
/// the same reason. α and the attention's output matrix are not identifiable apart: only their product is.
///
/// What depends on t is constant within an interval: the smooth coefficients of `modulated` are taken at its middle.
///
/// A and the MLP have the network's own form: its kind of normalisation (none when the network has none), activation, shared
/// keys, rotary positions, causal mask and padding. A post-norm network is modelled with the norm inside A and R all the same.
/// A class token attends and is attended to, and does not diffuse.
public struct MasterEquation: Sendable {
  /// Which terms a model has, and how they depend on depth-time.
  public enum Model: String, Sendable, CaseIterable {
    /// u(t) = u(0): no parameter.
    case persistence
    /// D only.
    case diffusion
    /// One D, α, A and R for all depth-times: the paper's claim in its strong form.
    case autonomous
    /// Autonomous, plus changes that are polynomials in t: of every vector, and of rank r of every matrix.
    case modulated
    /// Own D, α, A and R in each layer interval: the upper bound, close to the network itself.
    case layerwise

    /// Whether the model says anything about attention.
    public var hasAttention: Bool { self != .persistence && self != .diffusion }
    /// Whether coefficients differ between intervals.
    public var dependsOnTime: Bool { self == .modulated || self == .layerwise }
  }

  /// Which terms there are.
  public let model: Model
  /// Cells of the field.
  public let grid: FieldGrid
  /// Edges of the grid.
  public let boundary: Boundary
  /// Sizes and form of the network it stands for.
  public let network: ModelConfiguration
  /// Highest Chebyshev polynomial of `modulated`, and rank of its changes of matrices.
  public let degree: Int, rank: Int
  /// Where the free parameters lie.
  public let layout: ParameterLayout
  /// Where the coefficients of one interval lie among themselves.
  public let interval: ParameterLayout

  /// The equation for a network's residual stream on `grid`.
  public init(
    _ model: Model, grid: FieldGrid, boundary: Boundary = .neumann, network: ModelConfiguration,
    degree: Int = 4, rank: Int = 8
  ) {
    precondition(grid.positionCount == network.inputCount, "one cell a position")
    (self.model, self.grid, self.boundary, self.network) = (model, grid, boundary, network)
    (self.degree, self.rank) = (degree, rank)
    let interval = Self.interval(model, network)
    self.interval = interval
    switch model {
    case .persistence, .diffusion, .autonomous: layout = interval
    case .layerwise:
      var layout = ParameterLayout()
      for layer in 0..<network.layerCount {
        for entry in interval.entries {
          layout.append("layers.\(layer).\(entry.name)", entry.axes, entry.start)
        }
      }
      self.layout = layout
    case .modulated: layout = Self.modulated(interval, degree: degree, rank: rank)
    }
  }

  private static func interval(_ model: Model, _ network: ModelConfiguration) -> ParameterLayout {
    var layout = ParameterLayout()
    let channel = [Axis("channel", network.width)]
    if model != .persistence {
      layout.append("diffusivity.raw", channel, .constant(-4))
    }
    if model.hasAttention {
      layout.append(
        "attention_strength", [Axis("scalar", 1)], .constant(Double(network.layerCount)))
      appendNorm("norm1", to: &layout, network)
      layout.appendAttention(
        "attention.", width: network.width,
        keyWidth: network.variant.keyValueHeads.map { $0 * network.headWidth })
      appendNorm("norm2", to: &layout, network)
      layout.appendFeedForward(
        "reaction.", width: network.width, hidden: network.mlpWidth,
        gated: network.variant.activation == .swiglu)
    }
    return layout
  }

  private static func appendNorm(
    _ name: String, to layout: inout ParameterLayout, _ network: ModelConfiguration
  ) {
    guard network.variant.norm != .none else { return }
    let channel = [Axis("channel", network.width)]
    layout.append(name + ".weight", channel, .constant(1))
    if network.variant.normKind == .layer { layout.append(name + ".bias", channel, .constant(0)) }
  }

  /// The constant part, then what changes: a vector a degree, and for a matrix W the factors of
  /// W(t) = W₀ + Σ_k T_k(2t - 1) leftₖ · rightₖ. Only the factor of the shorter side depends on k, which costs the fewest
  /// parameters.
  private static func modulated(
    _ interval: ParameterLayout, degree: Int, rank: Int
  ) -> ParameterLayout {
    var layout = interval
    let (degrees, ranks) = (Axis("degree", degree), Axis("rank", rank))
    for entry in interval.entries {
      guard case .matrix = entry.start else {
        layout.append(entry.name + ".modulation", [degrees] + entry.axes, .constant(0))
        continue
      }
      // The factor that depends on k starts at 0: the fit begins at the autonomous equation, and its first gradient is that
      // factor's.
      let (output, input) = (entry.axes[0], entry.axes[1])
      let fixed = ParameterLayout.Start.normal(
        1 / Double(max(output.length, input.length)).squareRoot())
      let leftChanges = output.length <= input.length
      layout.append(
        entry.name + ".left", (leftChanges ? [degrees] : []) + [output, ranks],
        leftChanges ? .constant(0) : fixed)
      layout.append(
        entry.name + ".right", (leftChanges ? [] : [degrees]) + [ranks, input],
        leftChanges ? fixed : .constant(0))
    }
    return layout
  }

  /// Number of parameters.
  public var parameterCount: Int { layout.count }
  /// Intervals that have coefficients of their own: one of each layer, or one for all.
  public var intervalCount: Int { model.dependsOnTime ? network.layerCount : 1 }

  func shape(samples: Int) -> BatchShape {
    BatchShape(
      samples: samples, positions: network.positionCount, width: network.width,
      heads: network.headCount, hidden: network.mlpWidth, keyValueHeads: network.keyValueHeadCount)
  }
}
