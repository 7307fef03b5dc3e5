import Kernels
import Transformer

/// Integrates one shard of samples from t = 0 to 1 and back-propagates through the stepper.
///
/// Kept are the states between layers, and one more for every doubling of the substeps: the rest is computed again by
/// bisection (Griewank & Walther 2000), ½ log₂(substeps) integrations more. Stages are computed again as well. So memory does
/// not grow with the substeps. Not to be used by two threads at a time.
public final class TrajectoryPass<S: KernelScalar>: @unchecked Sendable {
  /// The equation.
  public let equation: MasterEquation
  /// Steps between two layers.
  public let substeps: Int
  /// Samples there is room for.
  public let capacity: Int
  private let stepper: any TrajectoryStepper<S>
  private let memory: Buffer<S>
  private let states: [UnsafeMutablePointer<S>]
  private let maps: [UnsafeMutablePointer<S>]
  /// States in the middle of bisected intervals, one a level.
  private let middles: [UnsafeMutablePointer<S>]
  private let costate: UnsafeMutablePointer<S>

  /// A pass with room for `capacity` samples; keeps the attention maps at every layer's depth-time.
  public init(_ equation: MasterEquation, _ stepper: FitStepper, substeps: Int, capacity: Int) {
    (self.equation, self.substeps, self.capacity) = (equation, substeps, capacity)
    self.stepper = stepper.instance(equation, capacity: capacity)
    let shape = equation.shape(samples: capacity)
    let layers = equation.network.layerCount
    let levels = Int.bitWidth - (substeps - 1).leadingZeroBitCount
    let mapCount = equation.model.hasAttention ? layers : 0
    // States between layers, in the middle of bisected intervals, and the costate.
    let streams = layers + 1 + levels + 1
    func cut(_ arena: inout Arena<S>) -> (
      streams: [UnsafeMutablePointer<S>], maps: [UnsafeMutablePointer<S>]
    ) {
      (
        (0..<streams).map { _ in arena.take(shape.stream) },
        (0..<mapCount).map { _ in arena.take(shape.map) }
      )
    }
    var measure = Arena<S>(Buffer<S>(1).start)
    _ = cut(&measure)
    memory = Buffer(measure.used)
    var arena = Arena<S>(memory.start)
    let pieces = cut(&arena)
    states = Array(pieces.streams[0...layers])
    middles = Array(pieces.streams[layers + 1..<streams - 1])
    (costate, maps) = (pieces.streams[streams - 1], pieces.maps)
  }

  /// The initial state `[sample, position, channel]`; the caller fills it before ``forward(_:_:)``.
  public var initial: UnsafeMutablePointer<S> { states[0] }
  /// The state at depth-time `layer / layerCount`.
  public func state(_ layer: Int) -> UnsafeMutablePointer<S> { states[layer] }
  /// The attention map at depth-time `layer / layerCount`, `[sample, head, query, key]`.
  public func attentionMap(_ layer: Int) -> UnsafeMutablePointer<S> { maps[layer] }

  private var stepSize: S { 1 / S(equation.network.layerCount * substeps) }

  /// Where the coefficients of an interval begin.
  private func place(_ layer: Int) -> Int {
    equation.model.dependsOnTime ? layer * equation.interval.count : 0
  }

  /// Integrates from ``initial`` to t = 1, by coefficients laid out as ``Coefficients/values``.
  public func forward(_ coefficients: UnsafeMutablePointer<S>, _ shard: Shard) {
    precondition(shard.samples <= capacity, "more samples than the pass has room for")
    let shape = equation.shape(samples: shard.samples)
    for layer in 0..<equation.network.layerCount {
      let u = states[layer + 1]
      u.update(from: states[layer], count: shape.stream)
      for step in 0..<substeps {
        stepper.advance(u, by: stepSize, coefficients + place(layer), shard)
        if step == 0, !maps.isEmpty {
          maps[layer].update(from: stepper.attentionMap, count: shape.map)
        }
      }
    }
  }

  /// Goes back from t = 1 to 0 and adds the coefficients' gradients to `gradients`. `arrive` adds what the loss says of the
  /// state after each layer to the gradient it is given, `attraction` what it says of the map before. Returns the
  /// gradient of the initial state, which holds until the next call.
  @discardableResult
  public func backward(
    _ coefficients: UnsafeMutablePointer<S>, gradients: UnsafeMutablePointer<S>, _ shard: Shard,
    attraction: (_ layer: Int) -> SelfAttention<S>.Attraction? = { _ in nil },
    arrive: (_ layer: Int, _ gradient: UnsafeMutablePointer<S>) -> Void
  ) -> UnsafeMutablePointer<S> {
    costate.update(repeating: 0, count: equation.shape(samples: shard.samples).stream)
    for layer in stride(from: equation.network.layerCount - 1, through: 0, by: -1) {
      arrive(layer, costate)
      let place = place(layer)
      pullBack(
        states[layer], steps: substeps, level: 0, coefficients + place, gradients + place, shard,
        attraction(layer))
    }
    return costate
  }

  /// Shows the root mean square over positions and channels of each term at each layer's
  /// depth-time of the last forward pass, sample by sample; padding left out.
  public func termSizes(
    _ coefficients: UnsafeMutablePointer<S>, _ shard: Shard,
    _ show: (_ term: EquationTerm, _ layer: Int, _ sample: Int, _ size: Double) -> Void
  ) {
    let network = equation.network
    let stream = network.positionCount * network.width
    for layer in 0..<network.layerCount {
      for term in EquationTerm.allCases {
        stepper.evaluate(term, states[layer], coefficients + place(layer), shard, to: costate)
        for sample in 0..<shard.samples {
          let count = (shard.length(sample) ?? network.positionCount) * network.width
          let sum = Elementwise.sumOfSquares(costate + sample * stream, count: count)
          show(term, layer, sample, (sum / Double(count)).squareRoot())
        }
      }
    }
  }

  /// The adjoint of `steps` steps from `u`. The attraction belongs to the first.
  private func pullBack(
    _ u: UnsafePointer<S>, steps: Int, level: Int, _ coefficients: UnsafeMutablePointer<S>,
    _ gradients: UnsafeMutablePointer<S>, _ shard: Shard, _ attraction: SelfAttention<S>.Attraction?
  ) {
    guard steps > 1 else {
      return stepper.pullBack(
        costate, from: u, by: stepSize, coefficients, gradients: gradients, shard, attraction)
    }
    let (half, middle) = (steps / 2, middles[level])
    middle.update(from: u, count: equation.shape(samples: shard.samples).stream)
    for _ in 0..<half { stepper.advance(middle, by: stepSize, coefficients, shard) }
    pullBack(middle, steps: steps - half, level: level + 1, coefficients, gradients, shard, nil)
    pullBack(u, steps: half, level: level + 1, coefficients, gradients, shard, attraction)
  }
}
