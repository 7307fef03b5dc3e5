import Kernels
import Transformer

/// Integrates one shard of samples from t = 0 to 1 and back-propagates through the stepper.
///
/// Only the state at the start of each step is kept; the stages are computed again on the way back, so memory grows
/// with the number of states, not with the activations of every stage (Griewank & Walther 2000, one level).
/// Not to be used by two threads at a time.
public final class TrajectoryPass<S: KernelScalar>: @unchecked Sendable {
  /// The equation.
  public let equation: MasterEquation
  /// Steps between two layers.
  public let substeps: Int
  /// Samples there is room for.
  public let capacity: Int
  private let tableau: ButcherTableau
  private let rightHandSide: RightHandSide<S>
  private let memory: Buffer<S>
  private let states: [UnsafeMutablePointer<S>]
  private let maps: [UnsafeMutablePointer<S>]
  private let tapes: [RightHandSide<S>.Tape]
  private let stages: [UnsafeMutablePointer<S>]
  private let slopes: [UnsafeMutablePointer<S>]
  private let adjoints: [UnsafeMutablePointer<S>]
  private let costate: UnsafeMutablePointer<S>
  private let slopeAdjoint: UnsafeMutablePointer<S>

  /// A pass with room for `capacity` samples; keeps the attention maps at every layer's depth-time when
  /// `keepsMaps`.
  public init(
    _ equation: MasterEquation, _ tableau: ButcherTableau, substeps: Int, capacity: Int,
    keepsMaps: Bool = true
  ) {
    (self.equation, self.tableau, self.substeps) = (equation, tableau, substeps)
    self.capacity = capacity
    rightHandSide = RightHandSide(equation, capacity: capacity)
    let keepsMaps = keepsMaps && equation.model.hasAttention
    var measure = Arena<S>(Buffer<S>(1).start)
    _ = Self.cut(&measure, equation, tableau, substeps, capacity, keepsMaps)
    memory = Buffer(measure.used)
    var arena = Arena<S>(memory.start)
    let pieces = Self.cut(&arena, equation, tableau, substeps, capacity, keepsMaps)
    (states, maps, tapes) = (pieces.states, pieces.maps, pieces.tapes)
    (stages, slopes, adjoints) = (pieces.stages[0], pieces.stages[1], pieces.stages[2])
    (costate, slopeAdjoint) = (pieces.single[0], pieces.single[1])
  }

  /// Bytes held.
  public var byteCount: Int { memory.count * MemoryLayout<S>.stride }

  private typealias Pieces = (
    states: [UnsafeMutablePointer<S>], maps: [UnsafeMutablePointer<S>],
    tapes: [RightHandSide<S>.Tape], stages: [[UnsafeMutablePointer<S>]],
    single: [UnsafeMutablePointer<S>]
  )

  private static func cut(
    _ arena: inout Arena<S>, _ equation: MasterEquation, _ tableau: ButcherTableau,
    _ substeps: Int, _ capacity: Int, _ keepsMaps: Bool
  ) -> Pieces {
    let shape = equation.shape(samples: capacity)
    let layers = equation.network.layerCount
    let states = (0...layers * substeps).map { _ in arena.take(shape.stream) }
    let maps = keepsMaps ? (0..<layers).map { _ in arena.take(shape.map) } : []
    let tapes =
      equation.model.hasAttention
      ? (0..<tableau.stageCount).map { _ in RightHandSide<S>.Tape(&arena, shape) }
      : [RightHandSide<S>.Tape](
        repeating: .init(&arena, equation.shape(samples: 1)), count: tableau.stageCount)
    let stages = (0..<3).map { _ in
      (0..<tableau.stageCount).map { _ in arena.take(shape.stream) }
    }
    return (
      states, maps, tapes, stages, [arena.take(shape.stream), arena.take(shape.stream)]
    )
  }

  /// The initial state `[sample, position, channel]`; the caller fills it before ``forward(_:samples:)``.
  public var initial: UnsafeMutablePointer<S> { states[0] }
  /// The state at depth-time `layer / layerCount`.
  public func state(_ layer: Int) -> UnsafeMutablePointer<S> { states[layer * substeps] }
  /// The attention map at depth-time `layer / layerCount`, `[sample, head, query, key]`.
  public func attentionMap(_ layer: Int) -> UnsafeMutablePointer<S> { maps[layer] }

  private var stepSize: S { 1 / S(equation.network.layerCount * substeps) }

  /// Where the coefficients of the interval of a step begin.
  private func place(_ step: Int) -> Int {
    equation.model.dependsOnTime ? step / substeps * equation.interval.count : 0
  }

  /// Integrates from ``initial`` to t = 1, by coefficients laid out as ``Coefficients/values``.
  public func forward(_ weights: UnsafeMutablePointer<S>, samples: Int) {
    let shape = equation.shape(samples: samples)
    for step in 0..<states.count - 1 {
      runStages(from: step, weights, samples: samples)
      if step % substeps == 0, !maps.isEmpty {
        maps[step / substeps].update(from: tapes[0].attention.map, count: shape.map)
      }
      let next = states[step + 1]
      next.update(from: states[step], count: shape.stream)
      for (slope, b) in zip(slopes, tableau.b) {
        Elementwise.add(slope, to: next, count: shape.stream, factor: stepSize * S(b))
      }
    }
  }

