import Kernels

/// Where a trainer gets its samples; implemented over whatever holds them.
public protocol SampleSource<Scalar>: Sendable {
  /// The scalar the network computes in.
  associatedtype Scalar: KernelScalar
  /// Number of samples.
  var count: Int { get }
  /// Writes one sample and its targets.
  func write(_ index: Int, to slot: SampleSlot<Scalar>)
  /// Targets of one sample that count in the loss: 1, or the positions whose next token is known.
  func targetCount(_ index: Int) -> Int
}

extension SampleSource {
  /// One class a sample.
  public func targetCount(_ index: Int) -> Int { 1 }
}
