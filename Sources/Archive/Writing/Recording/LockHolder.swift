import Foundation

/// Who writes a folder: what stands in its lock file, for people, and for processes of other machines that a lock of the system does
/// not reach.
package struct LockHolder: Sendable, Equatable {
  /// Different for every lock that was ever taken.
  package var token = UUID().uuidString
  /// The machine by name, and which start of it; process numbers count within a namespace.
  package var host: String, boot: String, namespace: String
  /// The process, and when it was born in the machine's own ticks: numbers are used again.
  package var process: Int32, born: String
  /// Since when, UTC.
  package var since: String
  /// Slurm's job, `12_3 restart 1`; empty outside of Slurm.
  package var job: String
  /// Counts up while the process lives.
  package var beat = 0

  /// This process.
  package static var current: LockHolder {
    let environment = ProcessInfo.processInfo.environment
    var job = environment["SLURM_JOB_ID"] ?? ""
    if let array = environment["SLURM_ARRAY_JOB_ID"], let task = environment["SLURM_ARRAY_TASK_ID"]
    {
      job = "\(array)_\(task)"
    }
    if !job.isEmpty, let count = environment["SLURM_RESTART_COUNT"], count != "0" {
      job += " restart \(count)"
    }
    let own = ProcessInfo.processInfo
    // The name as it is: ProcessInfo's asks a name server.
    var name = [CChar](repeating: 0, count: 256)
    _ = gethostname(&name, 255)
    let host = String(
      decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return LockHolder(
      host: host, boot: line("/proc/sys/kernel/random/boot_id"),
      namespace: (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid"))
        ?? "",
      process: own.processIdentifier, born: birth(own.processIdentifier),
      since: ISO8601DateFormatter().string(from: Date()), job: job)
  }

  package init(
    host: String, boot: String, namespace: String, process: Int32, born: String, since: String,
    job: String
  ) {
    (self.host, self.boot, self.namespace) = (host, boot, namespace)
    (self.process, self.born, self.since, self.job) = (process, born, since, job)
  }

  private static func line(_ path: String) -> String {
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// When a process was born, in ticks since the machine's start: the 22nd word of /proc/N/stat, counted after the name, which may hold
  /// spaces. Empty when there is no such process.
  private static func birth(_ process: Int32) -> String {
    let words =
      line("/proc/\(process)/stat").split(separator: ")").last?.split(separator: " ") ?? []
    return words.count > 19 ? String(words[19]) : ""
  }

  /// Whether its process may still run on this machine; nil where that cannot be seen from here.
  func isAlive(seenBy observer: LockHolder) -> Bool? {
    // Another start of a machine of this name may be another machine: many are called by one name.
    guard boot == observer.boot, namespace == observer.namespace else { return nil }
    return !born.isEmpty && Self.birth(process) == born
  }

  /// For people.
  var words: String {
    "process \(process) on \(host), since \(since)" + (job.isEmpty ? "" : ", Slurm job \(job)")
  }

  // MARK: - The lock file's text

  /// All of it, a line a fact; of the same length at every beat.
  var text: String {
    """
    token \(token)
    host \(host)
    boot \(boot)
    namespace \(namespace)
    process \(process)
    born \(born)
    since \(since)
    job \(job)
    beat \(String(format: "%012d", beat))

    """
  }

  /// Reads ``text``; nil for anything else.
  init?(_ text: String) {
    var facts: [Substring: String] = [:]
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
      facts[words[0]] = words.count > 1 ? String(words[1]) : ""
    }
    guard let token = facts["token"], let host = facts["host"], let boot = facts["boot"],
      let process = facts["process"].flatMap({ Int32($0) }),
      let beat = facts["beat"].flatMap({ Int($0) })
    else { return nil }
    self.init(
      host: host, boot: boot, namespace: facts["namespace"] ?? "", process: process,
      born: facts["born"] ?? "", since: facts["since"] ?? "", job: facts["job"] ?? "")
    (self.token, self.beat) = (token, beat)
  }
}