  private func runStages(
    from step: Int, _ weights: UnsafeMutablePointer<S>, samples: Int
  ) {
    let count = equation.shape(samples: samples).stream
    for stage in 0..<tableau.stageCount {
      stages[stage].update(from: states[step], count: count)
      for (earlier, a) in tableau.a[stage].enumerated() where a != 0 {
        Elementwise.add(slopes[earlier], to: stages[stage], count: count, factor: stepSize * S(a))
      }
      rightHandSide.evaluate(
        stages[stage], weights + place(step), tapes[stage], samples: samples, to: slopes[stage])
    }
  }

  /// What the trajectory is fitted to, and how much each part counts.
  public struct Target {
    /// The network's residual stream after each layer, `[sample, position, channel]`, `layerCount` of them.
    public var residuals: [UnsafePointer<S>]
    /// Factor of the squared error after each layer.
    public var stateWeights: [S]
    /// The network's attention map of each layer, `[sample, head, query, key]`; empty to leave them out.
    public var maps: [UnsafePointer<S>]
    /// Factor of the summed row-wise divergence.
    public var mapWeight: S

    /// A target.
    public init(
      residuals: [UnsafePointer<S>], stateWeights: [S], maps: [UnsafePointer<S>], mapWeight: S
    ) {
      (self.residuals, self.stateWeights) = (residuals, stateWeights)
      (self.maps, self.mapWeight) = (maps, mapWeight)
    }
  }

  /// The loss of the last forward pass: weighted squared state errors, and weighted KL(network row ‖ PDE row).
  public func loss(_ target: Target, samples: Int) -> (state: Double, map: Double) {
    let shape = equation.shape(samples: samples)
    var (stateLoss, mapLoss) = (0.0, 0.0)
    for layer in 1...equation.network.layerCount {
      let (u, v) = (state(layer), target.residuals[layer - 1])
      var sum = 0.0
      for i in 0..<shape.stream {
        let difference = Double(u[i] - v[i])
        sum += difference * difference
      }
      stateLoss += Double(target.stateWeights[layer - 1]) * sum
    }
    for layer in 0..<min(target.maps.count, maps.count) {
      mapLoss += Double(target.mapWeight) * divergence(target.maps[layer], maps[layer], shape.map)
    }
    return (stateLoss, mapLoss)
  }

  /// Σ p ln(p/q); entries of p that are 0 count nothing.
  @specialized(where S == Float)
  private func divergence(_ p: UnsafePointer<S>, _ q: UnsafePointer<S>, _ count: Int) -> Double {
    var sum = 0.0
    for i in 0..<count where p[i] > 0 {
      sum += Double(p[i] * S.logarithm(p[i] / max(q[i], S.leastNormalMagnitude)))
    }
    return sum
  }

  /// Adds the gradient of ``loss(_:samples:)`` by the coefficients to `gradients`.
  public func backward(
    _ target: Target, _ weights: UnsafeMutablePointer<S>, gradients: UnsafeMutablePointer<S>,
    samples: Int
  ) {
    let count = equation.shape(samples: samples).stream
    costate.update(repeating: 0, count: count)
    for step in stride(from: states.count - 2, through: 0, by: -1) {
      if (step + 1) % substeps == 0 {
        let layer = (step + 1) / substeps
        let (u, v) = (state(layer), target.residuals[layer - 1])
        let factor = 2 * target.stateWeights[layer - 1]
        Elementwise.add(u, to: costate, count: count, factor: factor)
        Elementwise.add(v, to: costate, count: count, factor: -factor)
      }
      var attraction: SelfAttention<S>.Attraction?
      if step % substeps == 0, !maps.isEmpty, !target.maps.isEmpty {
        attraction = .init(target: target.maps[step / substeps], weight: target.mapWeight)
      }
      stepAdjoint(step, weights, gradients, samples: samples, attraction)
    }
  }

  /// The adjoint of one step: k̄_i = Δt (b_i ū + Σ_{j>i} a_ji x̄_j), x̄_i = (∂f/∂u)ᵀ k̄_i, ū ← ū + Σ x̄_i.
  private func stepAdjoint(
    _ step: Int, _ weights: UnsafeMutablePointer<S>, _ gradients: UnsafeMutablePointer<S>,
    samples: Int, _ attraction: SelfAttention<S>.Attraction?
  ) {
    let count = equation.shape(samples: samples).stream
    runStages(from: step, weights, samples: samples)
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
        slopeAdjoint, stages[stage], weights + place(step), gradients: gradients + place(step),
        tapes[stage], samples: samples, du: adjoints[stage],
        attraction: stage == 0 ? attraction : nil)
    }
    for adjoint in adjoints { Elementwise.add(adjoint, to: costate, count: count) }
  }
}
