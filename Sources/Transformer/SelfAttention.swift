import Kernels

/// Multi-head self-attention (Vaswani et al. 2017, eq. 1) over `[sample, position, channel]`, forward and backward.
///
/// Arrays belong to the caller; nothing is allocated. Heads are column blocks of the queries, keys and values.
public enum SelfAttention<S: KernelScalar> {
  /// Weights, or their gradients: pointers into a parameter vector laid out by
  /// ``ParameterLayout/appendAttention(_:width:)``.
  public struct Parameters {
    /// Query, key and value matrices, `[3 · width, width]`.
    public let projection: UnsafeMutablePointer<S>
    /// Query, key and value biases, `[3 · width]`.
    public let projectionBias: UnsafeMutablePointer<S>
    /// Output matrix `[width, width]`.
    public let output: UnsafeMutablePointer<S>
    /// Output bias `[width]`.
    public let outputBias: UnsafeMutablePointer<S>

    /// The attention whose parameters' names start with `prefix`, in the vector at `base`.
    public init(_ base: UnsafeMutablePointer<S>, _ layout: ParameterLayout, _ prefix: String) {
      projection = base + layout.offset(prefix + "query.weight")
      projectionBias = base + layout.offset(prefix + "query.bias")
      output = base + layout.offset(prefix + "output.weight")
      outputBias = base + layout.offset(prefix + "output.bias")
    }
  }

  /// What the forward pass leaves for the backward pass.
  public struct Tape {
    /// Queries, keys and values side by side, `[sample, position, 3 · width]`.
    public let projected: UnsafeMutablePointer<S>
    /// Attention map `[sample, head, query, key]`; each row sums to 1.
    public let map: UnsafeMutablePointer<S>
    /// Concatenated head outputs `[sample, position, width]`.
    public let mixed: UnsafeMutablePointer<S>

    /// Takes the three arrays from `arena`.
    public init(_ arena: inout Arena<S>, _ shape: BatchShape) {
      projected = arena.take(3 * shape.stream)
      map = arena.take(shape.map)
      mixed = arena.take(shape.stream)
    }
  }

  /// Temporary arrays of the backward pass.
  public struct Scratch {
    let mixed: UnsafeMutablePointer<S>
    let projected: UnsafeMutablePointer<S>
    let map: UnsafeMutablePointer<S>

    /// Takes the three arrays from `arena`.
    public init(_ arena: inout Arena<S>, _ shape: BatchShape) {
      mixed = arena.take(shape.stream)
      projected = arena.take(3 * shape.stream)
      map = arena.take(shape.map)
    }
  }

  /// A map that this one is drawn towards: adds the gradient of `weight` · Σ KL(target row ‖ map row) to the
  /// backward pass. Taken at the scores, where it is `weight · (map - target)`, because at the map it is
  /// target/map, which overflows for small entries.
  public struct Attraction {
    let target: UnsafePointer<S>
    let weight: S

    /// Towards `target`, `[sample, head, query, key]`.
    public init(target: UnsafePointer<S>, weight: S) {
      self.target = target
      self.weight = weight
    }
  }

  /// Queries, keys, values and the map for `x` `[sample, position, channel]`, without mixing values.
  @specialized(where S == Float)
  public static func map(
    _ x: UnsafePointer<S>, _ parameters: Parameters, _ tape: Tape, _ shape: BatchShape
  ) {
    let (n, d, h) = (shape.positions, shape.width, shape.headWidth)
    S.gemm(
      MatrixProduct(
        m: shape.rows, n: 3 * d, k: d, alpha: 1, a: x, lda: d, b: parameters.projection, ldb: d,
        transposeB: true, beta: 0, c: tape.projected, ldc: 3 * d))
    Elementwise.addBias(
      parameters.projectionBias, to: tape.projected, rows: shape.rows, width: 3 * d)
    for sample in 0..<shape.samples {
      let rows = tape.projected + sample * n * 3 * d
      for head in 0..<shape.heads {
        S.gemm(
          MatrixProduct(
            m: n, n: n, k: h, alpha: 1, a: rows + head * h, lda: 3 * d, b: rows + d + head * h,
            ldb: 3 * d, transposeB: true, beta: 0,
            c: tape.map + (sample * shape.heads + head) * n * n, ldc: n))
      }
    }
    S.softmax(
      tape.map, rows: shape.samples * shape.heads * n, columns: n, scale: scale(shape))
  }

