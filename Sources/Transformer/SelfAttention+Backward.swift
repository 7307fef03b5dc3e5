import Kernels

extension SelfAttention {
  /// A gradient on its way back, shown to whoever looks on: the arrays are those of ``Scratch``.
  public enum Stage: Sendable {
    /// Of the concatenated head outputs `[sample, position, width]`.
    case mixed
    /// Of the map `[sample, head, query, key]`.
    case map
    /// Of `q · k`, unscaled, `[sample, head, query, key]`.
    case scores
    /// Of the turned queries and keys, and the values, side by side.
    case projected
  }

  /// The backward pass of `out += factor · attention(x)`.
  ///
  /// - Parameters:
  ///   - dOut: gradient of `out`.
  ///   - x: the input of the forward pass.
  ///   - gradients: receives the parameters' gradients by addition.
  ///   - dx: receives the gradient of `x`, overwritten.
  ///   - form: as in the forward pass.
  ///   - attraction: a further loss on the map itself.
  ///   - onStage: is shown each gradient as it arrives.
  @specialized(where S == Float)
  public static func backward(
    dOut: UnsafePointer<S>, factor: S = 1, _ x: UnsafePointer<S>, _ parameters: Parameters,
    gradients: Parameters, _ tape: Tape, _ scratch: Scratch, _ shape: BatchShape,
    dx: UnsafeMutablePointer<S>, form: Form = Form(), attraction: Attraction? = nil,
    onStage: ((Stage, UnsafePointer<S>) -> Void)? = nil
  ) {
    let d = shape.width
    S.gemm(
      MatrixProduct(
        m: d, n: d, k: shape.rows, alpha: factor, a: dOut, lda: d, transposeA: true,
        b: tape.mixed, ldb: d, beta: 1, c: gradients.output, ldc: d))
    Elementwise.addColumnSums(
      dOut, to: gradients.outputBias, rows: shape.rows, width: d, factor: factor)
    S.gemm(
      MatrixProduct(
        m: shape.rows, n: d, k: d, alpha: factor, a: dOut, lda: d, b: parameters.output, ldb: d,
        beta: 0, c: scratch.mixed, ldc: d))
    onStage?(.mixed, scratch.mixed)
    mapGradient(tape, scratch, shape)
    onStage?(.map, scratch.map)
    S.softmaxGradient(
      map: tape.map, scratch.map, rows: shape.samples * shape.heads * shape.positions,
      columns: shape.positions, scale: scale(shape))
    addAttraction(attraction, tape, scratch, shape, form)
    onStage?(.scores, scratch.map)
    valueGradient(tape, scratch, shape)
    queryKeyGradient(tape, scratch, shape)
    onStage?(.projected, scratch.projected)
    finish(x, parameters, gradients, scratch, shape, form, dx: dx)
  }

  /// Gradient of the map from that of the mixed values: `[sample, head, query, key]`.
  @specialized(where S == Float)
  private static func mapGradient(_ tape: Tape, _ scratch: Scratch, _ shape: BatchShape) {
    let (n, d, h, p) = (shape.positions, shape.width, shape.headWidth, shape.projectedWidth)
    for sample in 0..<shape.samples {
      let rows = tape.projected + sample * n * p
      for head in 0..<shape.heads {
        S.gemm(
          MatrixProduct(
            m: n, n: n, k: h, alpha: 1, a: scratch.mixed + sample * n * d + head * h, lda: d,
            b: rows + shape.valueChannel(head), ldb: p, transposeB: true, beta: 0,
            c: scratch.map + (sample * shape.heads + head) * n * n, ldc: n))
      }
    }
  }

  @specialized(where S == Float)
  private static func addAttraction(
    _ attraction: Attraction?, _ tape: Tape, _ scratch: Scratch, _ shape: BatchShape, _ form: Form
  ) {
    guard let attraction else { return }
    let factor = attraction.weight * scale(shape)
    let plane = shape.positions * shape.positions
    for sample in 0..<shape.samples {
      let length = form.lengths.map { Int($0[sample]) } ?? shape.positions
      for head in sample * shape.heads..<(sample + 1) * shape.heads {
        let (map, target) = (tape.map + head * plane, attraction.target + head * plane)
        let d = scratch.map + head * plane
        for i in 0..<length * shape.positions { d[i] += factor * (map[i] - target[i]) }
      }
    }
  }

  /// The first head of a shared key or value overwrites its gradient, the others add to it.
  private static func beta(_ head: Int, _ shape: BatchShape) -> S {
    head % (shape.heads / shape.keyValueHeads) == 0 ? 0 : 1
  }

  @specialized(where S == Float)
  private static func valueGradient(_ tape: Tape, _ scratch: Scratch, _ shape: BatchShape) {
    let (n, d, h, p) = (shape.positions, shape.width, shape.headWidth, shape.projectedWidth)
    for sample in 0..<shape.samples {
      let out = scratch.projected + sample * n * p
      for head in 0..<shape.heads {
        S.gemm(
          MatrixProduct(
            m: n, n: h, k: n, alpha: 1, a: tape.map + (sample * shape.heads + head) * n * n,
            lda: n, transposeA: true, b: scratch.mixed + sample * n * d + head * h, ldb: d,
            beta: beta(head, shape), c: out + shape.valueChannel(head), ldc: p))
      }
    }
  }

  @specialized(where S == Float)
  private static func queryKeyGradient(_ tape: Tape, _ scratch: Scratch, _ shape: BatchShape) {
    let (n, h, p) = (shape.positions, shape.headWidth, shape.projectedWidth)
    for sample in 0..<shape.samples {
      let rows = tape.projected + sample * n * p
      let out = scratch.projected + sample * n * p
      for head in 0..<shape.heads {
        let scores = scratch.map + (sample * shape.heads + head) * n * n
        let key = shape.keyChannel(head)
        S.gemm(
          MatrixProduct(
            m: n, n: h, k: n, alpha: 1, a: scores, lda: n, b: rows + key, ldb: p, beta: 0,
            c: out + head * h, ldc: p))
        S.gemm(
          MatrixProduct(
            m: n, n: h, k: n, alpha: 1, a: scores, lda: n, transposeA: true, b: rows + head * h,
            ldb: p, beta: beta(head, shape), c: out + key, ldc: p))
      }
    }
  }

  @specialized(where S == Float)
  private static func finish(
    _ x: UnsafePointer<S>, _ parameters: Parameters, _ gradients: Parameters, _ scratch: Scratch,
    _ shape: BatchShape, _ form: Form, dx: UnsafeMutablePointer<S>
  ) {
    let (d, p) = (shape.width, shape.projectedWidth)
    form.rotation?.turn(scratch.projected, shape, forward: false)
    S.gemm(
      MatrixProduct(
        m: p, n: d, k: shape.rows, alpha: 1, a: scratch.projected, lda: p, transposeA: true,
        b: x, ldb: d, beta: 1, c: gradients.projection, ldc: d))
    Elementwise.addColumnSums(
      scratch.projected, to: gradients.projectionBias, rows: shape.rows, width: p)
    S.gemm(
      MatrixProduct(
        m: shape.rows, n: d, k: p, alpha: 1, a: scratch.projected, lda: p,
        b: parameters.projection, ldb: d, beta: 0, c: dx, ldc: d))
  }
}
