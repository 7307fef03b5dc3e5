import Archive
import Console
import Dynamics
import Kernels
import Transformer

extension FitRun {
  /// Samples that are integrated at once.
  static let chunk = 8

  /// Integrates the fitted equation from the first states of `judged`, which are those of the held-out samples.
  func integrate(
    _ fit: MasterEquationFit<Float>, _ judged: any TrajectorySource<Float>, _ recorder: Recorder
  ) throws {
    let (equation, network) = (fit.equation, fit.equation.network)
    let settings = subject.pde
    let stream = network.positionCount * network.width
    let map = network.headCount * network.positionCount * network.positionCount
    let depths = network.layerCount + 1
    let states = Buffer<Float>(depths * judged.count * stream)
    let maps = Buffer<Float>(
      equation.model.hasAttention ? network.layerCount * judged.count * map : 1)
    let terms = Buffer<Double>(EquationTerm.allCases.count * network.layerCount * judged.count)
    let errors = Buffer<Double>(depths * judged.count)
    let isTask = settings.objective == .task
    let coefficients = Coefficients<Float>(equation)
    coefficients.expand(fit.equationWeights)
    let passes = (0..<pool.threadCount).map { _ in
      TrajectoryPass<Float>(
        equation, settings.stepper, substeps: settings.substeps, capacity: Self.chunk)
    }
    let all = Array(0..<judged.count)
    pool.forEach((judged.count + Self.chunk - 1) / Self.chunk) { item, worker in
      let pass = passes[worker]
      let first = item * Self.chunk
      let count = min(Self.chunk, judged.count - first)
      let view = judged.load(all[first..<first + count], worker: worker)
      pass.initial.update(from: view.residuals[0], count: count * stream)
      pass.forward(coefficients.values.start, view.shard)
      for depth in 0..<depths {
        for sample in 0..<count {
          let target = states.start + (depth * judged.count + first + sample) * stream
          target.update(from: pass.state(depth) + sample * stream, count: stream)
          // Padding stands for nothing.
          let own = (view.shard.length(sample) ?? network.positionCount) * network.width
          (target + own).update(repeating: 0, count: stream - own)
        }
      }
      for depth in 0..<(isTask ? 0 : depths) {
        for sample in 0..<count {
          errors.start[depth * judged.count + first + sample] = Self.relativeError(
            pass.state(depth) + sample * stream, view.residuals[depth] + sample * stream,
            (view.shard.length(sample) ?? network.positionCount) * network.width)
        }
      }
      guard equation.model.hasAttention else { return }
      for layer in 0..<network.layerCount {
        (maps.start + (layer * judged.count + first) * map).update(
          from: pass.attentionMap(layer), count: count * map)
      }
      pass.termSizes(coefficients.values.start, view.shard) { term, layer, sample, size in
        terms.start[(term.rawValue * network.layerCount + layer) * judged.count + first + sample] =
          size
      }
    }
    let name = equation.model.rawValue
    try recorder.append(Layout.Fields(name).u, states.elements)
    if !isTask { try recorder.append(Layout.Fields(name).stateError, errors.elements) }
    if equation.model.hasAttention {
      try recorder.append(Layout.Fields(name).attention, maps.elements)
      try recorder.append(Layout.Fields(name).termSize, terms.elements)
    }
  }

  /// Archives states and gradients of the held-out samples while an equation learns the task.
  func observe<Source: SampleSource<Float>>(
    _ fit: MasterEquationFit<Float>, _ objective: TaskObjective<Source>, _ step: Int,
    _ recorder: Recorder
  ) throws {
    let network = fit.equation.network
    let stream = network.positionCount * network.width
    let depths = network.layerCount + 1
    let states = Buffer<Float>(depths * heldOut.count * stream)
    let norms = Buffer<Double>(depths * heldOut.count)
    let coefficients = Coefficients<Float>(fit.equation)
    coefficients.expand(fit.equationWeights)
    let chunk = min(Self.chunk, capacity)
    pool.forEach((heldOut.count + chunk - 1) / chunk) { item, worker in
      let first = item * chunk
      let part = Array(heldOut[first..<min(first + chunk, heldOut.count)])
      objective.observe(
        part, fit.weights.start, coefficients.values.start, fit.passes[worker], worker: worker
      ) { depth, shard, values, gradients in
        for sample in part.indices {
          let place = depth * heldOut.count + first + sample
          let target = states.start + place * stream
          target.update(from: values + sample * stream, count: stream)
          // Padding stands for nothing.
          let own = (shard.length(sample) ?? network.positionCount) * network.width
          (target + own).update(repeating: 0, count: stream - own)
          norms.start[place] =
            Elementwise.sumOfSquares(gradients + sample * stream, count: own).squareRoot()
        }
      }
    }
    let name = fit.equation.model.rawValue
    try recorder.append(Layout.Training(name).step, [Int32(step)])
    try recorder.append(Layout.Training(name).u, states.elements)
    try recorder.append(Layout.Training(name).gradientNorm, norms.elements)
  }

  /// ‖u - v‖²/‖v‖².
  private static func relativeError(
    _ u: UnsafePointer<Float>, _ v: UnsafePointer<Float>, _ count: Int
  ) -> Double {
    var (error, scale) = (0.0, 0.0)
    for i in 0..<count {
      let difference = Double(u[i]) - Double(v[i])
      error += difference * difference
      scale += Double(v[i]) * Double(v[i])
    }
    return scale > 0 ? error / scale : .nan
  }

  /// Mean map over the fit samples, `[layer, head, query, key]`: what position alone tells. A query counts where it is no
  /// padding.
  func positionMean(_ fitted: any TrajectorySource<Float>) -> [Float] {
    let network = subject.model
    let (n, heads) = (network.positionCount, network.headCount)
    let size = heads * n * n
    // By the batch of the equation, of the task too: other chunks round otherwise.
    let shards = settings(false).shards
    let chunk = min(capacity, (subject.pde.batch + shards - 1) / shards)
    var sums = [Double](repeating: 0, count: network.layerCount * size)
    var counts = [Int](repeating: 0, count: n)
    let all = Array(0..<fitted.count)
    for start in stride(from: 0, to: all.count, by: chunk) {
      let view = fitted.load(all[start..<min(start + chunk, all.count)], worker: 0)
      for sample in 0..<view.shard.samples {
        let length = view.shard.length(sample) ?? n
        for query in 0..<length { counts[query] += 1 }
        for layer in 0..<network.layerCount {
          for head in 0..<heads {
            let map = view.maps[layer] + (sample * heads + head) * n * n
            let place = layer * size + head * n * n
            for i in 0..<length * n { sums[place + i] += Double(map[i]) }
          }
        }
      }
    }
    return sums.enumerated().map { Float($1 / Double(max(counts[$0 / n % n], 1))) }
  }
}
