/// A map from 0 … 1 to colours.
///
/// Tables: viridis, magma (Smith & van der Walt, CC0), cividis, twilight (matplotlib, CC0), RdBu (ColorBrewer, Apache-2.0), each at
/// 33 equal steps with straight lines in sRGB between them.
public struct ColorMap: Sendable {
  /// Name for provenance and options.
  public let name: String
  private let colors: [Color]

  private init(_ name: String, _ table: [Int]) {
    self.name = name
    colors = table.map { Color(hex: $0) }
  }

  private init(_ name: String, _ colors: [Color]) { (self.name, self.colors) = (name, colors) }

  /// This map's part between two places, stretched: for lines, which must stand out from the background.
  public func part(_ range: ClosedRange<Double>) -> ColorMap {
    let step = (range.upperBound - range.lowerBound) / Double(colors.count - 1)
    return ColorMap(name, colors.indices.map { color(range.lowerBound + Double($0) * step) })
  }

  /// The colour at `value`, clamped to 0 … 1; grey for NaN.
  public func color(_ value: Double) -> Color {
    guard !value.isNaN else { return Color(0.5, 0.5, 0.5) }
    let place = min(max(value, 0), 1) * Double(colors.count - 1)
    let low = min(Int(place), colors.count - 2)
    let share = place - Double(low)
    let (a, b) = (colors[low], colors[low + 1])
    return Color(
      a.red + share * (b.red - a.red), a.green + share * (b.green - a.green),
      a.blue + share * (b.blue - a.blue))
  }

  /// Perceptually uniform, for magnitudes.
  public static let viridis = ColorMap(
    "viridis",
    [
      0x440154, 0x470D60, 0x48186A, 0x482374, 0x472D7B, 0x453781, 0x424086, 0x3E4989,
      0x3B528B, 0x375B8D, 0x33638D, 0x2F6B8E, 0x2C728E, 0x297A8E, 0x26828E, 0x23898E,
      0x21918C, 0x1F988B, 0x1FA088, 0x22A785, 0x28AE80, 0x32B67A, 0x3FBC73, 0x4EC36B,
      0x5EC962, 0x70CF57, 0x84D44B, 0x98D83E, 0xADDC30, 0xC2DF23, 0xD8E219, 0xECE51B,
      0xFDE725,
    ])

  /// Perceptually uniform, dark at 0.
  public static let magma = ColorMap(
    "magma",
    [
      0x000004, 0x030312, 0x0A0822, 0x130D34, 0x1D1147, 0x29115A, 0x36106B, 0x440F76,
      0x51127C, 0x5D177F, 0x6A1C81, 0x762181, 0x832681, 0x902A81, 0x9C2E7F, 0xAA337D,
      0xB73779, 0xC43C75, 0xD0416F, 0xDC4869, 0xE75263, 0xEF5D5E, 0xF56B5C, 0xF9795D,
      0xFC8961, 0xFD9869, 0xFEA772, 0xFEB67C, 0xFEC488, 0xFED395, 0xFDE2A3, 0xFCF0B2,
      0xFCFDBF,
    ])

  /// Uniform also for colour-blind readers (Nuñez et al. 2018).
  public static let cividis = ColorMap(
    "cividis",
    [
      0x00224E, 0x00285B, 0x002E6A, 0x053371, 0x1A386F, 0x273E6E, 0x32436D, 0x3B496C,
      0x434E6C, 0x4B546C, 0x535A6D, 0x5A5F6E, 0x61656F, 0x686A71, 0x6F7073, 0x767676,
      0x7D7C78, 0x848279, 0x8C8878, 0x938E78, 0x9B9476, 0xA39A74, 0xABA072, 0xB4A76F,
      0xBCAE6C, 0xC4B468, 0xCDBB63, 0xD5C25E, 0xDEC958, 0xE7D150, 0xF0D846, 0xF9E03A,
      0xFEE838,
    ])

  /// Diverging from white: blue below, red above.
  public static let diverging = ColorMap(
    "diverging",
    [
      0x053061, 0x0E4179, 0x175290, 0x1F63A8, 0x2A71B2, 0x3480B9, 0x3F8EC0, 0x529DC8,
      0x6BACD1, 0x84BCD9, 0x9BC9E0, 0xAED3E6, 0xC2DDEC, 0xD4E6F1, 0xE0ECF3, 0xECF2F5,
      0xF7F6F6, 0xF9EEE7, 0xFBE5D8, 0xFDDCC9, 0xFBCCB4, 0xF8BB9E, 0xF5AA89, 0xEE9677,
      0xE48066, 0xDB6B55, 0xD05548, 0xC53E3D, 0xBA2832, 0xAB162A, 0x930E26, 0x7C0722,
      0x67001F,
    ])

  /// Cyclic, for phases.
  public static let cyclic = ColorMap(
    "cyclic",
    [
      0xE2D9E2, 0xD7D7DD, 0xC4CED4, 0xACC2CC, 0x95B5C7, 0x81A6C3, 0x7297C1, 0x6887BE,
      0x6276BA, 0x5F64B5, 0x5E51AD, 0x5D3DA1, 0x592A8F, 0x511B77, 0x45135C, 0x381145,
      0x2F1436, 0x3A113A, 0x4A1342, 0x5F174A, 0x741E4F, 0x872750, 0x983550, 0xA64550,
      0xB25652, 0xBB6958, 0xC27C63, 0xC89073, 0xCCA389, 0xD1B6A3, 0xD8C7BE, 0xDFD4D6,
      0xE2D9E2,
    ])
}
