import Console
import Foundation

/// What the tasks of a study ask of Slurm.
public struct SlurmRequest: Sendable {
  /// Partition and time limit, as `sbatch` takes them; nil for the cluster's own.
  public var partition: String?, time: String?
  /// Tasks of an array that run at the same time; nil for as many as the cluster lets run.
  public var arrayLimit: Int?
  /// Chains that one task makes, one after another.
  public var pack = 1
  /// Processors of a task.
  public var threads = 1
  /// Memory of a task, GB; nil for the cluster's own.
  public var memory: Double?
  /// Further options of `sbatch`, `--account=physics` for example.
  public var options: [String] = []

  /// One processor a task and the cluster's defaults.
  public init() {}

  /// The options as `sbatch` reads them, in a script or on its command line; without array and dependency.
  var directives: [String] {
    var list = ["--nodes=1", "--ntasks=1", "--cpus-per-task=\(threads)"]
    if let partition { list.append("--partition=\(partition)") }
    if let time { list.append("--time=\(time)") }
    if let memory { list.append("--mem=\(Int((memory * 1000).rounded(.up)))M") }
    return list + options
  }

  /// Refuses what would not stand in one line of a script.
  /// - Throws: ``Console/UsageError``
  public func check() throws {
    for (name, value) in [("--partition", partition), ("--time", time)] {
      guard let value else { continue }
      guard !value.isEmpty, value.allSatisfy({ $0.isASCII && !$0.isWhitespace }) else {
        throw UsageError("\(name) \(value): one word is expected, as sbatch takes it")
      }
    }
    for option in options where !option.hasPrefix("-") || option.contains(where: \.isNewline) {
      throw UsageError(
        "--sbatch \(option): an option of sbatch is expected, for example --sbatch=--account=NAME")
    }
  }
}
