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

    var isLog: Bool { if case .log = self { true } else { false } }
  }

  /// Spacing.
  public let kind: Kind
  /// Values at the two ends.
  public let domain: ClosedRange<Double>

  /// A scale over exactly `domain`.
  public init(_ kind: Kind = .linear, _ domain: ClosedRange<Double>) {
    (self.kind, self.domain) = (kind, domain)
  }

  /// A scale that holds all finite `values` with a little room, or 0 … 1 when there are none. Equal values get room
  /// on both sides. A log scale ignores values that are not positive.
  public init(fitting values: [Double], _ kind: Kind = .linear, including: [Double] = []) {
    let usable = (values + including).filter { $0.isFinite && (!kind.isLog || $0 > 0) }
    guard let low = usable.min(), let high = usable.max() else {
      self.init(kind, kind == .log ? 1...10 : 0...1)
      return
    }
    if kind.isLog {
      let room = pow(high / low, 0.05)
      self.init(.log, low == high ? low / 2...high * 2 : low / room...high * room)
      return
    }
    if case .symmetricLog = kind {
      self.init(kind, low == high ? low - 1...high + 1 : low...high)
      return
    }
    // Values that differ in the last digits only are one value: ticks between them would all read the same.
    let isOne = high - low <= 1e-9 * max(abs(low), abs(high))
    let room = isOne ? max(abs(low) * 0.1, 0.5) : (high - low) * 0.05
    self.init(.linear, low - room...high + room)
  }

  /// Place of a value, 0 at the low end and 1 at the high end; NaN for what a log scale cannot show.
  public func place(_ value: Double) -> Double {
    switch kind {
    case .linear: (value - domain.lowerBound) / (domain.upperBound - domain.lowerBound)
    case .log:
      value > 0
        ? Foundation.log(value / domain.lowerBound)
          / Foundation.log(domain.upperBound / domain.lowerBound) : .nan
    case .symmetricLog(let threshold):
      (Self.bend(value, threshold) - Self.bend(domain.lowerBound, threshold))
        / (Self.bend(domain.upperBound, threshold) - Self.bend(domain.lowerBound, threshold))
    }
  }

  /// sign(v) log₁₀(1 + |v|/threshold).
  private static func bend(_ value: Double, _ threshold: Double) -> Double {
    (value < 0 ? -1 : 1) * log10(1 + abs(value) / threshold)
  }

  /// Ticks with labels, at most about `count`, inside the domain.
  public func ticks(_ count: Int) -> [(value: Double, label: String)] {
    switch kind {
    case .linear: linearTicks(count)
    case .log: logTicks(count)
    case .symmetricLog(let threshold): symmetricTicks(count, threshold)
    }
  }

  /// Places of ticks without labels between the labelled ones: fifths, quarters or halves of a linear step, 2 to 9 times a power of
  /// ten.
  public func minorTicks(_ count: Int) -> [Double] {
    let major = ticks(count)
    switch kind {
    case .symmetricLog: return []
    case .log:
      let (low, high) = (Foundation.log10(domain.lowerBound), Foundation.log10(domain.upperBound))
      guard high - low < 8 else { return [] }
      return (Int(low.rounded(.down))...Int(high.rounded(.up))).flatMap { power in
        (2...9).map { Double($0) * pow(10, Double(power)) }
      }.filter { domain.contains($0) }
    case .linear:
      guard major.count > 1 else { return [] }
      let step = major[1].value - major[0].value
      let mantissa = step / pow(10, Foundation.log10(step).rounded(.down))
      let parts = mantissa < 1.5 ? 5 : mantissa < 2.2 ? 4 : 5
      let small = step / Double(parts)
      let first = Int((domain.lowerBound - major[0].value) / small) - 1
      let last = Int((domain.upperBound - major[0].value) / small) + 1
      guard last - first < 500 else { return [] }
      return (first...last).filter { $0 % parts != 0 }.map { major[0].value + Double($0) * small }
        .filter { domain.contains($0) }
    }
  }

  /// 0 and powers of ten of both signs, outside the even part.
  private func symmetricTicks(_ count: Int, _ threshold: Double) -> [(value: Double, label: String)]
  {
    let largest = max(abs(domain.lowerBound), abs(domain.upperBound))
    let top = Int(Foundation.log10(max(largest, threshold)).rounded(.down))
    let bottom = min(top, Int(Foundation.log10(threshold).rounded(.up)))
    let every = max(1, (2 * (top - bottom + 1) + count - 1) / max(count, 1))
    let powers = stride(from: top, through: bottom, by: -every)
    let ticks = powers.flatMap { power -> [(value: Double, label: String)] in
      let value = pow(10, Double(power))
      let label = (-2...3).contains(power) ? Self.plain(value) : "10" + Self.superscript(power)
      return [(-value, "−" + label), (value, label)]
    }
    return ([(value: 0, label: "0")] + ticks).filter { domain.contains($0.value) }
      .sorted { $0.value < $1.value }
  }

  /// What tick labels of a linear scale are counted from: 0 unless values differ in their last digits only, which long labels
  /// would hide. The axis says it beside its title.
  public var offset: Double {
    let span = domain.upperBound - domain.lowerBound
    let largest = max(abs(domain.lowerBound), abs(domain.upperBound))
    guard kind == .linear, span > 0, largest.isFinite, largest / span >= 1e4 else { return 0 }
    let unit = pow(10, Foundation.log10(span).rounded(.up))
    return (domain.lowerBound / unit).rounded(.down) * unit
  }

  /// «title + offset», or the title alone.
  public func title(_ title: String) -> String {
    guard offset != 0 else { return title }
    let number = plain(abs(offset))
    return title + (title.isEmpty ? "" : " ") + (offset < 0 ? "− " : "+ ") + number
  }

  private func plain(_ value: Double) -> String {
    value < 1e15 && value == value.rounded() ? String(format: "%.0f", value) : "\(value)"
  }

  /// Steps of 1, 2, 2.5 or 5 times a power of ten.
  private func linearTicks(_ count: Int) -> [(value: Double, label: String)] {
    let span = domain.upperBound - domain.lowerBound
    guard span > 0, span.isFinite else { return [] }
    let rough = span / Double(max(count, 1))
    let power = pow(10, Foundation.log10(rough).rounded(.down))
    let step = [1, 2, 2.5, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 } ?? power * 10
    let first = (domain.lowerBound / step - 1e-9).rounded(.up)
    let last = (domain.upperBound / step + 1e-9).rounded(.down)
    guard last >= first, last - first < 1000 else { return [] }
    let values = (0...Int(last - first)).map { (first + Double($0)) * step }
    let offset = offset
    let labels = Self.labels(values.map { $0 - offset }, step: step)
    return zip(values, labels).map { (value: $0, label: $1) }
  }

  private func logTicks(_ count: Int) -> [(value: Double, label: String)] {
    let low = Foundation.log10(domain.lowerBound)
    let high = Foundation.log10(domain.upperBound)
    if high - low < 1.2 {
      let factors = high - low < 0.5 ? [1, 1.5, 2, 3, 4, 5, 6, 7, 8] : [1.0, 2, 5]
      let values = (Int(low.rounded(.down))...Int(high.rounded(.up))).flatMap { power in
        factors.map { $0 * pow(10, Double(power)) }
      }.filter { domain.contains($0) }
      return values.map { ($0, Self.plain($0)) }
    }
    let every = max(1, Int(((high - low) / Double(max(count, 1))).rounded(.up)))
    return (Int((low - 1e-9).rounded(.up))...Int((high + 1e-9).rounded(.down)))
      .filter { $0 % every == 0 }
      .map { power in
        let label =
          (-2...3).contains(power)
          ? Self.plain(pow(10, Double(power)))
          : "10" + Self.superscript(power)
        return (pow(10, Double(power)), label)
      }
  }

  private static func plain(_ value: Double) -> String {
    String(format: "%g", value).replacing("-", with: "−")
  }

  /// Labels with as many digits as the step needs, and a true minus sign.
  private static func labels(_ values: [Double], step: Double) -> [String] {
    let largest = values.map(abs).max() ?? 0
    let isFar = largest >= 1e5 || (largest > 0 && largest < 1e-3)
    // With many more digits than a power of ten would save, plain numbers are easier to tell apart.
    if isFar && largest / step < 2e4 {
      let power = Int(Foundation.log10(largest).rounded(.down))
      return values.map { value in
        value == 0
          ? "0"
          : plain((value / pow(10, Double(power)) * 1e6).rounded() / 1e6) + "·10"
            + superscript(power)
      }
    }
    var digits = 0
    while digits < 12,
      abs((step * pow(10, Double(digits))).rounded() - step * pow(10, Double(digits)))
        > 1e-6
    {
      digits += 1
    }
    return values.map { value in
      let text = String(format: "%.\(digits)f", value == 0 ? 0 : value)
      return text.replacing("-", with: "−")
    }
  }

  static func superscript(_ power: Int) -> String {
    let digits = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
    let sign = power < 0 ? "⁻" : ""
    return sign + String(String(abs(power)).compactMap { $0.wholeNumberValue.map { digits[$0] } })
  }
}
