import Foundation

/// How far a study is: what its folder holds, and what Slurm does about the rest. Reads files and the queue; no program need have stayed.
public struct StudyStatus: Sendable {
  /// What is known of a chain.
  public enum Stage: String, Sendable, CaseIterable, Encodable {
    /// Every archive is there.
    case made
    /// A task makes it, or waits for its turn.
    case running, waiting
    /// Its task has ended, and something is missing; or its task is gone without a word.
    case failed, lost
    /// Nobody makes it.
    case missing
  }

  /// One chain.
  public struct Row: Sendable, Encodable {
    /// `CASE/VARIANT/seed-N`.
    public var chain: String
    /// Its archives that are there, and how many there will be.
    public var made: Int, of: Int
    /// What is known of it.
    public var stage: Stage
    /// The task, `JOB_INDEX`; nil where there was none.
    public var task: String?
    /// Where it runs, why it waits, what went wrong.
    public var note: String
  }

  /// The chains, and how many summaries are there of how many.
  public let rows: [Row], summaries: Int, summaryCount: Int
  /// What could not be found out.
  public let notes: [String]

  /// Looks at the archives of `jobs` below `folder`, at what was submitted, and at Slurm's queue where there was anything.
  public init(_ jobs: [StudyJob], folder: String) throws {
    let inventory = StudyInventory(jobs)
    let records = try SlurmRecord.all(folder)
    var notes: [String] = []
    var queue: SlurmQueue?
    if !records.isEmpty {
      do { queue = try SlurmQueue.read() } catch let error as StudyError {
        notes.append("\(error)")
      }
    }
    // The youngest submission of a chain speaks for it.
    var places: [String: (record: SlurmRecord, task: Int)] = [:]
    for record in records {
      for (task, chains) in record.tasks.enumerated() where record.job(task) != nil {
        for chain in chains { places[chain] = (record, task) }
      }
    }
    let chains = StudyChain.all(jobs)
    let accounts = Accounts(
      records.flatMap { $0.arrays.map(\.id) },
      isNeeded: queue != nil && chains.contains { places[$0.name] != nil })
    rows = chains.map { chain in
      let made = chain.jobs.count { inventory.isDone[$0] }
      var row = Row(
        chain: chain.name, made: made, of: chain.jobs.count,
        stage: made == chain.jobs.count ? .made : .missing, task: nil, note: "")
      if let problem = chain.jobs.compactMap({ inventory.problems[$0] }).first {
        (row.stage, row.note) = (.failed, problem)
      }
      guard let (record, task) = places[chain.name], let job = record.job(task) else { return row }
      row.task = "\(job.id)_\(job.index)"
      guard row.stage == .missing else { return row }
      (row.stage, row.note) = Self.stage(record, task, job, queue, accounts)
      return row
    }
    let sums = jobs.indices.filter { jobs[$0].chain == nil }
    (summaries, summaryCount) = (sums.count { inventory.isDone[$0] }, sums.count)
    self.notes = notes
  }

  /// What is known of a chain that was submitted and is not made.
  private static func stage(
    _ record: SlurmRecord, _ task: Int, _ job: (id: String, index: Int), _ queue: SlurmQueue?,
    _ accounts: Accounts
  ) -> (Stage, String) {
    if let queued = queue?.task(job.id, job.index) {
      return queued.node.isEmpty
        ? (.waiting, queued.reason)
        : (.running, queued.state == "RUNNING" ? queued.node : "\(queued.node), \(queued.state)")
    }
    let log = record.log(task) ?? ""
    let account = accounts.state(job.id, job.index)
    if let status = record.ending(task) {
      let end = "\(account.map { $0 + ", " } ?? "")status \(status)"
      return (.failed, "\(end): \(lastLine(log)) (\(log))")
    }
    guard queue != nil else { return (.missing, "") }
    return (.lost, "\(account ?? "ended without a word: killed, or its node died") (\(log))")
  }

  /// The last line that the task has printed.
  private static func lastLine(_ path: String) -> String {
    guard let data = FileManager.default.contents(atPath: path) else { return "no log" }
    let lines = String(decoding: data.suffix(4096), as: UTF8.self).split(separator: "\n")
    return lines.last.map { String($0.prefix(300)) } ?? "an empty log"
  }

  /// What Slurm's accounting says of tasks that have ended; a cluster without it says nothing.
  private struct Accounts {
    private var states: [String: String] = [:]

    init(_ jobs: [String], isNeeded: Bool) {
      guard isNeeded, !jobs.isEmpty, SlurmProgram.find("sacct") != nil,
        let text = try? SlurmProgram.run(
          "sacct",
          [
            "--noheader", "--parsable2", "--allocations", "--format=JobID,State",
            "--jobs=" + jobs.joined(separator: ","),
          ])
      else { return }
      for line in text.split(separator: "\n") {
        let cells = line.split(separator: "|", omittingEmptySubsequences: false)
        if cells.count == 2 { states[String(cells[0])] = String(cells[1]) }
      }
    }

    func state(_ job: String, _ index: Int) -> String? { states["\(job)_\(index)"] }
  }
}
