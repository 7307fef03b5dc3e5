import Foundation
import Kernels

/// What happens in each cell by itself.
public enum Reaction: Sendable {
  /// c₀ + c₁u + c₂u² + …, channel by channel: Allen-Cahn is [0, 1, 0, -1].
  case polynomial([Double])
  /// r u (1 - u/K), Fisher and Kolmogorov's.
  case logistic(rate: Double, capacity: Double)
  /// W₂ tanh(W₁u + b₁) + b₂ over the channels of a cell.
  case perceptron(Perceptron)

  /// A two-layer network over the channels of one cell.
  public struct Perceptron: Sendable {
    /// W₁ `[hidden, channel]`, b₁ `[hidden]`, W₂ `[channel, hidden]`, b₂ `[channel]`.
    public var inner: [Double], innerBias: [Double], outer: [Double], outerBias: [Double]

    /// A network from its matrices.
    public init(
      inner: [Double], innerBias: [Double], outer: [Double], outerBias: [Double]
    ) {
      (self.inner, self.innerBias) = (inner, innerBias)
      (self.outer, self.outerBias) = (outer, outerBias)
    }

    /// Matrices drawn from `seed`: normal with deviation scale/√inputs, biases too.
    public init(random channels: Int, hidden: Int, scale: Double, seed: UInt64) {
      var random = Philox(seed: seed, purpose: .dynamics, index: 1 << 33)
      func draw(_ count: Int, inputs: Int) -> [Double] {
        (0..<count).map { _ in random.normal() * scale / Double(inputs).squareRoot() }
      }
      inner = draw(hidden * channels, inputs: channels)
      innerBias = draw(hidden, inputs: channels)
      outer = draw(channels * hidden, inputs: hidden)
      outerBias = draw(channels, inputs: hidden)
    }
  }

  /// Coefficients of the polynomial it is; nil for the network.
  public var coefficients: [Double]? {
    switch self {
    case .polynomial(let c): c
    case .logistic(let rate, let capacity): [0, rate, -rate / capacity]
    case .perceptron: nil
    }
  }

  /// R(u) of a field whose cells have `channels` channels.
  public func apply(_ u: [Double], channels: Int) -> [Double] {
    if let c = coefficients {
      return [Double](unsafeUninitializedCapacity: u.count) { out, initialized in
        for i in 0..<u.count { out[i] = c.last ?? 0 }
        // Horner's rule, a coefficient at a time over the whole field, which vectorises.
        for k in c.dropLast().reversed() { for i in 0..<u.count { out[i] = out[i] * u[i] + k } }
        initialized = u.count
      }
    }
    guard case .perceptron(let network) = self else { return u.map { _ in 0 } }
    var out = u
    for cell in stride(from: 0, to: u.count, by: channels) {
      let hidden = network.innerBias.indices.map { h in
        tanh(
          (0..<channels).reduce(network.innerBias[h]) {
            $0 + network.inner[h * channels + $1] * u[cell + $1]
          })
      }
      for c in 0..<channels {
        out[cell + c] = hidden.indices.reduce(network.outerBias[c]) {
          $0 + network.outer[c * hidden.count + $1] * hidden[$1]
        }
      }
    }
    return out
  }

  /// ∫R from 0 to u, the potential a field climbs; nil for the network, which has none in general.
  public func potential(_ u: Double) -> Double? {
    coefficients.map { c in
      c.enumerated().reversed().reduce(0) { $0 * u + $1.element / Double($1.offset + 1) } * u
    }
  }
}
