/// When a recorder commits, merges and waits.
public struct RecorderLimits: Sendable {
  /// Bytes of memory for rows on their way to disk, filtered or not yet, beyond which appending waits.
  public var bytes: Int
  /// Bytes of rows after which ``Recorder/tick()`` commits.
  public var commitBytes: Int
  /// Seconds after which ``Recorder/tick()`` commits.
  public var commitSeconds: Double
  /// Parts beyond which old ones are merged.
  public var partCount: Int

  /// 128 MiB, 64 MiB, 30 s and 64 parts unless told otherwise.
  public init(
    bytes: Int = 128 << 20, commitBytes: Int = 64 << 20, commitSeconds: Double = 30,
    partCount: Int = 64
  ) {
    (self.bytes, self.commitBytes) = (bytes, commitBytes)
    (self.commitSeconds, self.partCount) = (commitSeconds, partCount)
  }
}
