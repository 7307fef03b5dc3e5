import Foundation

/// A colour in sRGB, components 0 … 1.
public struct Color: Sendable, Hashable {
  /// Red, green, blue and opacity.
  public var red: Double, green: Double, blue: Double, alpha: Double

  /// A colour from its components.
  public init(_ red: Double, _ green: Double, _ blue: Double, alpha: Double = 1) {
    (self.red, self.green, self.blue, self.alpha) = (red, green, blue, alpha)
  }

  /// A colour from `0xRRGGBB`.
  public init(hex: Int, alpha: Double = 1) {
    self.init(
      Double(hex >> 16 & 255) / 255, Double(hex >> 8 & 255) / 255, Double(hex & 255) / 255,
      alpha: alpha)
  }

  /// The same colour with another opacity.
  public func opacity(_ alpha: Double) -> Color { Color(red, green, blue, alpha: alpha) }

  /// The colour as `0xRRGGBB`, without its opacity.
  var packed: UInt32 {
    func byte(_ c: Double) -> UInt32 { UInt32((min(max(c, 0), 1) * 255).rounded()) }
    return byte(red) << 16 | byte(green) << 8 | byte(blue)
  }

  /// Relative luminance (WCAG 2.1).
  public var luminance: Double {
    func linear(_ c: Double) -> Double {
      c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4)
    }
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
  }

  /// Contrast with another colour, 1 … 21 (WCAG 2.1).
  public func contrast(with other: Color) -> Double {
    let (a, b) = (luminance, other.luminance)
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)
  }
}
