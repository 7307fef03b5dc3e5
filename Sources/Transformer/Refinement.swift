/// A PDE-guided layer (2505.20666): a few explicit steps of a partial differential equation over positions, put into the
/// residual stream of a Transformer, with coefficients learned for each channel.
///
/// Spacing and step are 1. Every coefficient passes a bounded function, so that the steps are stable whatever is learned
/// (the bounds stand at ``RefinementPass``). Under a causal mask a position hears earlier ones only.
public struct Refinement: Sendable, Hashable {
  /// The equation.
  public enum Kind: String, Sendable, CaseIterable {
    /// ∂u/∂t = α ∇²u.
    case diffusion
    /// ∂²u/∂t² = α ∇²u, by leapfrog from rest.
    case wave
    /// ∂u/∂t = α ∇²u + β tanh u.
    case reactionDiffusion = "reaction-diffusion"
    /// ∂u/∂t = α ∇²u - v · ∇u, upwind.
    case advectionDiffusion = "advection-diffusion"
  }

  /// Largest α on a grid of that many dimensions.
  public static func strengthBound(dimensions: Int) -> Double { 1 / Double(4 * dimensions) }
  /// Largest |v| on a grid of that many dimensions.
  public static func velocityBound(dimensions: Int) -> Double { 1 / Double(2 * dimensions) }

  /// The equation.
  public var kind: Kind
  /// The layer after which it lies; nil for after the embedding.
  public var layer: Int?
  /// Steps taken.
  public var steps: Int

  /// `steps` steps of an equation after a layer.
  public init(_ kind: Kind, after layer: Int?, steps: Int) {
    (self.kind, self.layer, self.steps) = (kind, layer, steps)
  }

  /// - Throws: ``ModelError`` when it does not fit the model.
  public func check(_ model: ModelConfiguration) throws {
    if let layer, layer < 0 || layer >= model.layerCount {
      throw ModelError(
        message: "refinement after layer \(layer): the layers are 0 to \(model.layerCount - 1)")
    }
    guard (1...1000).contains(steps) else {
      throw ModelError(message: "refinement: steps must be from 1 to 1000, found \(steps)")
    }
    if kind == .wave, model.variant.isCausal {
      throw ModelError(
        message:
          "refinement wave under a causal mask: a one-sided second difference is unstable in "
          + "second order in time; choose diffusion, reaction-diffusion or advection-diffusion")
    }
  }
}
