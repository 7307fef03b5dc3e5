import Dynamics
import Foundation
import Kernels
import Testing
import Transformer

@Suite struct MasterEquationTests {
  static func network() throws -> ModelConfiguration {
    try ModelConfiguration(
      input: .patches(width: 4), positionCount: 6, width: 8, headCount: 2, layerCount: 3,
      mlpWidth: 10,
      classCount: 2)
  }

  private func random(_ count: Int, _ stream: UInt64, scale: Double) -> [Double] {
    var random = Philox(seed: 11, stream: stream)
    return (0..<count).map { _ in random.normal() * scale }
  }

  /// Diffusion alone has the exact solution e^{λDt} on every cosine mode of the grid.
  @Test func `RK4 converges with order 4 on the heat equation`() throws {
    let network = try Self.network()
    let equation = MasterEquation(
      .diffusion, grid: FieldGrid(rows: 1, columns: 6), network: network)
    let weights = Buffer<Double>(equation.parameterCount)
    // softplus(x) = 2
    weights.assign([Double](repeating: log(exp(2.0) - 1), count: equation.parameterCount))
    let mode = (0..<6).map { cos(Double.pi * 2 * (Double($0) + 0.5) / 6) }
    let half = sin(Double.pi * 2 / 12)
    let exact = exp(-4 * half * half * 2.0)
    let errors = [1, 2, 4, 8, 16].map { substeps -> Double in
      let pass = TrajectoryPass<Double>(equation, .rk4, substeps: substeps, capacity: 1)
      for cell in 0..<6 {
        for c in 0..<8 { pass.initial[cell * 8 + c] = mode[cell] }
      }
      pass.forward(weights.start, Shard(samples: 1))
      return abs(pass.state(3)[0] / mode[0] - exact)
    }
    // Slope over the five step sizes by least squares in log-log.
    let x = (0..<5).map { -Double($0) * log(2) }
    let y = errors.map { log($0) }
    let (mx, my) = (x.reduce(0, +) / 5, y.reduce(0, +) / 5)
    var (covariance, variance) = (0.0, 0.0)
    for i in 0..<5 {
      covariance += (x[i] - mx) * (y[i] - my)
      variance += (x[i] - mx) * (x[i] - mx)
    }
    let slope = covariance / variance
    #expect(abs(slope - 4) <= 0.2, "observed order \(slope), errors \(errors)")
  }

  @Test func `persistence keeps its state`() throws {
    let equation = MasterEquation(
      .persistence, grid: FieldGrid(rows: 2, columns: 3), network: try Self.network())
    #expect(equation.parameterCount == 0)
    let pass = TrajectoryPass<Double>(equation, .rk4, substeps: 1, capacity: 1)
    let start = random(48, 1, scale: 1)
    for (i, value) in start.enumerated() { pass.initial[i] = value }
    let weights = Buffer<Double>(1)
    pass.forward(weights.start, Shard(samples: 1))
    #expect((0..<48).map { pass.state(3)[$0] } == start)
  }

  /// Lie splitting at one step an interval, with a layer's own weights, is the network's layer: the rates are its updates
  /// times the number of layers.
  @Test func `layerwise by Lie splitting holds the network itself`() throws {
    let network = try Self.network()
    let equation = MasterEquation(
      .layerwise, grid: FieldGrid(rows: 2, columns: 3), network: network)
    let trainer = Trainer<Double>(
      network, OptimizerConfiguration(rate: 0, warmup: 0, decay: 0, clip: 1), batch: 1, seed: 4,
      pool: WorkerPool(threadCount: 1))
    let weights = Buffer<Double>(equation.parameterCount)
    for entry in equation.layout.entries {
      let name = entry.name.replacing("layers.", with: "blocks.").replacing(
        "reaction.", with: "mlp.")
      for i in 0..<entry.count {
        weights.start[entry.offset + i] =
          switch name.split(separator: ".").last {
          case "raw": -200
          case "attention_strength": 3
          default: trainer.weights.start[trainer.layout.offset(name) + i]
          }
      }
    }
    let network1 = NetworkPass<Double>(network, trainer.layout, capacity: 1)
    for (i, value) in random(24, 2, scale: 1).enumerated() { network1.input[i] = value }
    network1.forward(trainer.weights.start, samples: 1)
    let pass = TrajectoryPass<Double>(equation, .lie, substeps: 1, capacity: 1)
    for i in 0..<48 { pass.initial[i] = network1.residual(0)[i] }
    pass.forward(weights.start, Shard(samples: 1))
    for layer in 0..<3 {
      for i in 0..<48 {
        #expect(abs(pass.state(layer + 1)[i] - network1.residual(layer + 1)[i]) < 1e-12)
      }
      for i in 0..<72 {
        #expect(abs(pass.attentionMap(layer)[i] - network1.attentionMap(layer)[i]) < 1e-12)
      }
    }
  }

