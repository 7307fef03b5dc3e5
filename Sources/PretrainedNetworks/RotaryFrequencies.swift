import Checkpoints
import Foundation

/// Angles a position of rotary embeddings (Su et al. 2021), in single precision as `transformers` computes them: at far
/// positions the rounding of a frequency shows.
enum RotaryFrequencies {
  /// - Parameters:
  ///   - settings: with `rope_parameters`, or `rope_theta` and `rope_scaling`.
  ///   - width: channels of a head that are turned, an even number.
  static func read(
    _ settings: Settings, width: Int, positionCount: Int, theta fallback: Double = 10_000,
    thetaKey: String = "rope_theta"
  ) throws -> [Float] {
    let inner = try settings.inner("rope_parameters") ?? settings.inner("rope_scaling")
    let outer = try settings.number(thetaKey, default: fallback)
    let theta = try inner?.number("rope_theta", default: outer) ?? outer
    guard width > 0, width % 2 == 0, width <= 1 << 16, theta > 0 else {
      throw CheckpointError(
        .mismatch, file: settings.path,
        expected: "an even number of channels to turn, at most 65,536, and theta above 0",
        found: "\(width) and \(theta)", remedy: "fetch config.json again, of the same revision")
    }
    let plain = (0..<width / 2).map {
      1 / pow(Float(theta), Float(2 * $0) / Float(width))
    }
    guard let inner else { return plain }
    let type = try inner.text("rope_type", "type", default: "default")
    switch type {
    case "default": return plain
    case "linear":
      let factor = Float(try inner.number("factor"))
      return plain.map { $0 / factor }
    case "llama3": return try llama3(plain, inner, positionCount)
    default:
      throw CheckpointError(
        .unsupported, file: settings.path, expected: "rope_type default, linear or llama3",
        found: CheckpointError.shown(type), remedy: "this variant is not supported")
    }
  }

  /// Llama 3.1: long waves are slowed down by `factor`, short ones kept, those between blended.
  private static func llama3(
    _ plain: [Float], _ settings: Settings, _ positionCount: Int
  ) throws -> [Float] {
    let factor = Float(try settings.number("factor"))
    let low = Float(try settings.number("low_freq_factor"))
    let high = Float(try settings.number("high_freq_factor"))
    let length = Float(
      try settings.count("original_max_position_embeddings", default: positionCount))
    return plain.map { frequency in
      let wave = 2 * Float.pi / frequency
      if wave > length / low { return frequency / factor }
      if wave < length / high { return frequency }
      let share = (length / wave - low) / (high - low)
      return (1 - share) * frequency / factor + share * frequency
    }
  }
}
