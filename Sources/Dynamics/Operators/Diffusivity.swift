/// D of ∇·(D∇u), spacing²/time of the problem, at least 0.
public enum Diffusivity: Sendable, Equatable {
  /// One number.
  case uniform(Double)
  /// One number a channel.
  case perChannel([Double])
  /// One number a cell `[y, x]`, row by row, for all channels. A face between two cells carries their mean, so mass is kept.
  case perPosition([Double])

  /// All numbers there are.
  var values: [Double] {
    switch self {
    case .uniform(let value): [value]
    case .perChannel(let values), .perPosition(let values): values
    }
  }

  /// D of one channel; nil where it differs between cells.
  func value(channel: Int) -> Double? {
    switch self {
    case .uniform(let value): value
    case .perChannel(let values): values[channel]
    case .perPosition: nil
    }
  }
}
