import Foundation

/// Numbers for people.
public enum Format {
  /// Fixed digits after the point; a minus sign is U+2212's width-safe ASCII.
  public static func fixed(_ value: Double, _ digits: Int = 3) -> String {
    guard value.isFinite else { return value.isNaN ? "–" : value > 0 ? "∞" : "-∞" }
    let text = String(format: "%.\(digits)f", value)
    // A negative number that rounds to 0 loses its sign.
    return text.hasPrefix("-") && !text.contains { ("1"..."9").contains($0) }
      ? String(text.dropFirst()) : text
  }

  /// About three significant digits.
  public static func short(_ value: Double) -> String {
    guard value.isFinite else { return fixed(value) }
    let size = abs(value)
    if size == 0 { return "0" }
    if size >= 1000 { return String(format: "%.0f", value) }
    if size >= 100 { return String(format: "%.0f", value) }
    if size >= 10 { return String(format: "%.1f", value) }
    if size >= 0.01 { return String(format: "%.2f", value) }
    return String(format: "%.1e", value)
  }

  /// Four significant digits, without trailing zeros.
  public static func digits(_ value: Double) -> String {
    value.isFinite ? String(format: "%.4g", value) : fixed(value)
  }

  /// Seconds as `12 s`, `3 min 20 s`, `2 h 5 min`.
  public static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, abs(seconds) < 1e15 else { return "an unknown time" }
    let whole = Int(seconds.rounded())
    if whole < 1 { return String(format: "%.1f s", max(0, seconds)) }
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }

  /// Bytes as `1.2 MB` (powers of ten).
  public static func bytes(_ count: Int) -> String {
    var (value, unit) = (Double(count), "B")
    for next in ["kB", "MB", "GB", "TB"] where value >= 1000 {
      value /= 1000
      unit = next
    }
    return unit == "B"
      ? "\(count) B" : String(format: value < 10 ? "%.1f %@" : "%.0f %@", value, unit)
  }
}
