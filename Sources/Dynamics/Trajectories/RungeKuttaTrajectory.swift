import Kernels
import Transformer

/// Explicit Runge-Kutta steps of a fitted equation. Stages are computed again for the adjoint.
final class RungeKuttaTrajectory<S: KernelScalar>: TrajectoryStepper {
  private let equation: MasterEquation
  private let tableau: ButcherTableau
  private let rightHandSide: RightHandSide<S>
  private let memory: Buffer<S>
  private let tapes: [RightHandSide<S>.Tape]
  private let stages: [UnsafeMutablePointer<S>]
  private let slopes: [UnsafeMutablePointer<S>]
  private let adjoints: [UnsafeMutablePointer<S>]
  private let slopeAdjoint: UnsafeMutablePointer<S>

  init(_ equation: MasterEquation, _ tableau: ButcherTableau, capacity: Int) {
    (self.equation, self.tableau) = (equation, tableau)
    rightHandSide = RightHandSide(equation, capacity: capacity)
    let shape = equation.shape(samples: capacity)
    let count = tableau.stageCount
    func cut(_ arena: inout Arena<S>) -> ([RightHandSide<S>.Tape], [UnsafeMutablePointer<S>]) {
      (
        (0..<count).map { _ in .init(&arena, equation, shape) },
        (0..<3 * count + 1).map { _ in arena.take(shape.stream) }
      )
    }
    var measure = Arena<S>(Buffer<S>(1).start)
    _ = cut(&measure)
    memory = Buffer(measure.used)
    var arena = Arena<S>(memory.start)
    let (tapes, streams) = cut(&arena)
    self.tapes = tapes
    stages = Array(streams[0..<count])
    slopes = Array(streams[count..<2 * count])
    adjoints = Array(streams[2 * count..<3 * count])
    slopeAdjoint = streams[3 * count]
  }

  var attentionMap: UnsafeMutablePointer<S> { tapes[0].attention.map }

  func evaluate(
    _ term: EquationTerm, _ u: UnsafePointer<S>, _ coefficients: UnsafeMutablePointer<S>,
    _ shard: Shard,
    to out: UnsafeMutablePointer<S>
  ) {
    rightHandSide.evaluate(.init(term), u, coefficients, tapes[0], shard, to: out)
  }

  func advance(
    _ u: UnsafeMutablePointer<S>, by stepSize: S, _ coefficients: UnsafeMutablePointer<S>,
    _ shard: Shard
  ) {
    runStages(from: u, stepSize, coefficients, shard)
    let count = equation.shape(samples: shard.samples).stream
    for (slope, b) in zip(slopes, tableau.b) {
      Elementwise.add(slope, to: u, count: count, factor: stepSize * S(b))
    }
  }

  private func runStages(
    from u: UnsafePointer<S>, _ stepSize: S, _ coefficients: UnsafeMutablePointer<S>,
    _ shard: Shard
  ) {
    let count = equation.shape(samples: shard.samples).stream
    for stage in 0..<tableau.stageCount {
      stages[stage].update(from: u, count: count)
      for (earlier, a) in tableau.a[stage].enumerated() where a != 0 {
        Elementwise.add(slopes[earlier], to: stages[stage], count: count, factor: stepSize * S(a))
      }
      rightHandSide.evaluate(
        .all, stages[stage], coefficients, tapes[stage], shard, to: slopes[stage])
    }
  }

  /// k̄_i = Δt (b_i ū + Σ_{j>i} a_ji x̄_j), x̄_i = (∂f/∂u)ᵀ k̄_i, ū ← ū + Σ x̄_i.
  func pullBack(
    _ costate: UnsafeMutablePointer<S>, from u: UnsafePointer<S>, by stepSize: S,
    _ coefficients: UnsafeMutablePointer<S>, gradients: UnsafeMutablePointer<S>, _ shard: Shard,
    _ attraction: SelfAttention<S>.Attraction?
  ) {
    let count = equation.shape(samples: shard.samples).stream
    runStages(from: u, stepSize, coefficients, shard)
    for stage in stride(from: tableau.stageCount - 1, through: 0, by: -1) {
      slopeAdjoint.update(repeating: 0, count: count)
      Elementwise.add(
        costate, to: slopeAdjoint, count: count, factor: stepSize * S(tableau.b[stage]))
      for later in stage + 1..<max(tableau.stageCount, stage + 1) {
        let a = tableau.a[later][stage]
        if a != 0 {
          Elementwise.add(
            adjoints[later], to: slopeAdjoint, count: count, factor: stepSize * S(a))
        }
      }
      rightHandSide.adjoint(
        .all, slopeAdjoint, stages[stage], coefficients, gradients: gradients, tapes[stage], shard,
        du: adjoints[stage], attraction: stage == 0 ? attraction : nil)
    }
    for adjoint in adjoints { Elementwise.add(adjoint, to: costate, count: count) }
  }
}
