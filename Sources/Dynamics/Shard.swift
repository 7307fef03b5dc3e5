/// The samples of one integration, and how much of each is not padding.
public struct Shard: @unchecked Sendable {
  /// Number of samples.
  public let samples: Int
  /// Positions of each sample that are not padding, `[sample]`; nil when nothing is.
  let lengths: UnsafePointer<Int32>?

  /// `samples` samples; `lengths` must outlive the shard.
  public init(samples: Int, lengths: UnsafePointer<Int32>? = nil) {
    (self.samples, self.lengths) = (samples, lengths)
  }

  /// Positions of a sample that are not padding; nil for all.
  public func length(_ sample: Int) -> Int? { lengths.map { Int($0[sample]) } }
}
