import Kernels

/// Layer normalisation (Ba et al. 2016) over the channels of each position.
public enum LayerNorm<S: KernelScalar> {
  /// Gain and bias, or their gradients.
  public struct Parameters {
    let gain: UnsafeMutablePointer<S>
    let bias: UnsafeMutablePointer<S>

    /// The norm whose parameters are `name.weight` and `name.bias`, in the vector at `base`.
    public init(_ base: UnsafeMutablePointer<S>, _ layout: ParameterLayout, _ name: String) {
      gain = base + layout.offset(name + ".weight")
      bias = base + layout.offset(name + ".bias")
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
    S.layerNorm(
      x, gain: parameters.gain, bias: parameters.bias, to: tape.output, mean: tape.mean,
      inverse: tape.inverse, rows: shape.rows, width: shape.width, epsilon: epsilon)
  }

  /// Adds the gradient of `x` to `dx` and those of gain and bias to `gradients`.
  @specialized(where S == Float)
  public static func backward(
    dy: UnsafePointer<S>, _ x: UnsafePointer<S>, _ parameters: Parameters, gradients: Parameters,
    _ tape: Tape, _ shape: BatchShape, addTo dx: UnsafeMutablePointer<S>
  ) {
    S.layerNormGradient(
      x, gain: parameters.gain, mean: tape.mean, inverse: tape.inverse, dy: dy, dx: dx,
      gainGradient: gradients.gain, biasGradient: gradients.bias, rows: shape.rows,
      width: shape.width)
  }
}
