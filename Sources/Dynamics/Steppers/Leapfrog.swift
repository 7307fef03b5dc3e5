/// The leapfrog (Störmer & Verlet) for u'' = f(u), as positions and velocities at the same times: order 2, reversible, its
/// energy oscillates without drift. Stable for ωΔt ≤ 2, ω² the largest eigenvalue of -f.
public struct Leapfrog: Sendable {
  /// The method.
  public init() {}

  /// One step of positions and velocities.
  public func step(
    _ u: [Double], _ v: [Double], _ dt: Double, _ acceleration: ([Double]) -> [Double]
  ) -> (u: [Double], v: [Double]) {
    let half = combine(v, dt / 2, acceleration(u))
    let next = combine(u, dt, half)
    return (next, combine(half, dt / 2, acceleration(next)))
  }
}
