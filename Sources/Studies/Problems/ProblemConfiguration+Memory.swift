import Console
import Foundation

extension ProblemConfiguration.State {
  /// Numbers of the state, and how many make a cell or token.
  var size: (count: Int, channels: Int) {
    switch self {
    case .grid(let rows, let columns, _, _, let channels):
      (rows * columns * channels, channels)
    case .tokens(let count, let dimension, _): (count * dimension, dimension)
    case .gaussian(let mean, _): (2 * mean.count, 2 * mean.count)
    }
  }

  /// Bytes that are needed at once: copies of the state for the stages of a step, its error, transforms and what is on its
  /// way to disk (measured, grids of 3 million cells: 11 to 20 copies, by stepper and terms; the most is taken), and for
  /// tokens their weights, which are as many as pairs of tokens (measured at 5,000 tokens: 2.8 matrices).
  var memory: Double {
    var bytes = 20 * 8 * Double(size.count)
    if case .tokens(let count, _, _) = self { bytes += 3 * 8 * Double(count) * Double(count) }
    return bytes
  }

  /// Refuses what a machine of so many bytes cannot hold, before anything of its size is allocated.
  func checkMemory(of machine: UInt64 = ProcessInfo.processInfo.physicalMemory) throws {
    guard memory > Double(machine) else { return }
    let key =
      switch self {
      case .grid: "grid"
      case .tokens: "tokens"
      case .gaussian: "gaussian.mean"
      }
    throw UsageError(
      "\(key): \(size.count) numbers take about \(Format.bytes(Int(memory))) to integrate, and this "
        + "machine has \(Format.bytes(Int(clamping: machine))); choose a smaller one")
  }
}