  /// `out += factor · attention(x)`, with `x` and `out` `[sample, position, channel]`.
  @specialized(where S == Float)
  public static func forward(
    _ x: UnsafePointer<S>, _ parameters: Parameters, _ tape: Tape, _ shape: BatchShape,
    addTo out: UnsafeMutablePointer<S>, factor: S = 1
  ) {
    let (n, d, h) = (shape.positions, shape.width, shape.headWidth)
    map(x, parameters, tape, shape)
    for sample in 0..<shape.samples {
      let values = tape.projected + sample * n * 3 * d + 2 * d
      for head in 0..<shape.heads {
        S.gemm(
          MatrixProduct(
            m: n, n: h, k: n, alpha: 1, a: tape.map + (sample * shape.heads + head) * n * n,
            lda: n, b: values + head * h, ldb: 3 * d, beta: 0,
            c: tape.mixed + sample * n * d + head * h, ldc: d))
      }
    }
    S.gemm(
      MatrixProduct(
        m: shape.rows, n: d, k: d, alpha: factor, a: tape.mixed, lda: d, b: parameters.output,
        ldb: d, transposeB: true, beta: 1, c: out, ldc: d))
    Elementwise.addBias(
      parameters.outputBias, to: out, rows: shape.rows, width: d, factor: factor)
  }

  /// The backward pass of `out += factor · attention(x)`.
  ///
  /// - Parameters:
  ///   - dOut: gradient of `out`.
  ///   - x: the input of the forward pass.
  ///   - gradients: receives the parameters' gradients by addition.
  ///   - dx: receives the gradient of `x`, overwritten.
  ///   - attraction: a further loss on the map itself.
  @specialized(where S == Float)
  public static func backward(
    dOut: UnsafePointer<S>, factor: S = 1, _ x: UnsafePointer<S>, _ parameters: Parameters,
    gradients: Parameters, _ tape: Tape, _ scratch: Scratch, _ shape: BatchShape,
    dx: UnsafeMutablePointer<S>, attraction: Attraction? = nil
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
    mapGradient(tape, scratch, shape)
    addAttraction(attraction, tape, scratch, shape)
    projectionGradient(tape, scratch, shape)
    finish(x, parameters, gradients, scratch, shape, dx: dx)
  }

  /// The backward pass when only the map's own loss is wanted: no gradient arrives through the values.
  @specialized(where S == Float)
  public static func backwardMapOnly(
    _ x: UnsafePointer<S>, _ parameters: Parameters, gradients: Parameters, _ tape: Tape,
    _ scratch: Scratch, _ shape: BatchShape, dx: UnsafeMutablePointer<S>, attraction: Attraction
  ) {
    scratch.map.update(repeating: 0, count: shape.map)
    scratch.projected.update(repeating: 0, count: 3 * shape.stream)
    addAttraction(attraction, tape, scratch, shape)
    queryKeyGradient(tape, scratch, shape)
    finish(x, parameters, gradients, scratch, shape, dx: dx)
  }

  private static func scale(_ shape: BatchShape) -> S { 1 / S(shape.headWidth).squareRoot() }

