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
      let pass = TrajectoryPass<Double>(
        equation, .rungeKutta4, substeps: substeps, capacity: 1)
      for cell in 0..<6 {
        for c in 0..<8 { pass.initial[cell * 8 + c] = mode[cell] }
      }
      pass.forward(weights.start, samples: 1)
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
    let pass = TrajectoryPass<Double>(equation, .rungeKutta4, substeps: 1, capacity: 1)
    let start = random(48, 1, scale: 1)
    for (i, value) in start.enumerated() { pass.initial[i] = value }
    let weights = Buffer<Double>(1)
    pass.forward(weights.start, samples: 1)
    #expect((0..<48).map { pass.state(3)[$0] } == start)
  }

  @Test(arguments: [MasterEquation.Model.diffusion, .autonomous, .modulated, .layerwise], [1, 2])
  func `adjoint gradients agree with central differences for every parameter`(
    model: MasterEquation.Model, substeps: Int
  ) throws {
    let network = try Self.network()
    let equation = MasterEquation(
      model, grid: FieldGrid(rows: 2, columns: 3), network: network, degree: 2, rank: 3)
    let (samples, stream, map) = (3, 48, 2 * 36)
    let residuals = (0...3).map { depth -> Buffer<Double> in
      let buffer = Buffer<Double>(samples * stream)
      buffer.assign(random(samples * stream, 20 + UInt64(depth), scale: 1))
      return buffer
    }
    let maps = (0..<3).map { layer -> Buffer<Double> in
      let buffer = Buffer<Double>(samples * map)
      buffer.assign(random(samples * map, 30 + UInt64(layer), scale: 1))
      Double.softmax(buffer.start, rows: samples * 12, columns: 6, scale: 1)
      return buffer
    }
    let pool = WorkerPool(threadCount: 2)
    let fit = MasterEquationFit<Double>(
      equation, .rungeKutta4, substeps: substeps,
      to: Trajectories(count: samples, residuals: residuals, maps: maps),
      FitConfiguration(
        epochs: 1, batch: 3,
        optimizer: OptimizerConfiguration(rate: 0, warmup: 0, decay: 0, clip: 1e9),
        attentionWeight: 0.7, seed: 3), pool: pool)
    for (i, value) in random(fit.weights.count, 40, scale: 0.2).enumerated() {
      fit.weights.start[i] += value
    }
    let batch = [0, 1, 2]
    _ = fit.evaluateGradient(batch)
    let gradient = fit.gradient.array
    for entry in equation.layout.entries {
      let direction = random(entry.count, 50, scale: 1)
      let expected = zip(direction, gradient[entry.offset...]).reduce(0) { $0 + $1.0 * $1.1 }
      let step = 1e-5
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
      let found = (loss(1) - loss(-1)) / (2 * step)
      if entry.name.contains("key.bias") {
        #expect(abs(expected) < 1e-12 && abs(found) < 1e-8, "\(entry.name)")
      } else {
        #expect(
          abs(found - expected) <= 1e-6 * max(abs(expected), abs(found)),
          "\(entry.name): \(found) against \(expected)")
      }
    }
  }

  @Test func `a fit has the same bits for any number of threads`() throws {
    let network = try Self.network()
    let equation = MasterEquation(
      .autonomous, grid: FieldGrid(rows: 2, columns: 3), network: network)
    let samples = 12
    func buffer(_ size: Int, _ stream: UInt64) -> Buffer<Float> {
      let buffer = Buffer<Float>(samples * size)
      buffer.assign(random(samples * size, stream, scale: 1).map { Float($0) })
      return buffer
    }
    let residuals = (0...3).map { buffer(48, 60 + UInt64($0)) }
    let maps = (0..<3).map { layer -> Buffer<Float> in
      let map = buffer(72, 70 + UInt64(layer))
      Float.softmax(map.start, rows: samples * 12, columns: 6, scale: 1)
      return map
    }
    let results = [1, 2, 3].map { threads -> [UInt32] in
      let pool = WorkerPool(threadCount: threads)
      let fit = MasterEquationFit<Float>(
        equation, .rungeKutta4, substeps: 1,
        to: Trajectories(count: samples, residuals: residuals, maps: maps),
        FitConfiguration(
          epochs: 3, batch: 5,
          optimizer: OptimizerConfiguration(rate: 1e-3, warmup: 0.1, decay: 0, clip: 1),
          attentionWeight: 1, seed: 3), pool: pool)
      let finite = fit.run { _, _ in }
      #expect(finite)
      return fit.weights.array.map(\.bitPattern)
    }
    #expect(results[0] == results[1])
    #expect(results[0] == results[2])
  }
}
