import Foundation

extension Scale {
  /// Ticks with labels, about `count`, inside the domain: more where so few would leave an axis with one.
  public func ticks(_ count: Int) -> [(value: Double, label: String)] {
    switch kind {
    case .linear: return linearTicks(count)
    case .log:
      let ticks = logTicks(count)
      return ticks.count > 1 ? ticks : Scale(.linear, domain).linearTicks(count)
    case .symmetricLog(let threshold): return symmetricTicks(count, threshold)
    case .belowOne: return ticksBelowOne(count)
    }
  }

  private var decadesBelowOne: Double {
    log10((1 - domain.lowerBound) / (1 - domain.upperBound))
  }

  /// 1 − 10⁻ᵏ, and where these are few the fifths and halves between: 0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99 ….
  private func ticksBelowOne(_ count: Int) -> [(value: Double, label: String)] {
    let decades = decadesBelowOne
    guard decades.isFinite, decades > 0 else { return [] }
    if decades < 0.6 { return Scale(.linear, domain).linearTicks(count) }
    let (top, bottom) = (
      Int(log10(1 - domain.lowerBound).rounded(.up)),
      Int(log10(1 - domain.upperBound).rounded(.down))
    )
    let every = max(1, Int((decades / Double(max(count, 1))).rounded(.up)))
    func ticks(_ factors: [Double]) -> [(value: Double, label: String)] {
      stride(from: top, through: bottom, by: -every).flatMap { power in
        factors.map { factor -> (value: Double, label: String) in
          // Rounded, or 1 − 0.1 would be 0.9 and a rest.
          let digits = max(0, -power)
          let text = String(format: "%.\(digits)f", 1 - factor * pow(10, Double(power)))
          return (1 - factor * pow(10, Double(power)), text.replacing("-", with: "−"))
        }
      }.filter { domain.contains($0.value) }.sorted { $0.value < $1.value }
    }
    let few = ticks([1])
    return few.count < 3 || 3 * decades <= 1.5 * Double(count) ? ticks([1, 2, 5]) : few
  }

  /// Places of ticks without labels between the labelled ones: fifths, quarters or halves of a linear step, 2 to 9 times a power of
  /// ten.
  public func minorTicks(_ count: Int) -> [Double] {
    switch kind {
    case .symmetricLog, .belowOne: return []
    case .log:
      guard logTicks(count).count > 1 else { return [] }
      let (low, high) = (Foundation.log10(domain.lowerBound), Foundation.log10(domain.upperBound))
      guard high - low < 8 else { return [] }
      return (Int(low.rounded(.down))...Int(high.rounded(.up))).flatMap { power in
        (2...9).map { Double($0) * pow(10, Double(power)) }
      }.filter { domain.contains($0) }
    case .linear:
      let major = ticks(count)
      guard major.count > 1 else { return [] }
      let step = major[1].value - major[0].value
      let mantissa = step / pow(10, Foundation.log10(step).rounded(.down))
      let parts = mantissa < 1.5 ? 5 : mantissa < 2.2 ? 4 : 5
      let small = step / Double(parts)
      guard !isWhole || small >= 1 && small == small.rounded() else { return [] }
      let first = (domain.lowerBound - major[0].value) / small - 1
      let last = (domain.upperBound - major[0].value) / small + 1
      guard abs(first) < 500, abs(last) < 500, first <= last else { return [] }
      return (Int(first)...Int(last)).filter { $0 % parts != 0 }.map {
        major[0].value + Double($0) * small
      }.filter { domain.contains($0) }
    }
  }

