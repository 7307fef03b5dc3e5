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
  /// Data series, safe for colour-blind readers (after Okabe & Ito 2008, adjusted to the background).
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
    series: [0x0072B2, 0xC44E00, 0x00795A, 0x9C4A80, 0x8A6D00, 0x2F8FC4, 0x444444].map {
      Color(hex: $0)
    }, null: Color(hex: 0x6E6E6E))

  /// Light on near-black.
  public static let dark = Theme(
    name: "dark", background: Color(hex: 0x14161A), foreground: Color(hex: 0xECECEC),
    muted: Color(hex: 0xA8A8A8), grid: Color(hex: 0x31343A), missing: Color(hex: 0x55585E),
    series: [0x56B4E9, 0xF08A3C, 0x2FBF91, 0xDB8FBE, 0xE3C23B, 0x9AD0F5, 0xD0D0D0].map {
      Color(hex: $0)
    }, null: Color(hex: 0x9A9A9A))

  /// The series colour number `index`, round and round.
  public func color(_ index: Int) -> Color { series[index % series.count] }
}
