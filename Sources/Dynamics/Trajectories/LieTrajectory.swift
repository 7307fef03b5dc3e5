import Kernels
import Transformer

/// Lie splitting of a fitted equation: v = u + Δt (D∇²u + αA(u)), u⁺ = v + Δt R(v).
final class LieTrajectory<S: KernelScalar>: TrajectoryStepper {
  private let equation: MasterEquation
  private let rightHandSide: RightHandSide<S>
  private let memory: Buffer<S>
  private let tape: RightHandSide<S>.Tape
  private let middle: UnsafeMutablePointer<S>
  private let slope: UnsafeMutablePointer<S>
  private let adjoint: UnsafeMutablePointer<S>

  init(_ equation: MasterEquation, capacity: Int) {
    self.equation = equation
    rightHandSide = RightHandSide(equation, capacity: capacity)
    let shape = equation.shape(samples: capacity)
    func cut(_ arena: inout Arena<S>) -> (RightHandSide<S>.Tape, [UnsafeMutablePointer<S>]) {
      (.init(&arena, equation, shape), (0..<3).map { _ in arena.take(shape.stream) })
    }
    var measure = Arena<S>(Buffer<S>(1).start)
    _ = cut(&measure)
    memory = Buffer(measure.used)
    var arena = Arena<S>(memory.start)
    let (tape, streams) = cut(&arena)
    (self.tape, middle, slope, adjoint) = (tape, streams[0], streams[1], streams[2])
  }

  var attentionMap: UnsafeMutablePointer<S> { tape.attention.map }

  func evaluate(
    _ term: EquationTerm, _ u: UnsafePointer<S>, _ coefficients: UnsafeMutablePointer<S>,
    _ shard: Shard,
    to out: UnsafeMutablePointer<S>
  ) {
    rightHandSide.evaluate(.init(term), u, coefficients, tape, shard, to: out)
  }

  func advance(
    _ u: UnsafeMutablePointer<S>, by stepSize: S, _ coefficients: UnsafeMutablePointer<S>,
    _ shard: Shard
  ) {
    let count = equation.shape(samples: shard.samples).stream
    rightHandSide.evaluate(.transport, u, coefficients, tape, shard, to: slope)
    Elementwise.add(slope, to: u, count: count, factor: stepSize)
    rightHandSide.evaluate(.reaction, u, coefficients, tape, shard, to: slope)
    Elementwise.add(slope, to: u, count: count, factor: stepSize)
  }

  /// λ ← λ + (∂R/∂v)ᵀ Δt λ, then λ ← λ + (∂(D∇²u + αA)/∂u)ᵀ Δt λ.
  func pullBack(
    _ costate: UnsafeMutablePointer<S>, from u: UnsafePointer<S>, by stepSize: S,
    _ coefficients: UnsafeMutablePointer<S>, gradients: UnsafeMutablePointer<S>, _ shard: Shard,
    _ attraction: SelfAttention<S>.Attraction?
  ) {
    let count = equation.shape(samples: shard.samples).stream
    rightHandSide.evaluate(.transport, u, coefficients, tape, shard, to: slope)
    middle.update(from: u, count: count)
    Elementwise.add(slope, to: middle, count: count, factor: stepSize)
    rightHandSide.evaluate(.reaction, middle, coefficients, tape, shard, to: slope)
    pull(.reaction, costate, middle, stepSize, coefficients, gradients, shard, nil)
    pull(.transport, costate, u, stepSize, coefficients, gradients, shard, attraction)
  }

  private func pull(
    _ terms: RightHandSide<S>.Terms, _ costate: UnsafeMutablePointer<S>, _ u: UnsafePointer<S>,
    _ stepSize: S, _ coefficients: UnsafeMutablePointer<S>, _ gradients: UnsafeMutablePointer<S>,
    _ shard: Shard, _ attraction: SelfAttention<S>.Attraction?
  ) {
    let count = equation.shape(samples: shard.samples).stream
    slope.update(repeating: 0, count: count)
    Elementwise.add(costate, to: slope, count: count, factor: stepSize)
    rightHandSide.adjoint(
      terms, slope, u, coefficients, gradients: gradients, tape, shard, du: adjoint,
      attraction: attraction)
    Elementwise.add(adjoint, to: costate, count: count)
  }
}
