import Dynamics
import Foundation

/// Steppers, operators and mean-field attention against exact answers.
public struct DynamicsVerification {
  /// Nothing to choose.
  public init() {}

  /// All rows.
  public func run() throws -> [VerificationRow] {
    try orders() + trajectoryOrders() + spatialOrders() + eigenmodes() + limits() + invariants()
      + operators() + sphere() + gaussian() + particles()
  }

  static func distance(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).map { abs($0 - $1) }.max() ?? 0
  }

  /// Least-squares slope.
  static func slope(_ points: [(Double, Double)]) -> Double {
    let n = Double(points.count)
    let (mx, my) = (points.reduce(0) { $0 + $1.0 } / n, points.reduce(0) { $0 + $1.1 } / n)
    return points.reduce(0) { $0 + ($1.0 - mx) * ($1.1 - my) }
      / points.reduce(0) { $0 + ($1.0 - mx) * ($1.0 - mx) }
  }
}