  @Test(arguments: [MasterEquation.Model.diffusion, .autonomous, .modulated, .layerwise])
  func `adjoint gradients agree with central differences for every parameter and stepper`(
    model: MasterEquation.Model
  ) throws {
    for stepper in FitStepper.allCases {
      for substeps in [1, 3] {
        try checkGradients(
          MasterEquation(
            model, grid: FieldGrid(rows: 2, columns: 3), network: Self.network(), degree: 2,
            rank: 3), stepper, substeps)
      }
    }
  }

  @Test(arguments: [Boundary.periodic, .dirichlet])
  func `adjoint gradients hold at every boundary`(boundary: Boundary) throws {
    try checkGradients(
      MasterEquation(
        .autonomous, grid: FieldGrid(rows: 2, columns: 3), boundary: boundary,
        network: Self.network()), .lie, 1)
  }

  /// Padding, causal masks, shared keys, rotary positions, SwiGLU, root-mean-square norm, no norm, a class token.
  @Test(arguments: 0..<4)
  func `adjoint gradients hold for the forms a network may have`(form: Int) throws {
    var variant = ModelConfiguration.Variant()
    var input = ModelConfiguration.Input.tokens(vocabulary: 9)
    var grid = FieldGrid(rows: 1, columns: 6)
    switch form {
    case 0: break
    case 1:
      (variant.isCausal, variant.pooling, variant.keyValueHeads) = (true, .each, 1)
      (variant.positions, variant.activation, variant.normKind) = (.rotary, .swiglu, .rms)
    // ReLU has no differences at its kink, which a stream without norm meets.
    case 2: (variant.norm, variant.activation) = (.none, .gelu)
    default:
      (variant.pooling, input) = (.classToken, .patches(width: 4))
      grid = FieldGrid(rows: 1, columns: 5)
    }
    let network = try ModelConfiguration(
      input: input, positionCount: 6, width: 8, headCount: 2, layerCount: 3, mlpWidth: 10,
      classCount: 9, variant: variant)
    let lengths: [Int32]? = form == 3 ? nil : [6, 4, 5]
    for model in [MasterEquation.Model.diffusion, .modulated] {
      for stepper in [FitStepper.heun, .lie] {
        try checkGradients(
          MasterEquation(model, grid: grid, network: network, degree: 2, rank: 3), stepper, 2,
          lengths: lengths)
      }
    }
  }

  private func checkGradients(
    _ equation: MasterEquation, _ stepper: FitStepper, _ substeps: Int, lengths: [Int32]? = nil
  ) throws {
    let source = trajectories(equation.network, samples: 3, lengths: lengths)
    let pool = WorkerPool(threadCount: 2)
    let fit = MasterEquationFit<Double>(
      equation,
      to: TrajectoryObjective(
        source, network: equation.network, attentionWeight: 0.7, capacity: 1, pool: pool),
      FitConfiguration(
        stepper: stepper, substeps: substeps, epochs: 1, batch: 3,
        optimizer: OptimizerConfiguration(rate: 0, warmup: 0, decay: 0, clip: 1e9), seed: 3),
      pool: pool)
    try checkGradients(fit, [0, 1, 2], "\(equation.model), \(stepper), \(substeps)")
  }