  /// 0 and powers of ten of both signs, outside the even part.
  private func symmetricTicks(_ count: Int, _ threshold: Double) -> [(value: Double, label: String)]
  {
    let largest = max(abs(domain.lowerBound), abs(domain.upperBound))
    guard threshold > 0, threshold.isFinite, largest.isFinite else { return [] }
    let top = Int(Foundation.log10(max(largest, threshold)).rounded(.down))
    let bottom = min(top, Int(Foundation.log10(threshold).rounded(.up)))
    let every = max(1, (2 * (top - bottom + 1) + count - 1) / max(count, 1))
    let powers = Array(stride(from: top, through: bottom, by: -every))
    // One power of ten alone says little.
    let factors = powers.count < 2 ? [1.0, 2, 5] : [1.0]
    let places = (powers.count < 2 ? powers + [top - 1] : powers).flatMap { power in
      factors.map { (power, $0) }
    }
    let ticks = places.flatMap { power, factor -> [(value: Double, label: String)] in
      let value = factor * pow(10, Double(power))
      let label =
        (-2...3).contains(power) || factor != 1
        ? Self.plain(value) : "10" + Self.superscript(power)
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
    let isEven =
      kind == .linear || (kind == .log && logTicks(4).count < 2)
      || (kind == .belowOne && decadesBelowOne < 0.6)
    guard isEven, span > 0, Self.plainSizes.contains(largest), largest / span >= 1e4 else {
      return 0
    }
    let unit = pow(10, Foundation.log10(span).rounded(.up))
    return (domain.lowerBound / unit).rounded(.down) * unit
  }

  /// «title + offset», or the title alone.
  public func title(_ title: String) -> String {
    let offset = offset
    guard offset != 0 else { return title }
    let number = plain(abs(offset))
    return title + (title.isEmpty ? "" : " ") + (offset < 0 ? "− " : "+ ") + number
  }

  private func plain(_ value: Double) -> String {
    value < 1e15 && value == value.rounded()
      ? String(format: "%.0f", value) : "\(value)".replacing("-", with: "−")
  }

  /// Sizes of numbers whose sums, quotients and tenths are numbers of full precision too.
  static let plainSizes = 1e-290...1e290

  /// Steps of 1, 2, 2.5 or 5 times a power of ten, of whole numbers never less than 1.
  private func linearTicks(_ count: Int) -> [(value: Double, label: String)] {
    let largest = max(abs(domain.lowerBound), abs(domain.upperBound))
    guard largest > 0, largest.isFinite else { return [] }
    // Near the ends of what a number can be a span or a step could not be held: counted in units of a power of ten.
    let power = Self.plainSizes.contains(largest) ? 0 : Int(log10(largest).rounded(.down))
    let (half, rest) = (pow(10, Double(power / 2)), pow(10, Double(power - power / 2)))
    let (low, high) = (domain.lowerBound / half / rest, domain.upperBound / half / rest)
    guard high > low, (high - low).isFinite else { return [] }
    let offset = offset
    var counted: [Double] = []
    var step = 1.0
    for wanted in [count, 2 * count, 4 * count] where counted.count < 2 {
      (counted, step) = steps(low, high, wanted)
    }
    let labels = Self.labels(counted, step: step, power: power)
    guard power != 0 else { return zip(counted, labels).map { (value: offset + $0, label: $1) } }
    // Beside the smallest numbers several round places are one number.
    var ticks: [(value: Double, label: String)] = []
    for (place, label) in zip(counted, labels) {
      let value = place * half * rest
      if domain.contains(value), ticks.last?.value != value { ticks.append((value, label)) }
    }
    return ticks
  }

  /// Multiples of a round step between two ends, counted from the offset.
  private func steps(_ low: Double, _ high: Double, _ count: Int) -> (
    places: [Double], step: Double
  ) {
    let rough = (high - low) / Double(max(count, 1))
    let power = pow(10, Foundation.log10(rough).rounded(.down))
    var step = [1, 2, 2.5, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 } ?? power * 10
    if isWhole, step != step.rounded() { step = step < 1 ? 1 : step == 2.5 ? 5 : step.rounded(.up) }
    // From a round number near the values, so that no digit of a far one is lost.
    let base = offset
    let first = ((low - base) / step - 1e-9).rounded(.up)
    let last = ((high - base) / step + 1e-9).rounded(.down)
    guard last >= first, last - first < 1000 else { return ([], step) }
    return ((0...Int(last - first)).map { (first + Double($0)) * step }, step)
  }

  private func logTicks(_ count: Int) -> [(value: Double, label: String)] {
    let low = Foundation.log10(domain.lowerBound)
    let high = Foundation.log10(domain.upperBound)
    guard low.isFinite, high.isFinite, low < high else { return [] }
    if high - low < 1.2 {
      let factors = high - low < 0.5 ? [1, 1.5, 2, 3, 4, 5, 6, 7, 8] : [1.0, 2, 5]
      let values = (Int(low.rounded(.down))...Int(high.rounded(.up))).flatMap { power in
        factors.map { $0 * pow(10, Double(power)) }
      }.filter { domain.contains($0) }
      return values.map { ($0, Self.plain($0)) }
    }
    var every = max(1, Int(((high - low) / Double(max(count, 1))).rounded(.up)))
    let powers = Int((low - 1e-9).rounded(.up))...Int((high + 1e-9).rounded(.down))
    while every > 1, powers.filter({ $0 % every == 0 }).count < 2 { every -= 1 }
    return powers.filter { $0 % every == 0 && pow(10, Double($0)) > 0 }.map { power in
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

  /// Labels with as many digits as the step needs, and a true minus sign; the values are in units of ten to `power`.
  private static func labels(_ values: [Double], step: Double, power unit: Int) -> [String] {
    let largest = values.map(abs).max() ?? 0
    let isFar = unit != 0 || largest >= 1e5 || (largest > 0 && largest < 1e-3)
    // With many more digits than a power of ten would save, plain numbers are easier to tell apart.
    if isFar && (unit != 0 || largest / step < 2e4) {
      let power = largest > 0 ? Int(Foundation.log10(largest).rounded(.down)) : 0
      // As many as tell neighbouring ticks apart, and no more than a number has.
      let digits = min(17, max(2, Int(Foundation.log10(largest / step).rounded(.up)) + 2))
      return values.map { value in
        let mantissa = value / pow(10, Double(power))
        return value == 0
          ? "0"
          : (largest / step < 2e4
            ? plain((mantissa * 1e6).rounded() / 1e6)
            : String(format: "%.\(digits)g", mantissa).replacing("-", with: "−")) + "·10"
            + superscript(power + unit)
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
