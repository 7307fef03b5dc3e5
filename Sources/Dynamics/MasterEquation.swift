import Arrays
import Kernels
import Transformer

/// The right-hand side of the master equation (arXiv 2408.09523 eq. 1), autonomous in depth-time:
///
///     f(u) = D ∇²u + α A(LN₁ u) + L · MLP(LN₂ u)
///
/// u `[sample, position, channel]`; D ≥ 0 per channel (softplus of a free parameter), positions²/depth-time; A is
/// multi-head self-attention; the reaction is an MLP, local in the position. L, the network's depth, turns a
/// layer's update into a rate per depth-time, so that weights have the size they have in a network; α starts at L for
/// the same reason. α and the attention's output matrix are not identifiable apart: only their product is.
public struct MasterEquation: Sendable {
  /// Which terms a model has.
  public enum Model: String, Sendable, CaseIterable {
    /// u(t) = u(0): no parameter.
    case persistence
    /// D only.
    case diffusion
    /// One D, α, A and R for all depth-times: the paper's claim in its strong form.
    case autonomous

    /// Whether the model says anything about attention.
    public var hasAttention: Bool { self == .autonomous }
  }

  /// Which terms there are.
  public let model: Model
  /// Cells of the field.
  public let grid: FieldGrid
  /// Sizes of the network it stands for.
  public let network: ModelConfiguration
  /// Where the parameters lie.
  public let layout: ParameterLayout

  /// The equation for a network's residual stream on `grid`.
  public init(_ model: Model, grid: FieldGrid, network: ModelConfiguration) {
    precondition(grid.positionCount == network.positionCount, "one cell a position")
    (self.model, self.grid, self.network) = (model, grid, network)
    var layout = ParameterLayout()
    let channel = [Axis("channel", network.width)]
    if model != .persistence {
      layout.append("diffusivity.raw", channel, .constant(-4))
    }
    if model == .autonomous {
      layout.append(
        "attention_strength", [Axis("scalar", 1)], .constant(Double(network.layerCount)))
      layout.append("norm1.weight", channel, .constant(1))
      layout.append("norm1.bias", channel, .constant(0))
      layout.appendAttention("attention.", width: network.width)
      layout.append("norm2.weight", channel, .constant(1))
      layout.append("norm2.bias", channel, .constant(0))
      layout.appendFeedForward("reaction.", width: network.width, hidden: network.mlpWidth)
    }
    self.layout = layout
  }

  /// Number of parameters.
  public var parameterCount: Int { layout.count }

  func shape(samples: Int) -> BatchShape {
    BatchShape(
      samples: samples, positions: network.positionCount, width: network.width,
      heads: network.headCount, hidden: network.mlpWidth)
  }
}
