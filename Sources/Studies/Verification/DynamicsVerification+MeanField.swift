import Dynamics
import Foundation
import Kernels

extension DynamicsVerification {
  /// From 8 orthogonal tokens, β = 2, all inner products stay equal; at t = 1.5 they have these values.
  func sphere() throws -> [VerificationRow] {
    let n = 8
    let start = (0..<n * n).map { $0 / n == $0 % n ? 1.0 : 0.0 }
    var rows: [VerificationRow] = []
    for (name, kernel, expected) in [
      ("softmax (SA)", TokenAttention.Kernel.softmax, 0.432_866_611_4),
      ("unnormalised (USA)", .unnormalised, 0.999_928_516_9),
    ] {
      let system = try TokenAttention(kernel, sharpness: 2, dimension: n, isSphere: true)
      let times = (0...30).map { 0.05 * Double($0) }
      let result = DormandPrince(tolerance: 1e-12).integrate(start, at: times) { _, x in
        system.apply(x)
      }
      let end = result.rows.last ?? start
      rows.append(
        VerificationRow(
          "sphere, \(name): inner product at t = 1.5", expected: expected,
          found: system.dot(end, 0, 1), tolerance: 1e-8))
      if kernel == .unnormalised {
        let energies = result.rows.map(system.energy)
        let fall = zip(energies, energies.dropFirst()).map { $0 - $1 }.max() ?? 0
        rows.append(
          VerificationRow(
            "sphere, \(name): largest fall of the interaction energy", expected: 0,
            found: max(0, fall), tolerance: 1e-12))
      }
    }
    return rows
  }

  /// m' = V(1 + ΣA)m, Σ' = 2VAΣ² in one dimension (Castin et al. 2025, arXiv 2501.18322), A = 1.
  func gaussian() throws -> [VerificationRow] {
    let (m0, s) = (0.7, 1.3)
    func system(_ v: Double) -> (Double, [Double]) -> [Double] {
      { _, u in [v * (1 + u[1]) * u[0], 2 * v * u[1] * u[1]] }
    }
    let falling = DormandPrince(tolerance: 1e-12).integrate([m0, s], at: [0, 2], system(-1))
    let end = falling.rows[1]
    let blown = DormandPrince(tolerance: 1e-10).integrate([m0, s], at: [0, 2], system(1))
    var time = Double.nan
    if case .diverged(let at) = blown.outcome { time = at }
    return [
      VerificationRow(
        "Gaussian measure, V = -1: variance at t = 2", expected: s / (1 + 4 * s), found: end[1],
        tolerance: 1e-8),
      VerificationRow(
        "Gaussian measure, V = -1: mean at t = 2",
        expected: m0 * exp(-2) / (1 + 4 * s).squareRoot(), found: end[0], tolerance: 1e-8),
      VerificationRow(
        "Gaussian measure, V = +1: time of the blow-up", expected: 1 / (2 * s), found: time,
        tolerance: 0.01 / (2 * s)),
    ]
  }

  /// Finitely many tokens, drawn from a normal distribution and moved by attention, against the closed form of the limit: mean
  /// of 12 draws of 300, within 4 standard errors of it. The bias of finitely many, O(1/n), is in the tolerance.
  func particles() throws -> [VerificationRow] {
    let (draws, count, end) = (12, 300, 0.5)
    return try [TokenAttention.Kernel.softmax, .l2, .sinkhorn].map { kernel in
      let attention = try TokenAttention(
        kernel, sharpness: 1, strength: kernel == .softmax ? -1 : 1, dimension: 1,
        isRelative: kernel != .softmax)
      let exact = DormandPrince(tolerance: 1e-12).integrate([0, 1], at: [0, end]) { _, state in
        GaussianMeasure(attention).rate(state)
      }
      let variances = (0..<draws).map { draw -> Double in
        var random = Philox(seed: 8, stream: UInt64(draw))
        let x = (0..<count).map { _ in random.normal() }
        let moved = (0..<10).reduce(x) { x, _ in
          ExplicitStepper.step(.heun, { _, x in attention.apply(x) }, 0, end / 10, x)
        }
        let mean = moved.reduce(0, +) / Double(count)
        return moved.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)
      }
      let mean = variances.reduce(0, +) / Double(draws)
      let spread = variances.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(draws - 1)
      let error = (spread / Double(draws)).squareRoot()
      return VerificationRow(
        "\(count) tokens, \(kernel.rawValue) kernel: variance at t = \(end)",
        expected: exact.rows[1][1], found: mean, tolerance: 4 * error,
        note: "Monte-Carlo error \(String(format: "%.4f", error))")
    }
  }
}
