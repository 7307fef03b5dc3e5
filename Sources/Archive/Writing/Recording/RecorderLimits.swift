/// When a recorder commits, merges and waits.
public struct RecorderLimits: Sendable {
  /// Bytes of memory for rows on their way to disk, filtered or not yet, beyond which appending waits.
  public var bytes: Int
  /// Bytes of rows after which ``Recorder/tick()`` commits.
  public var commitBytes: Int
  /// Seconds after which ``Recorder/tick()`` commits.
  public var commitSeconds: Double
  /// Commits on their way to disk beyond which the next one waits.
  public var pendingCommits: Int
  /// Parts beyond which old ones are merged.
  public var partCount: Int

  /// 128 MiB, 64 MiB, 30 s, 16 commits on their way and 64 parts unless told otherwise.
  public init(
    bytes: Int = 128 << 20, commitBytes: Int = 64 << 20, commitSeconds: Double = 30,
    pendingCommits: Int = 16, partCount: Int = 64
  ) {
    (self.bytes, self.commitBytes) = (bytes, commitBytes)
    (self.commitSeconds, self.pendingCommits) = (commitSeconds, pendingCommits)
    self.partCount = partCount
  }
}