  private func checkGradients(
    _ fit: MasterEquationFit<Double>, _ batch: [Int], _ description: String
  ) throws {
    let equation = fit.equation
    for (i, value) in random(fit.weights.count, 40, scale: 0.1).enumerated() {
      fit.weights.start[i] += value
    }
    _ = fit.evaluateGradient(batch)
    let gradient = fit.gradient.array
    for entry in fit.layout.entries {
      let direction = random(entry.count, 50, scale: 1)
      let expected = zip(direction, gradient[entry.offset...]).reduce(0) { $0 + $1.0 * $1.1 }
      // Central differences of fourth order.
      let step = 1e-4
      func loss(_ sign: Double) -> Double {
        for (i, d) in direction.enumerated() {
          fit.weights.start[entry.offset + i] += sign * step * d
        }
        defer {
          for (i, d) in direction.enumerated() {
            fit.weights.start[entry.offset + i] -= sign * step * d
          }
        }
        return fit.evaluateGradient(batch).total
      }
      let found = (8 * (loss(1) - loss(-1)) - (loss(2) - loss(-2))) / (12 * step)
      let place = "\(entry.name), \(description)"
      if entry.name.contains("key.bias"), equation.network.variant.positions != .rotary {
        #expect(abs(expected) < 1e-12 && abs(found) < 1e-8, "\(place)")
      } else {
        #expect(
          abs(found - expected) <= 1e-6 * max(abs(expected), abs(found)) + 1e-11,
          "\(place): \(found) against \(expected)")
      }
    }
  }

  /// Embedding, equation and classifier together; classes and next tokens, padding, dropout.
  @Test(arguments: [false, true])
  func `adjoint gradients of the task agree with central differences`(isNext: Bool) throws {
    var variant = ModelConfiguration.Variant()
    variant.dropout = 0.2
    if isNext { (variant.isCausal, variant.pooling) = (true, .each) }
    let network = try ModelConfiguration(
      input: .tokens(vocabulary: 7), positionCount: 5, width: 8, headCount: 2, layerCount: 2,
      mlpWidth: 10, classCount: 7, variant: variant)
    let pool = WorkerPool(threadCount: 2)
    let equation = MasterEquation(
      .modulated, grid: FieldGrid(rows: 1, columns: 5), network: network, degree: 2, rank: 3)
    let objective = TaskObjective(
      network, Passages(isNext: isNext), Array(0..<4), smoothing: 0.1, seed: 3, capacity: 1,
      workers: 2)
    let fit = MasterEquationFit<Double>(
      equation, to: objective,
      FitConfiguration(
        stepper: .lie, substeps: 1, epochs: 1, batch: 4,
        optimizer: OptimizerConfiguration(rate: 0, warmup: 0, decay: 0, clip: 1e9), seed: 3),
      pool: pool)
    #expect(fit.weights.count == objective.layout.count + equation.parameterCount)
    try checkGradients(fit, [0, 1, 2, 3], "task")
  }

  /// The stream at depth 0 is the embedded input plus the position's own vector, so both have one gradient.
  @Test func `gradients of states are those of one sample's own loss`() throws {
    let network = try ModelConfiguration(
      input: .tokens(vocabulary: 7), positionCount: 5, width: 8, headCount: 2, layerCount: 2,
      mlpWidth: 10, classCount: 7)
    let pool = WorkerPool(threadCount: 1)
    let equation = MasterEquation(
      .modulated, grid: FieldGrid(rows: 1, columns: 5), network: network, degree: 2, rank: 3)
    let objective = TaskObjective(
      network, Passages(isNext: false), Array(0..<4), smoothing: 0, seed: 3, capacity: 3,
      workers: 1)
    let fit = MasterEquationFit<Double>(
      equation, to: objective,
      FitConfiguration(
        stepper: .rk4, substeps: 2, epochs: 1, batch: 24,
        optimizer: OptimizerConfiguration(rate: 0, warmup: 0, decay: 0, clip: 1e9), seed: 3),
      pool: pool)
    let coefficients = Coefficients<Double>(equation)
    coefficients.expand(fit.equationWeights)
    let entry = try #require(
      objective.layout.entries.first { $0.name == "position_embedding.weight" })
    var shown: [Int: [Double]] = [:]
    objective.observe(
      [1, 2, 3], fit.weights.start, coefficients.values.start, fit.passes[0], worker: 0
    ) { depth, shard, states, gradients in
      #expect(shard.samples == 3 && shard.length(0) == 3)
      shown[depth] = Array(UnsafeBufferPointer(start: gradients, count: 3 * 40))
      #expect(states[0].isFinite)
    }
    #expect(shown.keys.sorted() == [0, 1, 2])
    for (place, sample) in [1, 2, 3].enumerated() {
      _ = fit.evaluateGradient([sample])
      for index in 0..<entry.count {
        let expected = fit.gradient.start[entry.offset + index]
        let found = try #require(shown[0])[place * 40 + index]
        #expect(abs(expected - found) < 1e-12, "\(sample) \(index)")
      }
    }
  }

  /// Random states, and maps that are 0 where the mask forbids.
  private func trajectories(
    _ network: ModelConfiguration, samples: Int, lengths: [Int32]? = nil
  ) -> StoredTrajectories<Double> {
    let (n, heads) = (network.positionCount, network.headCount)
    let stream = n * network.width
    let residuals = (0...network.layerCount).map {
      random(samples * stream, 20 + UInt64($0), scale: 1)
    }
    let maps = (0..<network.layerCount).map { layer -> [Double] in
      var map = random(samples * heads * n * n, 30 + UInt64(layer), scale: 1).map { exp($0) }
      for row in 0..<samples * heads * n {
        let length = lengths.map { Int($0[row / (heads * n)]) } ?? n
        let seen = network.variant.isCausal ? min(row % n + 1, length) : length
        for key in seen..<max(seen, n) { map[row * n + key] = 0 }
        let sum = map[row * n..<(row + 1) * n].reduce(0, +)
        for key in 0..<n { map[row * n + key] /= sum }
      }
      return map
    }
    return StoredTrajectories(
      count: samples, residuals: residuals, maps: maps, lengths: lengths)
  }

  @Test func `a fit has the same bits for any number of threads`() throws {
    let network = try Self.network()
    let equation = MasterEquation(
      .autonomous, grid: FieldGrid(rows: 2, columns: 3), network: network)
    let source = trajectories(network, samples: 12)
    let results = [1, 2, 3].map { threads -> [UInt64] in
      let pool = WorkerPool(threadCount: threads)
      let fit = MasterEquationFit<Double>(
        equation,
        to: TrajectoryObjective(
          source, network: network, attentionWeight: 1, capacity: 1, pool: pool),
        FitConfiguration(
          stepper: .rk4, epochs: 3, batch: 5,
          optimizer: OptimizerConfiguration(rate: 1e-3, warmup: 0.1, decay: 0, clip: 1), seed: 3),
        pool: pool)
      let finite = fit.run { _, _ in }
      #expect(finite)
      return fit.weights.array.map(\.bitPattern)
    }
    #expect(results[0] == results[1])
    #expect(results[0] == results[2])
  }
}

