/// Colours of everything that is not data.
public struct Theme: Sendable {
  /// Name for options: `light` or `dark`.
  public let name: String
  /// Behind everything.
  public let background: Color
  /// Text and axis lines.
  public let foreground: Color
  /// Secondary text.
  public let muted: Color
  /// Grid lines.
  public let grid: Color
  /// Values that are not a number.
  public let missing: Color
  /// Data series: hues that stay apart for readers with protanopia and deuteranopia too (after Okabe & Ito 2008, adjusted to the
  /// background); a test measures it.
  public let series: [Color]
  /// Nulls and references.
  public let null: Color
  /// Colours of lines that follow a quantity: viridis without the end that is lost on the background.
  public var sequence: ColorMap {
    ColorMap.viridis.part(background.luminance > 0.5 ? 0...0.88 : 0.3...1)
  }

  /// Dark on white.
  public static let light = Theme(
    name: "light", background: Color(hex: 0xFFFFFF), foreground: Color(hex: 0x1A1A1A),
    muted: Color(hex: 0x5A5A5A), grid: Color(hex: 0xE4E4E4), missing: Color(hex: 0xC0C0C0),
    series: [0x0072B2, 0xD45500, 0x007A5E, 0xC2559A, 0x3B2A8C, 0x5E3B00].map {
      Color(hex: $0)
    }, null: Color(hex: 0x6E6E6E))

  /// Light on near-black.
  public static let dark = Theme(
    name: "dark", background: Color(hex: 0x14161A), foreground: Color(hex: 0xECECEC),
    muted: Color(hex: 0xA8A8A8), grid: Color(hex: 0x31343A), missing: Color(hex: 0x55585E),
    series: [0x4FA8E8, 0xF0803C, 0x2FBF91, 0xF0A6D6, 0xF2DE6A, 0x8F6CF0].map {
      Color(hex: $0)
    }, null: Color(hex: 0x9A9A9A))

  /// The series colour number `index`, round and round.
  public func color(_ index: Int) -> Color { series[index % series.count] }

  /// The line of series number `index`; past the colours, lines have long dashes, which no null has.
  public func line(_ index: Int, width: Double = 1.4) -> Panel.LineStyle {
    let dashes: [[Double]] = [[], [11, 2.5], [11, 2.5, 3, 2.5]]
    return .init(
      color(index), width: width, dash: dashes[min(index / series.count, dashes.count - 1)])
  }

  /// The line of null number `index`: grey and dashed in every figure, and nothing else is; its points are rings.
  public func nullLine(_ index: Int = 0, width: Double = 1.2) -> Panel.LineStyle {
    let dashes: [[Double]] = [[1, 2.2], [4, 2.5], [7, 2, 1.5, 2], [2.2, 1.2]]
    return .init(null, width: width, dash: dashes[index % dashes.count])
  }

  /// The line of what is neither measured nor a null, as a claim or a chord: thin, in ink.
  public var reference: Panel.LineStyle { .init(foreground.opacity(0.8), width: 0.8) }
}
