import Foundation

/// Maps data to 0 … 1 along an axis, and knows where ticks go.
public struct Scale: Sendable {
  /// How values are spaced.
  public enum Kind: Sendable, Equatable {
    /// Evenly.
    case linear
    /// By their logarithm; values must be positive.
    case log
    /// By sign and logarithm, evenly within this distance of 0: for values of both signs over many magnitudes.
    case symmetricLog(Double)
    /// By the logarithm of the distance below 1: for likenesses that crowd there. What is not below 1 lies beyond the axis.
    case belowOne

    var isLog: Bool { if case .log = self { true } else { false } }
  }

  /// Spacing.
  public let kind: Kind
  /// Values at the two ends.
  public let domain: ClosedRange<Double>
  /// Whether the values are whole numbers, so that ticks must be.
  public private(set) var isWhole = false

  /// A scale over exactly `domain`.
  public init(_ kind: Kind = .linear, _ domain: ClosedRange<Double>) {
    (self.kind, self.domain) = (kind, domain)
  }

  /// A scale that holds all finite `values` with a little room, or 0 … 1 when there are none. Equal values get room
  /// on both sides. A log scale ignores values that are not positive.
  public init(fitting values: [Double], _ kind: Kind = .linear, including: [Double] = []) {
    let usable = (values + including).filter { $0.isFinite && (!kind.isLog || $0 > 0) }
    guard let low = usable.min(), let high = usable.max() else {
      self.init(kind, kind == .log ? 1...10 : kind == .belowOne ? 0...0.9 : 0...1)
      return
    }
    if kind.isLog {
      let room = pow(high / low, 0.05)
      // As on a linear axis, what differs by rounding only is one value.
      if high / low - 1 <= 1e-13 {
        self.init(.log, max(low / 2, .leastNonzeroMagnitude)...min(high * 2, Self.largest))
      } else if room.isFinite, low / room > 0, high * room <= Self.largest {
        self.init(.log, low / room...high * room)
      } else {
        // Values of more magnitudes than a quotient can hold, or beside the ends of what a number can be.
        let powers = 0.05 * (log10(high) - log10(low))
        self.init(
          .log,
          max(
            low * pow(10, -powers), .leastNonzeroMagnitude)...min(
              high * pow(10, powers), Self.largest))
      }
      return
    }
    if kind == .belowOne {
      self.init(belowOne: usable)
      return
    }
    if case .symmetricLog = kind {
      self.init(kind, low == high ? low - max(1, low.ulp)...high + max(1, high.ulp) : low...high)
      return
    }
    // What differs in the last digits of a number only is rounding: ticks between would show it as if it were data.
    let isOne = high - low <= 1e-13 * max(abs(low), abs(high))
    let size = abs(low)
    let room =
      isOne
      ? (size >= 0.01 || size == 0 ? max(size * 0.1, 0.5) : size * 0.5)
      : 0.05 * (high - low).clamped
    self.init(.linear, (low - room).clamped...(high + room).clampedAbove(low - room))
  }

  /// As a logarithmic scale of the distances below 1, with its room.
  private init(belowOne values: [Double]) {
    let distances = Scale(fitting: values.map { 1 - $0 }, .log).domain
    let (low, high) = (1 - distances.upperBound, 1 - distances.lowerBound)
    self.init(.belowOne, low < high ? low...high : 0...0.9)
  }

  /// Lowest to highest of the finite `values`; 0 … 1 for none or zeros, and a little above one value.
  public static func range(_ values: [Double]) -> ClosedRange<Double> {
    var (low, high) = (Double.infinity, -Double.infinity)
    for value in values where value.isFinite {
      low = min(low, value)
      high = max(high, value)
    }
    // As on an axis, what differs by rounding only is one value.
    if high - low > 1e-13 * max(abs(low), abs(high)) { return low...high }
    guard low <= high, low != 0 || high != 0 else { return 0...1 }
    let above = max(low + abs(low) * 1e-9, low.nextUp)
    return above.isFinite ? low...max(above, high) : low.nextDown...high
  }

  /// From the first to the last of ascending values, as times are; their range where they are in another order.
  static func span(_ values: [Double]) -> ClosedRange<Double> {
    guard let first = values.first, let last = values.last, first < last, first.isFinite,
      last.isFinite
    else { return range(values) }
    return first...last
  }

  static let largest = Double.greatestFiniteMagnitude

  /// The same scale for numbers that are whole: no tick between them.
  public func whole() -> Scale {
    var scale = self
    scale.isWhole = true
    return scale
  }

  /// Place of a value, 0 at the low end and 1 at the high end; NaN for what a log scale cannot show, infinite for infinite values.
  public func place(_ value: Double) -> Double {
    let (low, high) = (domain.lowerBound, domain.upperBound)
    switch kind {
    case .linear:
      let span = high - low
      guard span > 0 else { return 0.5 }
      // Halves, where the difference of the ends is more than a number can be.
      return span.isFinite ? (value - low) / span : (value / 2 - low / 2) / (high / 2 - low / 2)
    case .log:
      guard value > 0 else { return .nan }
      let (part, whole) = (value / low, high / low)
      return part.isFinite && part > 0 && whole.isFinite || value.isInfinite
        ? Foundation.log(part) / Foundation.log(whole)
        : (Foundation.log(value) - Foundation.log(low))
          / (Foundation.log(high) - Foundation.log(low))
    case .belowOne:
      guard value < 1 else { return value.isNaN ? .nan : .infinity }
      return Foundation.log((1 - low) / (1 - value)) / Foundation.log((1 - low) / (1 - high))
    case .symmetricLog(let threshold):
      return (Self.bend(value, threshold) - Self.bend(low, threshold))
        / (Self.bend(high, threshold) - Self.bend(low, threshold))
    }
  }

  /// sign(v) log₁₀(1 + |v|/threshold).
  private static func bend(_ value: Double, _ threshold: Double) -> Double {
    let ratio = abs(value) / threshold
    return (value < 0 ? -1 : 1)
      * (ratio.isFinite || value.isInfinite
        ? log10(1 + ratio) : log10(abs(value)) - log10(threshold))
  }
}

extension Double {
  /// The nearest finite number.
  var clamped: Double {
    Swift.min(Swift.max(self, -.greatestFiniteMagnitude), .greatestFiniteMagnitude)
  }

  /// The nearest finite number, more than `low`.
  fileprivate func clampedAbove(_ low: Double) -> Double {
    Swift.max(clamped, low.clamped.nextUp)
  }
}
