import Console
import Foundation

/// Hands what is missing of a study to Slurm: an array whose tasks make one chain each (case, variant, seed: training, fits, estimates,
/// analyses), then a job that sums up, however the tasks have ended. Nothing stays behind here.
public struct SlurmSubmission {
  /// What was handed over.
  public struct Outcome: Sendable {
    /// Chains that are made already, that are in the queue or run, and that were submitted now.
    public var made = 0, queued = 0, submitted = 0
    /// Numbers that Slurm gave the arrays, and the job that sums up.
    public var arrays: [String] = []
    /// The job that sums up; nil where nothing was submitted.
    public var summary: String?
    /// Where job list, scripts and logs lie.
    public var folder: String?
  }

  private let jobs: [StudyJob]
  private let study: String, folder: String
  private let command: [String]
  private let request: SlurmRequest

  /// The submission of `jobs` of the study called `study` below `folder`; a task runs `command`, the program and its arguments, with
  /// `--chain NAME`.
  /// - Throws: ``Console/UsageError`` for what no script can hold.
  public init(
    _ jobs: [StudyJob], study: String, folder: String, command: [String], _ request: SlurmRequest
  ) throws {
    try request.check()
    let working = FileManager.default.currentDirectoryPath
    for path in [folder, working]
    where path.contains(where: { $0.isNewline || "\"\\\t".contains($0) }) {
      throw UsageError(
        "\(path): a folder's name must not hold quotes, backslashes or ends of lines to be named in a script of Slurm"
      )
    }
    (self.jobs, self.study, self.folder) = (jobs, study, folder)
    (self.command, self.request) = (command, request)
  }

  private func script(_ folder: String) -> SlurmScript {
    let name = study.map {
      $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "-"
    }
    return SlurmScript(
      jobName: "isotherm-" + String(name), workingFolder: FileManager.default.currentDirectoryPath,
      command: command, folder: folder, request: request)
  }

  /// The script of a task that makes what is missing now, with its job list inside, and how to hand it over; for people who edit it.
  /// Writes nothing.
  public func printedScript() throws -> String {
    let chains = try missing(inventory()).map(\.name)
    let tasks = packed(chains)
    let script = script(SlurmRecord.place(folder) + "/by-hand")
    let limit = request.arrayLimit.map { "%\($0)" } ?? ""
    let words = """
      # \(chains.count) chains in \(tasks.count) tasks are missing now. To hand them over:
      #   mkdir -p \(SlurmScript.quoted(script.folder))
      #   sbatch --array=0-\(max(0, tasks.count - 1))\(limit) SCRIPT
      # and, when the tasks have ended, \(SlurmScript.quoted(command + ["--summary"]))

      """
    var lines = script.task(tasks).split(separator: "\n", omittingEmptySubsequences: false)
    let place = lines.firstIndex { !$0.hasPrefix("#!") && !$0.hasPrefix("#SBATCH") } ?? lines.count
    lines.insert(contentsOf: words.split(separator: "\n"), at: place)
    return lines.joined(separator: "\n")
  }

  /// Submits what is neither made nor in the queue.
  /// - Throws: ``StudyError`` when a data set is missing or Slurm refuses; ``Console/UsageError`` when an archive that is there is of
  ///   another study.
  public func run(_ progress: ProgressLine) throws -> Outcome {
    // Before anything is made: where there is no Slurm, nothing is left.
    _ = try SlurmQueue.read()
    // Of two that submit at the same moment the second sees what the first has handed over.
    let lock = try SlurmRecord.lock(folder)
    defer { lock.release() }
    let queue = try SlurmQueue.read()
    var outcome = Outcome()
    let inventory = try inventory()
    let missing = missing(inventory)
    outcome.made = StudyChain.all(jobs).count - missing.count
    let records = try SlurmRecord.all(folder)
    let busy = Set(records.flatMap { Self.busy($0, queue) })
    let due = missing.map(\.name).filter { !busy.contains($0) }
    outcome.queued = missing.count - due.count
    for note in Set(try missing.flatMap(\.jobs).compactMap { try jobs[$0].checkData() }).sorted() {
      progress.note(note)
    }
    let isSummed = jobs.indices.allSatisfy { jobs[$0].chain != nil || inventory.isDone[$0] }
    // Tasks that are queued already have their own summary behind them.
    guard !due.isEmpty || (outcome.queued == 0 && !isSummed) else { return outcome }
    var record = try SlurmRecord(new: folder, study: study, tasks: packed(due))
    let script = script(record.folder)
    try write(script.task(), record.folder + "/task.sh")
    try write(script.summary, record.folder + "/summary.sh")
    do {
      try submit(&record, &outcome)
      let running = records.flatMap { $0.arrays.map(\.id) }.filter(queue.has)
      let before = running + outcome.arrays
      let id = try Self.sbatch(
        (before.isEmpty ? [] : ["--dependency=afterany:" + before.joined(separator: ":")])
          + [record.folder + "/summary.sh"])
      try record.add(summary: id)
      outcome.summary = id
    } catch {
      // Nothing of it is in Slurm's hands: nothing of it is left.
      if record.arrays.isEmpty { try? FileManager.default.removeItem(atPath: record.folder) }
      throw error
    }
    (outcome.submitted, outcome.folder) = (due.count, record.folder)
    return outcome
  }

