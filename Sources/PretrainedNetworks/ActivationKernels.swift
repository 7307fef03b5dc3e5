import Foundation
import Kernels

/// The non-linearities of published networks.
enum ActivationKernels {
  /// `y = f(x)` for rows of `width`; `x` may be changed where `f` is the kernels' own.
  static func apply(
    _ kind: NetworkPlan.Activation, _ x: Buffer<Float>, to y: Buffer<Float>, rows: Int, width: Int
  ) {
    switch kind {
    case .gelu:
      let none = Buffer<Float>(width)
      Float.biasGELU(x.start, bias: none.start, to: y.start, rows: rows, width: width)
    default:
      let count = rows * width
      for i in 0..<count { y.start[i] = value(kind, x.start[i]) }
    }
  }

  /// `up ← f(gate) · up`.
  static func gate(
    _ kind: NetworkPlan.Activation, _ gate: Buffer<Float>, _ up: Buffer<Float>
  ) {
    if kind == .silu {
      // Element by element, so that reading and writing one place is safe.
      Float.swiGLU(gate: gate.start, up.start, to: up.start, count: up.count)
    } else {
      for i in 0..<up.count { up.start[i] *= value(kind, gate.start[i]) }
    }
  }

  /// One value.
  static func value(_ kind: NetworkPlan.Activation, _ x: Float) -> Float {
    switch kind {
    case .gelu: x * (1 + erf(x * Float(0.5).squareRoot())) / 2
    case .geluTanh:
      0.5 * x * (1 + tanh(Float(2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case .quickGELU: x / (1 + exp(-1.702 * x))
    case .relu: x > 0 ? x : 0
    case .silu: x / (1 + exp(-x))
    }
  }
}
