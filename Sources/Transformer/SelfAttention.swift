import Kernels

/// Multi-head self-attention (Vaswani et al. 2017, eq. 1) over `[sample, position, channel]`, forward and backward.
///
/// Arrays belong to the caller; nothing is allocated. Heads are column blocks of the queries, keys and values; with fewer
/// heads of keys and values than of queries, neighbouring query heads share one (Ainslie et al. 2023).
public enum SelfAttention<S: KernelScalar> {
  /// Where the parameters lie in the vector.
  struct Place: Sendable {
    let projection: Int, projectionBias: Int, output: Int, outputBias: Int

    init(_ layout: ParameterLayout, _ prefix: String) {
      projection = layout.offset(prefix + "query.weight")
      projectionBias = layout.offset(prefix + "query.bias")
      output = layout.offset(prefix + "output.weight")
      outputBias = layout.offset(prefix + "output.bias")
    }
  }

  /// Weights, or their gradients: pointers into a parameter vector laid out by
  /// ``ParameterLayout/appendAttention(_:width:keyWidth:)``.
  public struct Parameters {
    /// Query, key and value matrices, `[width + 2 · keyWidth, width]`.
    public let projection: UnsafeMutablePointer<S>
    /// Query, key and value biases, `[width + 2 · keyWidth]`.
    public let projectionBias: UnsafeMutablePointer<S>
    /// Output matrix `[width, width]`.
    public let output: UnsafeMutablePointer<S>
    /// Output bias `[width]`.
    public let outputBias: UnsafeMutablePointer<S>

    /// The attention whose parameters' names start with `prefix`, in the vector at `base`.
    public init(_ base: UnsafeMutablePointer<S>, _ layout: ParameterLayout, _ prefix: String) {
      self.init(base, Place(layout, prefix))
    }

    init(_ base: UnsafeMutablePointer<S>, _ place: Place) {
      (projection, projectionBias) = (base + place.projection, base + place.projectionBias)
      (output, outputBias) = (base + place.output, base + place.outputBias)
    }
  }

  /// What a query may see, and whether queries and keys are turned; nothing of it by default.
  public struct Form {
    /// Only keys up to the query's own position.
    public var isCausal = false
    /// Positions of each sample that are not padding, `[sample]`; all when nil. Padding comes last and is no key; its
    /// own queries see the keys that are there.
    public var lengths: UnsafePointer<Int32>?
    /// Turns queries and keys.
    public var rotation: Rotation<S>?

    /// Everything is seen, nothing is turned.
    public init() {}
  }

  /// What the forward pass leaves for the backward pass.
  public struct Tape {
    /// Queries, keys and values side by side, `[sample, position, width + 2 · keyWidth]`, queries and keys turned.
    public let projected: UnsafeMutablePointer<S>
    /// Attention map `[sample, head, query, key]`; each row sums to 1.
    public let map: UnsafeMutablePointer<S>
    /// Concatenated head outputs `[sample, position, width]`.
    public let mixed: UnsafeMutablePointer<S>

    /// Takes the three arrays from `arena`.
    public init(_ arena: inout Arena<S>, _ shape: BatchShape) {
      projected = arena.take(shape.rows * shape.projectedWidth)
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
      projected = arena.take(shape.rows * shape.projectedWidth)
      map = arena.take(shape.map)
    }
  }

  /// A map that this one is drawn towards: adds the gradient of `weight` · Σ KL(target row ‖ map row), over the rows of
  /// queries that are not padding, to the backward pass. Taken at the scores, where it is `weight · (map - target)`, because at the map it is
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

  static func scale(_ shape: BatchShape) -> S { 1 / S(shape.headWidth).squareRoot() }

  /// Queries, keys, values and the map for `x` `[sample, position, channel]`, without mixing values.
  @specialized(where S == Float)
  public static func map(
    _ x: UnsafePointer<S>, _ parameters: Parameters, _ tape: Tape, _ shape: BatchShape,
    form: Form = Form()
  ) {
    let (n, d, p) = (shape.positions, shape.width, shape.projectedWidth)
    S.gemm(
      MatrixProduct(
        m: shape.rows, n: p, k: d, alpha: 1, a: x, lda: d, b: parameters.projection, ldb: d,
        transposeB: true, beta: 0, c: tape.projected, ldc: p))
    Elementwise.addBias(parameters.projectionBias, to: tape.projected, rows: shape.rows, width: p)
    form.rotation?.turn(tape.projected, shape, forward: true)
    scores(tape, shape, alpha: 1, to: tape.map)
    if form.isCausal || form.lengths != nil {
      maskedSoftmax(tape.map, shape, form)
    } else {
      S.softmax(
        tape.map, rows: shape.samples * shape.heads * n, columns: n, scale: scale(shape))
    }
  }

  /// `alpha · q · k` of every head, before any mask, to `out` `[sample, head, query, key]`.
  @specialized(where S == Float)
  static func scores(
    _ tape: Tape, _ shape: BatchShape, alpha: S, to out: UnsafeMutablePointer<S>
  ) {
    let (n, p, h) = (shape.positions, shape.projectedWidth, shape.headWidth)
    for sample in 0..<shape.samples {
      let rows = tape.projected + sample * n * p
      for head in 0..<shape.heads {
        S.gemm(
          MatrixProduct(
            m: n, n: n, k: h, alpha: alpha, a: rows + head * h, lda: p,
            b: rows + shape.keyChannel(head), ldb: p, transposeB: true, beta: 0,
            c: out + (sample * shape.heads + head) * n * n, ldc: n))
      }
    }
  }

  /// Softmax over the keys a query may see, 0 at the others; what they held is not read.
  @specialized(where S == Float)
  private static func maskedSoftmax(
    _ map: UnsafeMutablePointer<S>, _ shape: BatchShape, _ form: Form
  ) {
    let n = shape.positions
    for sample in 0..<shape.samples {
      let length = form.lengths.map { Int($0[sample]) } ?? n
      for head in 0..<shape.heads {
        let plane = map + (sample * shape.heads + head) * n * n
        for query in 0..<n {
          let seen = form.isCausal ? min(query + 1, length) : length
          S.softmax(plane + query * n, rows: 1, columns: seen, scale: scale(shape))
          (plane + query * n + seen).update(repeating: 0, count: n - seen)
        }
      }
    }
  }

  /// `out += factor · attention(x)`, with `x` and `out` `[sample, position, channel]`.
  @specialized(where S == Float)
  public static func forward(
    _ x: UnsafePointer<S>, _ parameters: Parameters, _ tape: Tape, _ shape: BatchShape,
    addTo out: UnsafeMutablePointer<S>, factor: S = 1, form: Form = Form()
  ) {
    let (n, d, h, p) = (shape.positions, shape.width, shape.headWidth, shape.projectedWidth)
    map(x, parameters, tape, shape, form: form)
    for sample in 0..<shape.samples {
      let rows = tape.projected + sample * n * p
      for head in 0..<shape.heads {
        S.gemm(
          MatrixProduct(
            m: n, n: h, k: n, alpha: 1, a: tape.map + (sample * shape.heads + head) * n * n,
            lda: n, b: rows + shape.valueChannel(head), ldb: p, beta: 0,
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
}