  private func submit(_ record: inout SlurmRecord, _ outcome: inout Outcome) throws {
    let most = Self.largestArray()
    for first in stride(from: 0, to: record.tasks.count, by: most) {
      let count = min(most, record.tasks.count - first)
      var options = ["--array=0-\(count - 1)" + (request.arrayLimit.map { "%\($0)" } ?? "")]
      // The limit holds for one array: the next waits until it has ended.
      if request.arrayLimit != nil, let last = outcome.arrays.last {
        options.append("--dependency=afterany:\(last)")
      }
      let id = try Self.sbatch(options + [record.folder + "/task.sh", String(first)])
      try record.add(SlurmRecord.Array(id: id, first: first, count: count))
      outcome.arrays.append(id)
    }
  }

  /// Submits, and returns the job's number.
  private static func sbatch(_ arguments: [String]) throws -> String {
    let text = try SlurmProgram.run("sbatch", ["--parsable"] + arguments)
    // NUMBER, or NUMBER;CLUSTER.
    let first = text.split(whereSeparator: { ";\n".contains($0) }).first.map(String.init) ?? ""
    let id = first.trimmingCharacters(in: .whitespaces)
    guard !id.isEmpty, id.allSatisfy(\.isNumber) else {
      throw StudyError(
        message: "sbatch --parsable printed «\(text.prefix(200))» in place of a job's number")
    }
    return id
  }

  /// Most tasks of an array: its indices stay below Slurm's `MaxArraySize`, 1,001 where it is not said.
  private static func largestArray() -> Int {
    let text = (try? SlurmProgram.run("scontrol", ["show", "config"])) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("MaxArraySize") }
    let value = line?.split(separator: "=").last.flatMap {
      Int($0.trimmingCharacters(in: .whitespaces))
    }
    return max(1, value ?? 1001)
  }

  /// Chains of a submission that wait or run.
  private static func busy(_ record: SlurmRecord, _ queue: SlurmQueue) -> [String] {
    record.tasks.indices.flatMap { task -> [String] in
      guard let job = record.job(task), queue.task(job.id, job.index) != nil else { return [] }
      return record.tasks[task]
    }
  }

  private func packed(_ chains: [String]) -> [[String]] {
    stride(from: 0, to: chains.count, by: request.pack).map {
      Array(chains[$0..<min($0 + request.pack, chains.count)])
    }
  }

  /// What is there. - Throws: ``Console/UsageError`` when an archive is of another study.
  private func inventory() throws -> StudyInventory {
    let inventory = StudyInventory(jobs)
    if let problem = inventory.problems.min(by: { $0.key < $1.key }) {
      throw UsageError(problem.value)
    }
    return inventory
  }

  private func missing(_ inventory: StudyInventory) -> [StudyChain] {
    StudyChain.all(jobs).filter { !$0.jobs.allSatisfy { inventory.isDone[$0] } }
  }

  private func write(_ text: String, _ path: String) throws {
    do {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    } catch {
      throw StudyError(message: "cannot write \(path): \(error.localizedDescription)")
    }
  }
}
