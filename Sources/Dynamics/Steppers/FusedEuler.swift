import Kernels

/// Explicit Euler for diffusion with the second-order stencil plus a polynomial reaction of degree 3 at most, by bands of rows
/// on a worker pool.
///
/// A sweep over a large field takes several steps at once: as soon as three rows of one step are there, a row of the next
/// follows, and what lies between stays in the cache (Wonnacott 2000 calls it time skewing). So memory is read and written once
/// a sweep, and threads meet once a sweep. Bands overlap by as many rows as a sweep has steps; those are computed twice.
///
/// The same arithmetic as ``ExplicitStepper`` with ``ButcherTableau/euler`` up to the order of additions.
public final class FusedEuler: @unchecked Sendable {
  private let stencil: Stencil
  private let pool: WorkerPool
  private let memory: Buffer<Double>
  private let zeros: Buffer<Double>
  /// Four rows of each step within a sweep but the last, for every band.
  private let rings: Buffer<Double>
  private let bands: Int
  /// Steps a sweep takes.
  private let depth: Int
  private var front: UnsafeMutablePointer<Double>
  private var back: UnsafeMutablePointer<Double>
  private let factors: [Double]
  private let reaction: [Double]
  /// Numbers of the field.
  public let count: Int

  /// The method for `problem`; nil when it has other terms, a varying diffusivity, another order or a higher degree.
  public init?(_ problem: FieldProblem, pool: WorkerPool) {
    var (diffusion, reaction) = (DiffusionOperator?.none, [Double]())
    for term in problem.terms {
      switch term {
      case .diffusion(let operation) where diffusion == nil && operation.order == 2:
        diffusion = operation
      case .reaction(let other):
        guard let c = other.coefficients, c.count <= 4 else { return nil }
        let length = max(c.count, reaction.count)
        reaction = (0..<length).map {
          ($0 < c.count ? c[$0] : 0) + ($0 < reaction.count ? reaction[$0] : 0)
        }
      default: return nil
      }
    }
    guard let diffusion, diffusion.hasModes, !problem.isSecondOrder else { return nil }
    stencil = Stencil(diffusion.grid, channels: diffusion.channels, diffusion.boundary)
    let h2 = diffusion.spacing * diffusion.spacing
    let scales = (0..<diffusion.channels).map {
      (diffusion.diffusivity.value(channel: $0) ?? 0) / h2
    }
    factors = (0..<stencil.width).map { scales[$0 % diffusion.channels] }
    self.reaction = reaction + [Double](repeating: 0, count: 4 - reaction.count)
    self.pool = pool
    count = stencil.rows * stencil.width
    // Both fields start at a line of their own; 8 numbers are a cache line.
    let stride = (count + 15) / 8 * 8
    // A band is worth a thread from about 2¹⁵ numbers on: waking one takes as long as 2¹⁴ of them. A sweep of 8 steps keeps 32
    // rows in the cache; small fields lie in the cache as they are.
    bands = max(1, min(pool.threadCount, count >> 15, stencil.rows / 64))
    depth = bands > 1 || count > 1 << 16 && stencil.rows >= 64 ? 8 : 1
    rings = Buffer(bands * 4 * depth * stencil.width)
    memory = Buffer(2 * stride)
    zeros = Buffer(stencil.width)
    (front, back) = (memory.start, memory.start + stride)
  }

  /// The field `[y, x, channel]`.
  public var field: [Double] {
    get { Array(UnsafeBufferPointer(start: front, count: count)) }
    set { front.update(from: newValue, count: count) }
  }

  /// Takes `steps` steps of `dt`.
  public func advance(_ dt: Double, steps: Int) {
    var left = steps
    while left > 0 {
      let depth = min(depth, left)
      let rows = stencil.rows
      pool.forEach(bands) { band, _ in
        sweep(dt, depth, rows * band / bands..<rows * (band + 1) / bands, band)
      }
      swap(&front, &back)
      left -= depth
    }
  }

  /// `depth` steps of the rows `band`, from the front field to the back.
  private func sweep(_ dt: Double, _ depth: Int, _ band: Range<Int>, _ place: Int) {
    let (rows, width) = (stencil.rows, stencil.width)
    let isPeriodic = stencil.boundary == .periodic
    let (front, back) = (front, back)
    let ring = rings.start + place * 4 * self.depth * width
    /// Row `row` after `level` steps; rows of a periodic grid go on beyond its edges.
    func pointer(_ level: Int, _ row: Int) -> UnsafeMutablePointer<Double> {
      // A sweep reaches less than the field beyond either edge.
      let inside = row < 0 ? row + rows : row < rows ? row : row - rows
      if level == 0 { return front + inside * width }
      if level == depth { return back + inside * width }
      return ring + ((level - 1) * 4 + row & 3) * width
    }
    let margin = depth - 1
    for newest in band.lowerBound - margin..<band.upperBound + margin {
      for level in 1...depth {
        let row = newest - (level - 1)
        let reach = depth - level
        guard row >= band.lowerBound - reach, row < band.upperBound + reach,
          isPeriodic || (0..<rows).contains(row)
        else { continue }
        let here = pointer(level - 1, row)
        var (above, below) = (here, here)
        if rows > 1 {
          let hasAbove = isPeriodic || row > 0
          let hasBelow = isPeriodic || row + 1 < rows
          let edge = stencil.boundary == .dirichlet ? zeros.start : here
          above = hasAbove ? pointer(level - 1, row - 1) : edge
          below = hasBelow ? pointer(level - 1, row + 1) : edge
        }
        step(dt, here, above: above, below: below, to: pointer(level, row))
      }
    }
  }

  /// One step of one row.
  private func step(
    _ dt: Double, _ here: UnsafePointer<Double>, above a: UnsafePointer<Double>,
    below b: UnsafePointer<Double>, to next: UnsafeMutablePointer<Double>
  ) {
    let (width, channels) = (stencil.width, stencil.channels)
    let (k0, k2, k3) = (dt * reaction[0], dt * reaction[2], dt * reaction[3])
    let growth = 1 + dt * reaction[1]
    factors.withUnsafeBufferPointer { factors in
      guard let factors = factors.baseAddress else { return }
      stencil.visitEdges(here, above: a, below: b) { place, value, sum in
        let reacted = ((k3 * value + k2) * value + growth) * value + k0
        next[place] = reacted + dt * factors[place] * (sum - 4 * value)
      }
      var place = channels
      let end = width - channels
      while place + 8 <= end {
        let value = Self.load(here + place)
        let sum =
          (Self.load(here + place - channels) + Self.load(here + place + channels))
          + (Self.load(a + place) + Self.load(b + place))
        var reacted = (k3 * value + k2) * value + growth
        reacted = reacted * value + k0
        reacted += dt * Self.load(factors + place) * (sum - 4 * value)
        UnsafeMutableRawPointer(next + place).storeBytes(of: reacted, as: SIMD8<Double>.self)
        place += 8
      }
      while place < end {
        let value = here[place]
        let sum = (here[place - channels] + here[place + channels]) + (a[place] + b[place])
        let reacted = ((k3 * value + k2) * value + growth) * value + k0
        next[place] = reacted + dt * factors[place] * (sum - 4 * value)
        place += 1
      }
    }
  }

  @inline(__always)
  private static func load(_ pointer: UnsafePointer<Double>) -> SIMD8<Double> {
    UnsafeRawPointer(pointer).loadUnaligned(as: SIMD8<Double>.self)
  }
}
