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
  /// Sizes of the network it stands for.
  public let network: ModelConfiguration
  /// Highest Chebyshev polynomial of `modulated`, and rank of its changes of matrices.
  public let degree: Int, rank: Int
  /// Where the free parameters lie.
  public let layout: ParameterLayout
  /// Where the coefficients of one interval lie among themselves.
  public let interval: ParameterLayout

  /// The equation for a network's residual stream on `grid`.
  public init(
    _ model: Model, grid: FieldGrid, network: ModelConfiguration, degree: Int = 4, rank: Int = 8
  ) {
    precondition(grid.positionCount == network.positionCount, "one cell a position")
    (self.model, self.grid, self.network) = (model, grid, network)
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
      layout.append("norm1.weight", channel, .constant(1))
      layout.append("norm1.bias", channel, .constant(0))
      layout.appendAttention("attention.", width: network.width)
      layout.append("norm2.weight", channel, .constant(1))
      layout.append("norm2.bias", channel, .constant(0))
      layout.appendFeedForward("reaction.", width: network.width, hidden: network.mlpWidth)
    }
    return layout
  }

  /// The constant part, then what changes: a vector a degree, and for a matrix W the factors of
  /// W(t) = W₀ + Σ_k T_k(2t - 1) leftₖ · right.
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
      // Left starts at 0: the fit begins at the autonomous equation, and its first gradient is left's.
      let (output, input) = (entry.axes[0], entry.axes[1])
      layout.append(entry.name + ".left", [degrees, output, ranks], .constant(0))
      layout.append(
        entry.name + ".right", [ranks, input], .normal(1 / Double(input.length).squareRoot()))
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
      heads: network.headCount, hidden: network.mlpWidth)
  }
}
