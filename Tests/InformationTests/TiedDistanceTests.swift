import Information
import Kernels
import Testing

/// Nearest neighbours of layers whose distances are equal but for rounding.
@Suite struct TiedDistanceTests {
  private func layer(_ width: Int, levels: Double?, seed: UInt64) throws -> LayerDistances {
    var random = Philox(seed: seed, stream: 4)
    let values = (0..<60 * width).map { _ -> Float in
      let value = random.uniform()
      return Float(levels.map { (value * $0).rounded(.down) / $0 } ?? value)
    }
    var layer = try LayerDistances(count: 60)
    try layer.add(values)
    return layer
  }

  @Test(arguments: [(1, 3.0), (2, 2), (4, 2), (8, 3)])
  func `equal distances are flagged, others are not`(width: Int, levels: Double) throws {
    let plan = ResamplingPlan(resamples: 4, shuffles: 4, seed: 1)
    let plain = try DistanceKraskov(layer(3, levels: nil, seed: 2))
    for seed in 5..<9 as Range<UInt64> {
      let tied = try DistanceKraskov(layer(width, levels: levels, seed: seed))
      let other = try DistanceKraskov(layer(width, levels: nil, seed: seed))
      #expect(tied.information(with: tied, plan).flags.contains(.ties))
      #expect(!plain.information(with: other, plan).flags.contains(.ties))
    }
  }
}
