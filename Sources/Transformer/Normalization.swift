import Kernels

/// Normalisation over the channels of each position: layer normalisation (Ba et al. 2016), or, where there is no bias,
/// root-mean-square normalisation (Zhang & Sennrich 2019).
public enum Normalization<S: KernelScalar> {
  /// Where gain and bias lie in the parameter vector.
  struct Place: Sendable {
    let gain: Int
    let bias: Int?

    init(_ layout: ParameterLayout, _ name: String) {
      gain = layout.offset(name + ".weight")
      bias = layout.find(name + ".bias")
    }
  }

  /// Gain and bias, or their gradients.
  public struct Parameters {
    let gain: UnsafeMutablePointer<S>
    /// None for root-mean-square normalisation.
    let bias: UnsafeMutablePointer<S>?

    /// The norm whose parameters are `name.weight` and perhaps `name.bias`, in the vector at `base`.
    public init(_ base: UnsafeMutablePointer<S>, _ layout: ParameterLayout, _ name: String) {
      self.init(base, Place(layout, name))
    }

    init(_ base: UnsafeMutablePointer<S>, _ place: Place) {
      gain = base + place.gain
      bias = place.bias.map { base + $0 }
    }
  }

  /// What the forward pass leaves for the backward pass.
  public struct Tape {
    /// The normalised stream `[sample, position, channel]`.
    public let output: UnsafeMutablePointer<S>
    let mean: UnsafeMutablePointer<S>
    let inverse: UnsafeMutablePointer<S>

    /// Takes the arrays from `arena`.
    public init(_ arena: inout Arena<S>, _ shape: BatchShape) {
      output = arena.take(shape.stream)
      mean = arena.take(shape.rows)
      inverse = arena.take(shape.rows)
    }
  }

  /// Normalises `x` into the tape's output.
  @specialized(where S == Float)
  public static func forward(
    _ x: UnsafePointer<S>, _ parameters: Parameters, _ tape: Tape, _ shape: BatchShape,
    epsilon: S
  ) {
    if let bias = parameters.bias {
      S.layerNorm(
        x, gain: parameters.gain, bias: bias, to: tape.output, mean: tape.mean,
        inverse: tape.inverse, rows: shape.rows, width: shape.width, epsilon: epsilon)
    } else {
      S.rmsNorm(
        x, gain: parameters.gain, to: tape.output, inverse: tape.inverse, rows: shape.rows,
        width: shape.width, epsilon: epsilon)
    }
  }

  /// Adds the gradient of `x` to `dx` and those of gain and bias to `gradients`.
  @specialized(where S == Float)
  public static func backward(
    dy: UnsafePointer<S>, _ x: UnsafePointer<S>, _ parameters: Parameters, gradients: Parameters,
    _ tape: Tape, _ shape: BatchShape, addTo dx: UnsafeMutablePointer<S>
  ) {
    if let bias = gradients.bias {
      S.layerNormGradient(
        x, gain: parameters.gain, mean: tape.mean, inverse: tape.inverse, dy: dy, dx: dx,
        gainGradient: gradients.gain, biasGradient: bias, rows: shape.rows, width: shape.width)
    } else {
      S.rmsNormGradient(
        x, gain: parameters.gain, inverse: tape.inverse, dy: dy, dx: dx,
        gainGradient: gradients.gain, rows: shape.rows, width: shape.width)
    }
  }
}
