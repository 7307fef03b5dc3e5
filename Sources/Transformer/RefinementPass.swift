import Kernels

/// One PDE-guided layer, forward and backward, in memory allocated once.
///
/// With σ the logistic function and dim the grid's dimensions, α = σ(a)/(4 dim) and v = tanh(w)/(2 dim): then an explicit
/// step of diffusion and upwind advection is a convex combination of neighbours, and leapfrog's α · 4 dim ≤ 4 holds. Causal
/// diffusion is u_i ← u_i + α (u_(i-1) - u_i): first order, and an advection as much as a diffusion.
struct RefinementPass<S: KernelScalar> {
  /// Where the parameters lie.
  private struct Place {
    let strength: Int, reaction: Int?, velocity: Int?
  }
  /// A position and a neighbour it hears; `kind` 0 is diffusion, 1 to 4 are advection from the left, right, above, below.
  private struct Edge {
    let to: Int, from: Int, kind: Int
  }

  let refinement: Refinement
  private let place: Place
  private let edges: [Edge]
  private let dimensions: Int
  private let width: Int
  private let positions: Int
  private let states: [UnsafeMutablePointer<S>]
  private let rate: UnsafeMutablePointer<S>
  private let other: UnsafeMutablePointer<S>
  /// Weight of each kind of edge in each channel, and its derivative by the raw parameter.
  private let value: UnsafeMutablePointer<S>
  private let slope: UnsafeMutablePointer<S>
  private let first: Int

  init(_ arena: inout Arena<S>, _ model: ModelConfiguration, _ index: Int, _ shape: BatchShape) {
    refinement = model.refinements[index]
    let layout = ParameterLayout(model)
    let prefix = "refinements.\(index)."
    place = Place(
      strength: layout.offset(prefix + "strength"), reaction: layout.find(prefix + "reaction"),
      velocity: layout.find(prefix + "velocity"))
    dimensions = model.gridDimensions
    (width, positions) = (model.width, model.positionCount)
    states = (0..<refinement.steps).map { _ in arena.take(shape.stream) }
    rate = arena.take(shape.stream)
    other = arena.take(shape.stream)
    value = arena.take(5 * model.width)
    slope = arena.take(5 * model.width)
    first = model.classTokenCount
    edges = Self.edges(model, advects: place.velocity != nil)
  }

  private static func edges(_ model: ModelConfiguration, advects: Bool) -> [Edge] {
    let (rows, columns) = model.grid
    let first = model.classTokenCount
    var edges: [Edge] = []
    for row in 0..<rows {
      for column in 0..<columns {
        let here = first + row * columns + column
        func hear(_ other: Int, _ kind: Int) {
          edges.append(Edge(to: here, from: other, kind: 0))
          if advects { edges.append(Edge(to: here, from: other, kind: kind)) }
        }
        if column > 0 { hear(here - 1, 1) }
        if column + 1 < columns, !model.variant.isCausal { hear(here + 1, 2) }
        if row > 0 { hear(here - columns, 3) }
        if row + 1 < rows { hear(here + columns, 4) }
      }
    }
    return edges
  }

  /// Fills ``value`` and ``slope``.
  private func tabulate(_ weights: UnsafePointer<S>) {
    for c in 0..<width {
      let sigma = 1 / (1 + S.exponential(-weights[place.strength + c]))
      let bound = S(Refinement.strengthBound(dimensions: dimensions))
      value[c] = bound * sigma
      slope[c] = bound * sigma * (1 - sigma)
    }
    guard let velocity = place.velocity else { return }
    for kind in 1...2 * dimensions {
      let bound = (kind % 2 == 1 ? 1 : -1) * S(Refinement.velocityBound(dimensions: dimensions))
      for c in 0..<width {
        let tanh = Self.tanh(weights[velocity + (kind - 1) / 2 * width + c])
        let isUpwind = bound * tanh > 0
        value[kind * width + c] = isUpwind ? bound * tanh : 0
        slope[kind * width + c] = isUpwind ? bound * (1 - tanh * tanh) : 0
      }
    }
  }

  private static func tanh(_ x: S) -> S { 2 / (1 + S.exponential(-2 * x)) - 1 }

