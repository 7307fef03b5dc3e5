import Arrays
import Checkpoints
import Kernels

/// Weights between those of two networks of one shape: (1 - f) a + f b, element by element.
struct MixedWeights: TensorFile {
  let first: any TensorFile
  let second: any TensorFile
  let fraction: Double

  var path: String { first.path }
  var format: CheckpointFormat { first.format }
  var tensors: [TensorInfo] { first.tensors }

  func info(_ name: String) -> TensorInfo? { first.info(name) }

  func read(_ name: String, rows: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    let a = try first.floats(name, rows: rows).elements
    let b = try second.floats(name, rows: rows).elements
    let fraction = fraction
    // The end is itself to the bit.
    let mixed =
      fraction == 1
      ? b : zip(a, b).map { Float((1 - fraction) * Double($0) + fraction * Double($1)) }
    mixed.withUnsafeBytes { target.copyMemory(from: $0) }
  }
}

/// The matrices of a network with independent Gaussian elements of the same norm in their place; gains and biases are its own.
struct RandomWeights: TensorFile {
  private let base: any TensorFile
  private let seed: UInt64
  /// Root mean square of each matrix, and its number, by name.
  private let scales: [String: (scale: Float, number: UInt64)]

  var path: String { base.path }
  var format: CheckpointFormat { base.format }
  var tensors: [TensorInfo] { base.tensors }

  /// Reads every matrix once.
  init(_ base: any TensorFile, seed: UInt64) throws {
    (self.base, self.seed) = (base, seed)
    var scales: [String: (Float, UInt64)] = [:]
    for (number, tensor) in base.tensors.enumerated() where tensor.shape.count > 1 {
      var square = 0.0
      let step = max(1, (1 << 20) / max(tensor.rowElementCount, 1))
      for start in stride(from: 0, to: tensor.rowCount, by: step) {
        let rows = start..<min(start + step, tensor.rowCount)
        for value in try base.floats(tensor.name, rows: rows).elements {
          square += Double(value) * Double(value)
        }
      }
      let scale = Float((square / Double(max(tensor.count, 1))).squareRoot())
      scales[tensor.name] = (scale, UInt64(number))
    }
    self.scales = scales
  }

  func info(_ name: String) -> TensorInfo? { base.info(name) }

  func read(_ name: String, rows: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    guard let (scale, number) = scales[name], let info = info(name) else {
      return try base.read(name, rows: rows, into: target)
    }
    // A draw takes one block of the counter, so that any rows can be drawn by themselves.
    var random = Philox(
      seed: seed, stream: 0x6e75_6c6c << 32 | number,
      counter: UInt64(rows.lowerBound * info.rowElementCount))
    let values = (0..<rows.count * info.rowElementCount).map { _ in scale * Float(random.normal()) }
    values.withUnsafeBytes { target.copyMemory(from: $0) }
  }
}
