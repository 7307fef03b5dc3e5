import Foundation

/// How long a step may be before the fastest mode of a grid grows, by von Neumann's analysis of the linear terms.
///
/// On a periodic grid every wave e^{iθ} has one eigenvalue λ(θ) of diffusion and convection together, and a method multiplies
/// it by R(λΔt). The limit is the longest Δt with |R| ≤ 1 at 48 angles an axis; edges change it by less than a cell's mode.
/// Reactions and attention are not in it: they can grow by themselves, and a step that is short for them is the user's choice.
public struct StabilityAnalysis: Sendable {
  private struct Mode {
    let re: Double, im: Double
  }
  private let diffusion: [Mode]
  private let convection: [Mode]

  /// The modes of a problem's linear terms.
  public init(_ problem: FieldProblem) {
    var (diffusion, convection) = ([Mode](), [Mode]())
    let angles = (0...48).map { Double.pi * Double($0) / 48 }
    var dimensions = (y: false, x: false)
    for term in problem.terms {
      switch term {
      case .diffusion(let d): dimensions = (d.grid.rows > 1, d.grid.columns > 1)
      case .convection(let c): dimensions = (c.grid.rows > 1, c.grid.columns > 1)
      case .reaction, .attention, .measure: break
      }
    }
    for y in dimensions.y ? angles : [0] {
      for x in dimensions.x ? angles : [0] {
        var (stiff, flow) = (0.0, (re: 0.0, im: 0.0))
        for term in problem.terms {
          switch term {
          case .diffusion(let d): stiff -= Self.symbol(d, y) + Self.symbol(d, x)
          case .convection(let c):
            for (v, theta) in [(c.velocity.y, y), (c.velocity.x, x)] {
              // Upwind: -|v|/h (1 - e^{-iθ}); central: -i v/h sin θ.
              flow.re -= c.isUpwind ? abs(v) / c.spacing * (1 - cos(theta)) : 0
              flow.im -= v / c.spacing * sin(theta)
            }
          case .reaction, .attention, .measure: break
          }
        }
        diffusion.append(Mode(re: stiff, im: 0))
        convection.append(Mode(re: flow.re, im: flow.im))
      }
    }
    (self.diffusion, self.convection) = (diffusion, convection)
  }

  private static func symbol(_ d: DiffusionOperator, _ theta: Double) -> Double {
    let s = sin(theta / 2) * sin(theta / 2)
    let largest = d.diffusivity.values.max() ?? 0
    return 4 * largest / (d.spacing * d.spacing) * s * (d.order == 4 ? 1 + s / 3 : 1)
  }

  /// Longest stable step of an explicit Runge-Kutta method; infinite when nothing limits it, 0 when no step is stable.
  public func limit(_ tableau: ButcherTableau) -> Double {
    limit(zip(diffusion, convection).map { Mode(re: $0.re + $1.re, im: $0.im + $1.im) }, tableau)
  }

  /// Longest stable step of a method that treats the diffusion exactly or implicitly, and convection as `tableau` does.
  public func limitOfConvection(_ tableau: ButcherTableau) -> Double { limit(convection, tableau) }

  /// Longest stable step of the leapfrog: ωΔt ≤ 2.
  public var leapfrogLimit: Double {
    let largest = diffusion.map { -$0.re }.max() ?? 0
    return largest > 0 ? 2 / largest.squareRoot() : .infinity
  }

  private func limit(_ modes: [Mode], _ tableau: ButcherTableau) -> Double {
    let size = modes.map { ($0.re * $0.re + $0.im * $0.im).squareRoot() }.max() ?? 0
    guard size > 0 else { return .infinity }
    func isStable(_ dt: Double) -> Bool {
      modes.allSatisfy { Self.growth($0, dt, tableau) <= 1 + 1e-9 }
    }
    // No explicit method with up to four stages is stable beyond |λ|Δt = 3; stable steps are an interval from 0.
    var (low, high) = (0.0, 8 / size)
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if isStable(middle) { low = middle } else { high = middle }
    }
    return low < 1e-6 / size ? 0 : low
  }

  /// |R(λΔt)|.
  private static func growth(_ mode: Mode, _ dt: Double, _ tableau: ButcherTableau) -> Double {
    var stages: [Mode] = []
    func value(_ weights: [Double]) -> Mode {
      var (re, im) = (1.0, 0.0)
      for (weight, stage) in zip(weights, stages) {
        re += dt * weight * stage.re
        im += dt * weight * stage.im
      }
      return Mode(re: re, im: im)
    }
    for row in tableau.a {
      let u = value(row)
      stages.append(
        Mode(re: mode.re * u.re - mode.im * u.im, im: mode.re * u.im + mode.im * u.re))
    }
    let end = value(tableau.b)
    return (end.re * end.re + end.im * end.im).squareRoot()
  }
}