  /// Gradient of the scores from that of the mixed values: `[sample, head, query, key]`.
  @specialized(where S == Float)
  private static func mapGradient(_ tape: Tape, _ scratch: Scratch, _ shape: BatchShape) {
    let (n, d, h) = (shape.positions, shape.width, shape.headWidth)
    for sample in 0..<shape.samples {
      let values = tape.projected + sample * n * 3 * d + 2 * d
      for head in 0..<shape.heads {
        S.gemm(
          MatrixProduct(
            m: n, n: n, k: h, alpha: 1, a: scratch.mixed + sample * n * d + head * h, lda: d,
            b: values + head * h, ldb: 3 * d, transposeB: true, beta: 0,
            c: scratch.map + (sample * shape.heads + head) * n * n, ldc: n))
      }
    }
    S.softmaxGradient(
      map: tape.map, scratch.map, rows: shape.samples * shape.heads * n, columns: n,
      scale: scale(shape))
  }

  @specialized(where S == Float)
  private static func addAttraction(
    _ attraction: Attraction?, _ tape: Tape, _ scratch: Scratch, _ shape: BatchShape
  ) {
    guard let attraction else { return }
    let factor = attraction.weight * scale(shape)
    let (map, target, d) = (tape.map, attraction.target, scratch.map)
    for i in 0..<shape.map { d[i] += factor * (map[i] - target[i]) }
  }

  @specialized(where S == Float)
  private static func projectionGradient(
    _ tape: Tape, _ scratch: Scratch, _ shape: BatchShape
  ) {
    let (n, d, h) = (shape.positions, shape.width, shape.headWidth)
    for sample in 0..<shape.samples {
      let out = scratch.projected + sample * n * 3 * d + 2 * d
      for head in 0..<shape.heads {
        S.gemm(
          MatrixProduct(
            m: n, n: h, k: n, alpha: 1, a: tape.map + (sample * shape.heads + head) * n * n,
            lda: n, transposeA: true, b: scratch.mixed + sample * n * d + head * h, ldb: d,
            beta: 0, c: out + head * h, ldc: 3 * d))
      }
    }
    queryKeyGradient(tape, scratch, shape)
  }

  @specialized(where S == Float)
  private static func queryKeyGradient(_ tape: Tape, _ scratch: Scratch, _ shape: BatchShape) {
    let (n, d, h) = (shape.positions, shape.width, shape.headWidth)
    for sample in 0..<shape.samples {
      let rows = tape.projected + sample * n * 3 * d
      let out = scratch.projected + sample * n * 3 * d
      for head in 0..<shape.heads {
        let scores = scratch.map + (sample * shape.heads + head) * n * n
        S.gemm(
          MatrixProduct(
            m: n, n: h, k: n, alpha: 1, a: scores, lda: n, b: rows + d + head * h, ldb: 3 * d,
            beta: 0, c: out + head * h, ldc: 3 * d))
        S.gemm(
          MatrixProduct(
            m: n, n: h, k: n, alpha: 1, a: scores, lda: n, transposeA: true, b: rows + head * h,
            ldb: 3 * d, beta: 0, c: out + d + head * h, ldc: 3 * d))
      }
    }
  }

  @specialized(where S == Float)
  private static func finish(
    _ x: UnsafePointer<S>, _ parameters: Parameters, _ gradients: Parameters, _ scratch: Scratch,
    _ shape: BatchShape, dx: UnsafeMutablePointer<S>
  ) {
    let d = shape.width
    S.gemm(
      MatrixProduct(
        m: 3 * d, n: d, k: shape.rows, alpha: 1, a: scratch.projected, lda: 3 * d,
        transposeA: true, b: x, ldb: d, beta: 1, c: gradients.projection, ldc: d))
    Elementwise.addColumnSums(
      scratch.projected, to: gradients.projectionBias, rows: shape.rows, width: 3 * d)
    S.gemm(
      MatrixProduct(
        m: shape.rows, n: d, k: 3 * d, alpha: 1, a: scratch.projected, lda: 3 * d,
        b: parameters.projection, ldb: d, beta: 0, c: dx, ldc: d))
  }
}
