import ArgumentParser
import Console
import Foundation
import Studies

/// How `isotherm study` hands its archives to a cluster, and asks how far they are.
struct SlurmOptions: ParsableArguments {
  /// Who makes the archives.
  enum Engine: String, CaseIterable, ExpressibleByArgument {
    case slurm
  }

  @Option(
    help: ArgumentHelp(
      "slurm: hand what is missing to Slurm, a task for each case, variant and seed, and end.",
      valueName: "engine"))
  var submit: Engine?

  @Flag(help: "Tell what is made, runs, waits and failed, from the files and Slurm's queue.")
  var status = false

  @Flag(help: "Print the script of a task, its job list inside, and stop.")
  var printScript = false

  @Option(help: ArgumentHelp("Slurm's partition.", valueName: "name"))
  var partition: String?

  @Option(
    help: ArgumentHelp("Time limit of a task, as sbatch takes it: 4:00:00.", valueName: "limit"))
  var time: String?

  @Option(help: ArgumentHelp("Tasks that run at the same time.", valueName: "count"))
  var arrayLimit: Int?

  @Option(
    help: ArgumentHelp("Chains a task makes, one after another: short ones.", valueName: "count"))
  var pack: Int?

  @Option(
    name: .customLong("sbatch"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "A further option of sbatch, --sbatch=--account=NAME; may be given again.",
      valueName: "option"))
  var options: [String] = []

  @Option(
    name: .customLong("chain"),
    help: ArgumentHelp(
      "Make only this CASE/VARIANT/seed-N; may be given again.", valueName: "name"))
  var chains: [String] = []

  @Flag(help: "Make only the summaries; what they lack is named.")
  var summary = false

  /// Whether something else than making is asked for.
  private var isPlain: Bool { submit == nil && !status && !printScript }

  func validate() throws {
    for (name, value) in [("--array-limit", arrayLimit), ("--pack", pack)] {
      guard let value, !(1...100_000).contains(value) else { continue }
      throw ValidationError("\(name) must be between 1 and 100000, found \(value)")
    }
    let asked = [submit != nil, status, printScript, !chains.isEmpty, summary].count { $0 }
    guard asked < 2 else {
      throw ValidationError(
        "--submit, --status, --print-script, --chain and --summary exclude each other")
    }
    let hasRequest =
      partition != nil || time != nil || arrayLimit != nil || pack != nil || !options.isEmpty
    guard !hasRequest || submit != nil || printScript else {
      throw ValidationError(
        "--partition, --time, --array-limit, --pack and --sbatch are for --submit slurm and --print-script"
      )
    }
  }

  /// Places of the jobs that are to be made; nil for all.
  func chosen(_ jobs: [StudyJob]) throws -> Set<Int>? {
    if summary { return Set(jobs.indices.filter { jobs[$0].chain == nil }) }
    guard !chains.isEmpty else { return nil }
    let known = StudyChain.all(jobs)
    return try Set(
      chains.flatMap { name -> [Int] in
        guard let chain = known.first(where: { $0.name == name }) else {
          throw UsageError(
            "--chain \(name): the study has \(known.prefix(20).map(\.name).joined(separator: ", "))"
          )
        }
        return chain.jobs
      })
  }

  /// What a task asks for; `memory` in GB.
  func request(threads: Int, memory: Double?) -> SlurmRequest {
    var request = SlurmRequest()
    (request.partition, request.time) = (partition, time)
    (request.arrayLimit, request.pack) = (arrayLimit, pack ?? 1)
    (request.threads, request.memory) = (threads, memory)
    request.options = options
    return request
  }
}

/// What is told of a submission and of a study's state.
extension SlurmOptions {
  static func tell(_ outcome: SlurmSubmission.Outcome, json: Bool) throws {
    if json { return try Console.output(json: Submitted(outcome)) }
    if let summary = outcome.summary, let folder = outcome.folder {
      let arrays = outcome.arrays.joined(separator: ", ")
      Console.output(
        outcome.submitted > 0
          ? "\(outcome.submitted) chains submitted as \(arrays), the summary after them as \(summary); lists, scripts and logs in \(folder)"
          : "the summary submitted as \(summary); script and log in \(folder)")
    } else {
      Console.output("nothing to submit")
    }
    Console.output("\(outcome.made) chains are made, \(outcome.queued) in the queue.")
  }

  static func tell(_ status: StudyStatus, json: Bool) throws {
    if json { return try Console.output(json: Told(status)) }
    var table = Table(["chain", "archives", "state", "task", "note"])
    for row in status.rows {
      table.add([
        row.chain, "\(row.made) of \(row.of)", row.stage.rawValue, row.task ?? "", row.note,
      ])
    }
    Console.output(table.text)
    let counts = StudyStatus.Stage.allCases.compactMap { stage -> String? in
      let count = status.rows.count { $0.stage == stage }
      return count > 0 ? "\(count) \(stage.rawValue)" : nil
    }
    status.notes.forEach(Console.note)
    Console.output(
      "\nChains: \(counts.joined(separator: ", ")). Summaries: \(status.summaries) of \(status.summaryCount)."
    )
  }

  private struct Submitted: Encodable {
    var made: Int, queued: Int, submitted: Int
    var arrays: [String]
    var summary: String?, folder: String?

    init(_ outcome: SlurmSubmission.Outcome) {
      (made, queued, submitted) = (outcome.made, outcome.queued, outcome.submitted)
      (arrays, summary, folder) = (outcome.arrays, outcome.summary, outcome.folder)
    }
  }

  private struct Told: Encodable {
    var chains: [StudyStatus.Row]
    var summaries: Int, summaryCount: Int
    var notes: [String]

    enum CodingKeys: String, CodingKey {
      case chains, summaries
      case summaryCount = "summary_count"
      case notes
    }

    init(_ status: StudyStatus) {
      chains = status.rows
      (summaries, summaryCount, notes) = (status.summaries, status.summaryCount, status.notes)
    }
  }
}