/// Four passages of two to five tokens.
private struct Passages: SampleSource {
  let isNext: Bool
  var count: Int { 4 }

  func targetCount(_ index: Int) -> Int { isNext ? 5 : 1 }

  func write(_ index: Int, to slot: SampleSlot<Double>) {
    slot.fill(isNext ? 5 : 2 + index)
    for i in 0..<5 { slot.tokens[i] = Int32((index * 3 + i * i) % 7) }
    for i in 0..<(isNext ? 5 : 1) { slot.targets[i] = Int32((index + 2 * i) % 7) }
  }
}

/// Trajectories held in memory.
final class StoredTrajectories<S: KernelScalar>: TrajectorySource, @unchecked Sendable {
  let count: Int
  private let residuals: [[S]]
  private let maps: [[S]]
  private let lengths: [Int32]?
  private let lock = NSLock()
  private var buffers: [Int: [Buffer<S>]] = [:]
  private var counts: [Int: UnsafeMutablePointer<Int32>] = [:]

  /// `residuals` `[depth][sample, position, channel]`, `maps` `[layer][sample, head, query, key]`.
  init(count: Int, residuals: [[S]], maps: [[S]], lengths: [Int32]?) {
    (self.count, self.residuals, self.maps, self.lengths) = (count, residuals, maps, lengths)
  }

  deinit { for pointer in counts.values { pointer.deallocate() } }

  func load(_ samples: ArraySlice<Int>, worker: Int) -> TrajectoryView<S> {
    func gather(_ values: [S]) -> Buffer<S> {
      let size = values.count / count
      let buffer = Buffer<S>(samples.count * size)
      buffer.assign(samples.flatMap { values[$0 * size..<($0 + 1) * size] })
      return buffer
    }
    let chosen = (residuals + maps).map(gather)
    let length = UnsafeMutablePointer<Int32>.allocate(capacity: samples.count)
    for (place, sample) in samples.enumerated() { length[place] = lengths?[sample] ?? 0 }
    lock.withLock {
      counts[worker]?.deallocate()
      (buffers[worker], counts[worker]) = (chosen, length)
    }
    return TrajectoryView(
      shard: Shard(
        samples: samples.count, lengths: lengths == nil ? nil : UnsafePointer(length)),
      residuals: chosen.prefix(residuals.count).map { UnsafePointer($0.start) },
      maps: chosen.dropFirst(residuals.count).map { UnsafePointer($0.start) })
  }
}