  /// Calls `body(edge, element to, element from)` for each edge between positions that are not padding.
  @inline(__always)
  private func forEachEdge(
    _ samples: Int, _ lengths: UnsafePointer<Int32>?, _ body: (Edge, _ to: Int, _ from: Int) -> Void
  ) {
    for sample in 0..<samples {
      let length = lengths.map { Int($0[sample]) } ?? positions
      for edge in edges where edge.to < length && edge.from < length {
        body(edge, (sample * positions + edge.to) * width, (sample * positions + edge.from) * width)
      }
    }
  }

  /// `out += Σ w (u_from - u_to)`.
  private func addFlow(
    _ u: UnsafePointer<S>, to out: UnsafeMutablePointer<S>, _ samples: Int,
    _ lengths: UnsafePointer<Int32>?
  ) {
    forEachEdge(samples, lengths) { edge, to, from in
      let w = value + edge.kind * width
      for c in 0..<width { out[to + c] += w[c] * (u[from + c] - u[to + c]) }
    }
  }

  /// Takes the steps in place.
  func forward(
    _ weights: UnsafePointer<S>, _ u: UnsafeMutablePointer<S>, samples: Int,
    lengths: UnsafePointer<Int32>?
  ) {
    let count = samples * positions * width
    tabulate(weights)
    other.update(repeating: 0, count: count)
    for state in states {
      state.update(from: u, count: count)
      if refinement.kind == .wave {
        // `other` is the velocity.
        addFlow(state, to: other, samples, lengths)
        Elementwise.add(other, to: u, count: count)
        continue
      }
      addFlow(state, to: u, samples, lengths)
      if let reaction = place.reaction { addReaction(state, weights + reaction, to: u, count) }
    }
  }

  private func addReaction(
    _ state: UnsafePointer<S>, _ beta: UnsafePointer<S>, to u: UnsafeMutablePointer<S>, _ count: Int
  ) {
    for i in 0..<count where i / width % positions >= first {
      u[i] += beta[i % width] * Self.tanh(state[i])
    }
  }

  /// Turns the gradient `d` after the steps into that before them, in place, and adds the parameters' gradients.
  func backward(
    _ weights: UnsafePointer<S>, gradients: UnsafeMutablePointer<S>, _ d: UnsafeMutablePointer<S>,
    samples: Int, lengths: UnsafePointer<Int32>?
  ) {
    let count = samples * positions * width
    tabulate(weights)
    // For the wave, `other` is the gradient of the velocity.
    other.update(repeating: 0, count: count)
    for state in states.reversed() {
      if refinement.kind == .wave {
        Elementwise.add(d, to: other, count: count)
        addFlowAdjoint(other, state, gradients, to: d, samples, lengths)
        continue
      }
      rate.update(from: d, count: count)
      addFlowAdjoint(rate, state, gradients, to: d, samples, lengths)
      guard let reaction = place.reaction else { continue }
      for i in 0..<count where i / width % positions >= first {
        let tanh = Self.tanh(state[i])
        gradients[reaction + i % width] += rate[i] * tanh
        d[i] += rate[i] * weights[reaction + i % width] * (1 - tanh * tanh)
      }
    }
  }

  /// `du += Σ wᵀ g`, and the gradients of the weights.
  private func addFlowAdjoint(
    _ g: UnsafePointer<S>, _ u: UnsafePointer<S>, _ gradients: UnsafeMutablePointer<S>,
    to du: UnsafeMutablePointer<S>, _ samples: Int, _ lengths: UnsafePointer<Int32>?
  ) {
    forEachEdge(samples, lengths) { edge, to, from in
      let (w, v) = (value + edge.kind * width, slope + edge.kind * width)
      let target =
        gradients
        + (edge.kind == 0 ? place.strength : (place.velocity ?? 0) + (edge.kind - 1) / 2 * width)
      for c in 0..<width {
        du[from + c] += w[c] * g[to + c]
        du[to + c] -= w[c] * g[to + c]
        target[c] += v[c] * g[to + c] * (u[from + c] - u[to + c])
      }
    }
  }
}
