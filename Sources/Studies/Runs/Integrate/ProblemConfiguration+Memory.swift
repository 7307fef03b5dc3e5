import Console
import Dynamics
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

  /// Bytes that `stepper` needs at once: copies of the state for the stages of a step, its error, transforms and what is on its
  /// way to disk (measured, grids of 3 million cells: 11 to 20 copies, by stepper and terms; the most is taken), and for
  /// tokens their weights, which are as many as pairs of tokens (measured at 5,000 tokens: 2.8 matrices). Methods that work
  /// with diffusion's modes hold a matrix an axis.
  func memory(_ stepper: Integration.Method) -> Double {
    let bytes = 20 * 8 * Double(size.count)
    switch self {
    case .tokens(let count, _, _): return bytes + 3 * 8 * Double(count) * Double(count)
    case .grid(let rows, let columns, _, _, _) where stepper.usesModes:
      return bytes + 8 * [rows, columns].reduce(0) { $0 + Double($1) * Double($1) }
    case .grid, .gaussian: return bytes
    }
  }

  /// Refuses what a machine of so many bytes cannot hold, before anything of its size is allocated.
  func checkMemory(
    _ stepper: Integration.Method, of machine: UInt64 = ProcessInfo.processInfo.physicalMemory
  ) throws {
    let memory = memory(stepper)
    guard memory > Double(machine) else { return }
    let key =
      switch self {
      case .grid: "grid"
      case .tokens: "tokens"
      case .gaussian: "gaussian.mean"
      }
    throw UsageError(
      "\(key): \(size.count) numbers take about \(Format.bytes(Int(memory))) to integrate "
        + "with \(stepper.rawValue), and this machine has \(Format.bytes(Int(clamping: machine))); choose a smaller one"
    )
  }
}
