import Foundation
import Kernels

/// Attention of one layer: projections, norms of heads, rotary positions, maps, and the output projection.
struct AttentionPass {
  private let run: NetworkRun
  private let weights: LayerWeights

  init(_ run: NetworkRun, _ weights: LayerWeights) { (self.run, self.weights) = (run, weights) }

  /// Attends over `x` `[sample, position, channel]`, writes what is added to the stream to `y`; gives the maps
  /// `[sample, head, query, key]` when they are kept.
  func run(
    _ l: Int, _ x: Buffer<Float>, to y: Buffer<Float>, keepsMap: Bool
  ) throws -> Buffer<Float>? {
    let plan = run.plan
    let (queryWidth, keyWidth) = (weights.query.outputs, weights.key.outputs)
    let queries = Buffer<Float>(run.rows * queryWidth)
    let keys = Buffer<Float>(run.rows * keyWidth)
    let values = Buffer<Float>(run.rows * keyWidth)
    run.linear(weights.query, x, to: queries)
    run.linear(weights.key, x, to: keys)
    run.linear(weights.value, x, to: values)
    for (heads, norm, count) in [
      (queries, weights.queryNorm, plan.headCount), (keys, weights.keyNorm, plan.keyValueHeadCount),
    ] where norm != nil {
      run.norm(heads, norm, to: heads, rows: run.rows * count, width: plan.headWidth)
    }
    if case .rotary(let frequencies) = plan.positions {
      turn(queries, plan.headCount, frequencies)
      turn(keys, plan.keyValueHeadCount, frequencies)
    }
    let square = run.positions * run.positions
    let map = keepsMap ? Buffer<Float>(run.samples * plan.headCount * square) : nil
    let scratch = Buffer<Float>(keepsMap ? 0 : run.pool.threadCount * square)
    let context = Buffer<Float>(run.rows * queryWidth)
    let scale = plan.scoreScales.map { $0[l] } ?? 1 / Float(plan.headWidth).squareRoot()
    run.pool.forEach(run.samples * plan.headCount) { item, worker in
      let place = map.map { $0.start + item * square } ?? scratch.start + worker * square
      attend(item, queries, keys, values, place, context, scale)
    }
    run.linear(weights.output, context, to: y)
    return map
  }

  /// One head of one sample.
  private func attend(
    _ item: Int, _ queries: Buffer<Float>, _ keys: Buffer<Float>, _ values: Buffer<Float>,
    _ map: UnsafeMutablePointer<Float>, _ context: Buffer<Float>, _ scale: Float
  ) {
    let (plan, n) = (run.plan, run.positions)
    let (sample, head) = (item / plan.headCount, item % plan.headCount)
    let (queryWidth, keyWidth) = (weights.query.outputs, weights.key.outputs)
    let shared = head / (plan.headCount / plan.keyValueHeadCount)
    let query = sample * n * queryWidth + head * plan.headWidth
    let key = sample * n * keyWidth + shared * plan.headWidth
    Float.gemm(
      MatrixProduct(
        m: n, n: n, k: plan.headWidth, alpha: 1, a: queries.start + query, lda: queryWidth,
        b: keys.start + key, ldb: keyWidth, transposeB: true, beta: 0, c: map, ldc: n))
    for row in 0..<n { normalise(map + row * n, row, sample, scale) }
    Float.gemm(
      MatrixProduct(
        m: n, n: plan.headWidth, k: n, alpha: 1, a: map, lda: n, b: values.start + key,
        ldb: keyWidth, beta: 0, c: context.start + query, ldc: queryWidth))
  }

  /// Softmax over the keys that a query sees; all others get 0. A query that sees none attends to nothing.
  private func normalise(
    _ row: UnsafeMutablePointer<Float>, _ query: Int, _ sample: Int, _ scale: Float
  ) {
    let n = run.positions
    let seen = run.plan.isCausal ? query + 1 : n
    for key in seen..<n { row[key] = 0 }
    guard let mask = run.mask else {
      return Float.softmax(row, rows: 1, columns: seen, scale: scale)
    }
    let first = sample * n
    guard (0..<seen).contains(where: { mask[first + $0] }) else {
      for key in 0..<seen { row[key] = 0 }
      return
    }
    // Finite, so that the difference to the largest score is a number.
    for key in 0..<seen where !mask[first + key] { row[key] = -1e30 }
    Float.softmax(row, rows: 1, columns: seen, scale: scale)
    for key in 0..<seen where !mask[first + key] { row[key] = 0 }
  }

  /// Rotary positions: channel c of a head is turned with channel c + `frequencies.count`.
  private func turn(_ x: Buffer<Float>, _ heads: Int, _ frequencies: [Float]) {
    let (width, half) = (run.plan.headWidth, frequencies.count)
    for position in 0..<run.positions {
      let cosines = frequencies.map { cos(Float(position) * $0) }
      let sines = frequencies.map { sin(Float(position) * $0) }
      for sample in 0..<run.samples {
        let row = x.start + (sample * run.positions + position) * heads * width
        for head in 0..<heads {
          let channels = row + head * width
          for c in 0..<half {
            let (a, b) = (channels[c], channels[c + half])
            channels[c] = a * cosines[c] - b * sines[c]
            channels[c + half] = b * cosines[c] + a * sines[c]
          }
        }
      }
    }
  }
}
