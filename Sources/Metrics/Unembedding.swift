import Arrays
import Foundation
import Kernels

/// What a network makes of its last state: norm, perhaps a projection, scores. Put onto earlier states it is the logit lens
/// (nostalgebraist 2020).
public struct Unembedding: Sendable {
  /// A norm over channels.
  public struct Norm: Sendable {
    /// Gain, and bias where there is one, `[channel]`.
    public var gain: [Float], bias: [Float]?
    /// Whether rows are divided by their root mean square, without taking the mean away.
    public var isRootMeanSquare: Bool
    /// Added to the variance.
    public var epsilon: Float

    /// A norm of these weights.
    public init(gain: [Float], bias: [Float]?, isRootMeanSquare: Bool, epsilon: Float) {
      (self.gain, self.bias) = (gain, bias)
      (self.isRootMeanSquare, self.epsilon) = (isRootMeanSquare, epsilon)
    }

    /// Normalises rows `[row, channel]`.
    func apply(_ x: [Float]) -> [Float] {
      let width = gain.count
      var y = x
      for start in stride(from: 0, to: x.count, by: width) {
        var (sum, square) = (0.0, 0.0)
        for c in 0..<width { sum += Double(x[start + c]) }
        let mean = isRootMeanSquare ? 0 : sum / Double(width)
        for c in 0..<width {
          let value = Double(x[start + c]) - mean
          square += value * value
        }
        let scale = 1 / (square / Double(width) + Double(epsilon)).squareRoot()
        for c in 0..<width {
          y[start + c] = Float((Double(x[start + c]) - mean) * scale) * gain[c] + (bias?[c] ?? 0)
        }
      }
      return y
    }
  }

  /// A linear layer `[output, input]`.
  public struct Linear: Sendable {
    /// `[output, input]` in C order.
    public var weight: [Float]
    /// `[output]`; nil for none.
    public var bias: [Float]?
    /// Number of outputs.
    public var outputs: Int

    /// A layer of these weights.
    public init(weight: [Float], bias: [Float]?, outputs: Int) {
      (self.weight, self.bias, self.outputs) = (weight, bias, outputs)
    }

    /// Rows `[row, output]` of rows `[row, input]`.
    func apply(_ x: [Float]) -> [Float] {
      let inputs = weight.count / max(outputs, 1)
      let rows = x.count / max(inputs, 1)
      var y = [Float](repeating: 0, count: rows * outputs)
      guard rows > 0, outputs > 0 else { return y }
      x.withUnsafeBufferPointer { x in
        weight.withUnsafeBufferPointer { w in
          y.withUnsafeMutableBufferPointer { y in
            guard let x = x.baseAddress, let w = w.baseAddress, let y = y.baseAddress else {
              return
            }
            Float.gemm(
              MatrixProduct(
                m: rows, n: outputs, k: inputs, alpha: 1, a: x, lda: inputs, b: w, ldb: inputs,
                transposeB: true, beta: 0, c: y, ldc: outputs))
          }
        }
      }
      guard let bias else { return y }
      for row in 0..<rows { for o in 0..<outputs { y[row * outputs + o] += bias[o] } }
      return y
    }
  }

  /// Norm behind the last layer; nil for none.
  public var norm: Norm?
  /// A dense layer before the scores; nil for none.
  public var dense: Linear?
  /// Whether GELU, x Φ(x), follows the dense layer.
  public var isActivated = false
  /// Norm behind the dense layer; nil for none.
  public var denseNorm: Norm?
  /// The scores' layer.
  public var scores: Linear

  /// Scores alone.
  public init(scores: Linear) { self.scores = scores }

  /// Scores `[row, token or class]` of states `[row, channel]`; with `skippingNorm` of states that are behind the final norm already.
  public func callAsFunction(_ states: [Float], skippingNorm: Bool = false) -> [Float] {
    scores.apply(prepare(skippingNorm ? states : normed(states)))
  }

  /// States behind the final norm.
  public func normed(_ states: [Float]) -> [Float] { norm?.apply(states) ?? states }

  /// Normed states as the scores' layer takes them.
  public func prepare(_ normed: [Float]) -> [Float] {
    guard let dense else { return normed }
    var hidden = dense.apply(normed)
    if isActivated {
      for i in hidden.indices {
        hidden[i] = 0.5 * hidden[i] * (1 + Foundation.erf(hidden[i] * Float(0.5).squareRoot()))
      }
    }
    return denseNorm?.apply(hidden) ?? hidden
  }

  /// What scores say of the right answer.
  public struct Reading: Sendable, Equatable {
    /// -ln of its probability, nats.
    public let loss: Double
    /// 1 for the highest score; of equal scores the better rank.
    public let rank: Int
    /// The answer of the highest score.
    public let top: Int
  }

  /// Reads one row of scores; NaN loss and rank 0 where a score is not a number.
  public static func read(_ scores: ArraySlice<Float>, target: Int) -> Reading {
    let first = scores.startIndex
    let right = scores[first + target]
    var (top, largest, rank) = (0, -Float.infinity, 1)
    for (place, score) in scores.enumerated() {
      guard !score.isNaN else { return Reading(loss: .nan, rank: 0, top: 0) }
      if score > largest { (top, largest) = (place, score) }
      if score > right { rank += 1 }
    }
    var sum = 0.0
    for score in scores { sum += exp(Double(score - largest)) }
    return Reading(loss: log(sum) - Double(right - largest), rank: rank, top: top)
  }
}
