/// One AVX-512 register of floats, and the functions the kernels need on it.
///
/// `.rounded()`, `.sum()`, `.max()`, `.clamped()` and `pointwiseMax` run lane by lane; the replacements here do not.
typealias Vector16 = SIMD16<Float>

extension Vector16 {
  @inline(__always)
  static func load(_ p: UnsafePointer<Float>) -> Vector16 {
    UnsafeRawPointer(p).loadUnaligned(as: Vector16.self)
  }

  /// The first `count` floats at `p`, the other lanes `pad`; reads nothing beyond them.
  @inline(__always)
  static func load(_ p: UnsafePointer<Float>, count: Int, pad: Float) -> Vector16 {
    var vector = Vector16(repeating: pad)
    for lane in 0..<count { vector[lane] = p[lane] }
    return vector
  }

  @inline(__always)
  func store(_ p: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(p).storeBytes(of: self, as: Vector16.self)
  }

  @inline(__always)
  func store(_ p: UnsafeMutablePointer<Float>, count: Int) {
    for lane in 0..<count { p[lane] = self[lane] }
  }

  /// Sum of the lanes, always in the same order.
  @inline(__always)
  var total: Float {
    let a = lowHalf + highHalf
    let b = a.lowHalf + a.highHalf
    let c = b.lowHalf + b.highHalf
    return c.x + c.y
  }

  /// Largest lane; no lane may be NaN.
  @inline(__always)
  var greatest: Float {
    let a = lowHalf.replacing(with: highHalf, where: lowHalf .< highHalf)
    let b = a.lowHalf.replacing(with: a.highHalf, where: a.lowHalf .< a.highHalf)
    let c = b.lowHalf.replacing(with: b.highHalf, where: b.lowHalf .< b.highHalf)
    return c.x < c.y ? c.y : c.x
  }

  /// The larger of each pair of lanes; of a NaN and a number, this vector's.
  @inline(__always)
  func larger(_ other: Vector16) -> Vector16 { replacing(with: other, where: self .< other) }

  /// The smaller of each pair of lanes; of a NaN and a number, this vector's.
  @inline(__always)
  func smaller(_ other: Vector16) -> Vector16 { replacing(with: other, where: self .> other) }

  @inline(__always)
  func fma(_ factor: Vector16, _ addend: Vector16) -> Vector16 {
    addend.addingProduct(self, factor)
  }

  /// e^x to 2 units in the last place for -87 ≤ x ≤ 88; smaller x give about 1e-38, not a denormal.
  ///
  /// x = n ln 2 + r with |r| ≤ ½ ln 2; e^r by the Taylor polynomial of degree 7, whose remainder is below
  /// r⁸/8! = 5.2e-9; 2ⁿ is put into the exponent. Rounding is by adding and subtracting 1.5 · 2²³.
  /// ln 2 is split into a part of few bits and a rest (Cody & Waite 1980) so that n ln 2 is exact.
  @inline(__always)
  var exponential: Vector16 {
    let x = larger(Vector16(repeating: -87)).smaller(Vector16(repeating: 88))
    let magic = Vector16(repeating: 12_582_912)
    let shifted = x.fma(Vector16(repeating: 1.442_695_04), magic)
    let n = shifted - magic
    var r = n.fma(Vector16(repeating: -0.693_359_375), x)
    r = n.fma(Vector16(repeating: 2.121_944_4e-4), r)
    var p = Vector16(repeating: 1.0 / 5040)
    p = p.fma(r, Vector16(repeating: 1.0 / 720))
    p = p.fma(r, Vector16(repeating: 1.0 / 120))
    p = p.fma(r, Vector16(repeating: 1.0 / 24))
    p = p.fma(r, Vector16(repeating: 1.0 / 6))
    p = p.fma(r, Vector16(repeating: 0.5))
    p = p.fma(r, Vector16(repeating: 1))
    p = p.fma(r, Vector16(repeating: 1))
    let bits = unsafeBitCast(shifted, to: SIMD16<Int32>.self)
    let exponent = (bits &- SIMD16<Int32>(repeating: 0x4B40_0000)) &<< 23
    return unsafeBitCast(
      unsafeBitCast(p, to: SIMD16<Int32>.self) &+ exponent, to: Vector16.self)
  }

  /// Φ(x) and e^(-x²/2), the two parts of GELU and its derivative.
  ///
  /// Φ by Abramowitz & Stegun 7.1.26 (erf to 1.5e-7 absolute), because it needs the same exponential that the
  /// density does; a rational erf would be a further 12 operations. Not accurate in relative terms for x < -4.
  @inline(__always)
  var gaussian: (cumulative: Vector16, bell: Vector16) {
    let bell = (self * self * Vector16(repeating: -0.5)).exponential
    let magnitude = larger(-self)
    let one = Vector16(repeating: 1)
    let t = one / magnitude.fma(Vector16(repeating: 0.327_591_1 * 0.707_106_78), one)
    var p = Vector16(repeating: 1.061_405_429)
    p = p.fma(t, Vector16(repeating: -1.453_152_027))
    p = p.fma(t, Vector16(repeating: 1.421_413_741))
    p = p.fma(t, Vector16(repeating: -0.284_496_736))
    p = p.fma(t, Vector16(repeating: 0.254_829_592))
    let tail = p * t * bell * Vector16(repeating: 0.5)
    return ((one - tail).replacing(with: tail, where: self .< 0), bell)
  }
}
