import Arrays
import Console
import Foundation

/// The programs of Slurm, run as a user would.
enum SlurmProgram {
  /// Where the program `name` lies on the search path; nil where it does not.
  static func find(_ name: String) -> String? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return path.split(separator: ":").map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// What the program prints.
  /// - Throws: ``StudyError`` when it is not there or fails, with what it said.
  static func run(_ name: String, _ arguments: [String]) throws -> String {
    guard let path = find(name) else {
      throw StudyError(
        message:
          "\(name) is not on the search path: this is no login node of a Slurm cluster, or its module is not loaded"
      )
    }
    // Its jobs are no children of ours: they must not watch for our end.
    let printed = try ChildProgram.run(path, arguments, watching: false)
    try StopRequest.check()
    guard printed.ending == .status(0) else {
      let text = String(decoding: printed.errors, as: UTF8.self)
      throw StudyError(
        message: "\(name) \(arguments.joined(separator: " ")) failed: "
          + text.trimmingCharacters(in: .whitespacesAndNewlines))
    }
    return String(decoding: printed.output, as: UTF8.self)
  }
}

/// Tasks that Slurm has not ended yet.
struct SlurmQueue {
  /// One of them.
  struct Task: Equatable {
    /// Slurm's word: PENDING, RUNNING, COMPLETING.
    var state: String
    /// Why it waits.
    var reason: String
    /// Where it runs; empty while it waits.
    var node: String
  }

  /// By the id of the array's job, then by index; a job without array has the index 0.
  private let tasks: [String: [Int: Task]]

  /// Asks `squeue` for everything of this user.
  static func read() throws -> SlurmQueue {
    try SlurmQueue(
      SlurmProgram.run(
        "squeue",
        ["--noheader", "--array", "--user=\(getuid())", "--format=%F|%K|%T|%r|%N"]))
  }

  /// Reads lines `JOB|INDEX|STATE|REASON|NODES`.
  init(_ text: String) {
    var tasks: [String: [Int: Task]] = [:]
    for line in text.split(separator: "\n") {
      let cells = line.split(separator: "|", omittingEmptySubsequences: false).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      guard cells.count == 5 else { continue }
      tasks[cells[0], default: [:]][Int(cells[1]) ?? 0] = Task(
        state: cells[2], reason: cells[3], node: cells[4])
    }
    self.tasks = tasks
  }

  /// The task `index` of the job `id`; nil where Slurm has ended it, or knows of none.
  func task(_ id: String, _ index: Int) -> Task? { tasks[id]?[index] }

  /// Whether anything of the job is left.
  func has(_ id: String) -> Bool { tasks[id] != nil }
}
