import Foundation

/// ∂u/∂t = Σ terms, or ∂²u/∂t² = Σ terms, for a field `[y, x, channel]` or tokens `[token, coordinate]`.
public struct FieldProblem: Sendable {
  /// The terms, in the order of the problem file.
  public let terms: [FieldTerm]
  /// Channels of a cell, or coordinates of a token.
  public let channels: Int
  /// Volume of a cell, h^dim; 1 for tokens.
  public let cellVolume: Double
  /// Whether the terms are an acceleration.
  public let isSecondOrder: Bool

  /// A problem.
  public init(
    _ terms: [FieldTerm], channels: Int, cellVolume: Double = 1, isSecondOrder: Bool = false
  ) {
    (self.terms, self.channels) = (terms, channels)
    (self.cellVolume, self.isSecondOrder) = (cellVolume, isSecondOrder)
  }

  /// Σ terms.
  public func rate(_ t: Double, _ u: [Double]) -> [Double] {
    guard let first = terms.first else { return [Double](repeating: 0, count: u.count) }
    return terms.dropFirst().reduce(first.apply(u, channels: channels)) {
      combine($0, 1, $1.apply(u, channels: channels))
    }
  }

  /// The first diffusion whose modes are known: what implicit and exponential steppers treat exactly.
  public var linearPart: DiffusionOperator? {
    for term in terms {
      if case .diffusion(let diffusion) = term, diffusion.hasModes { return diffusion }
    }
    return nil
  }

  /// Split into ``linearPart`` and everything else, for semi-implicit steppers.
  /// - Throws: ``ProblemError`` when there is no diffusion with the same D in every cell.
  public func semilinear() throws -> SemilinearProblem {
    guard let linear = linearPart else {
      throw ProblemError(
        "there is no diffusion with the same diffusivity in every cell for an implicit or exponential stepper; choose "
          + "euler, heun, rk4 or dopri5")
    }
    var others = terms
    others.removeAll { if case .diffusion(let other) = $0 { other.hasModes } else { false } }
    let rest = FieldProblem(others, channels: channels)
    let further = terms.filter {
      if case .diffusion(let other) = $0 { other.hasModes } else { false }
    }
    guard further.count == 1 else {
      throw ProblemError("two diffusion terms with constant diffusivity: add their diffusivities")
    }
    return SemilinearProblem(linear) { t, u in rest.rate(t, u) }
  }

  // MARK: - What is watched

  /// Σ u times the cells' volume, over all channels.
  public func mass(_ u: [Double]) -> Double { u.reduce(0, +) * cellVolume }

  /// Root mean square of ∂u/∂t (of the acceleration in second order): 0 at rest.
  public func residual(_ t: Double, _ u: [Double]) -> Double {
    let rate = rate(t, u)
    return (rate.reduce(0) { $0 + $1 * $1 } / Double(max(rate.count, 1))).squareRoot()
  }

  /// The quantity that an exact solution never raises (second order: keeps), or, for tokens under the unnormalised kernel on
  /// the sphere, never lowers; nil where none is known.
  ///
  /// For diffusion and polynomial reactions Σ (½ D|∇u|² - ∫R) times the volume, of which the first order is the gradient flow;
  /// in second order plus Σ ½v². With convection alone, or with diffusion on periodic grids, ½Σu².
  public func energy(_ u: [Double], velocity: [Double]? = nil) -> Double? {
    var total = 0.0
    var hasConvection = false
    for term in terms {
      switch term {
      case .diffusion(let diffusion):
        total += diffusion.energy(u) * cellVolume
      case .reaction(let reaction):
        guard reaction.coefficients != nil else { return nil }
        total -= u.reduce(0) { $0 + (reaction.potential($1) ?? 0) } * cellVolume
      case .attention(let attention):
        let isFlow =
          terms.count == 1 && attention.kernel == .unnormalised && attention.isSphere
          && !attention.isCausal
        return isFlow ? attention.energy(u) : nil
      case .convection: hasConvection = true
      case .measure: return nil
      }
    }
    if hasConvection {
      let isPlain = terms.allSatisfy { if case .reaction = $0 { false } else { true } }
      return isPlain ? u.reduce(0) { $0 + $1 * $1 } / 2 * cellVolume : nil
    }
    if let velocity { total += velocity.reduce(0) { $0 + $1 * $1 } / 2 * cellVolume }
    return terms.isEmpty ? nil : total
  }
}
