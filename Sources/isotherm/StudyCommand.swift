import ArgumentParser
import Console
import Foundation
import Studies

/// `isotherm study NAME|FILE -o FOLDER`
struct StudyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "study",
    abstract: "Make a study: variants x seeds, fitted, measured and summed up, one archive each.",
    discussion: """
      Studies of the paper: information-flow, attention, bottleneck, gradients, perturbation, stabilisers with simulator and stable-rate, guided-attention, or all \
      of them (data/plans/paper.yaml); or a plan of your own. What FOLDER holds already is kept, what was interrupted goes on. \
      FOLDER/summary holds means over seeds with intervals; isotherm-analyze compare shows them.

      On a Slurm cluster `--submit slurm` hands what is missing over and ends: one task a case, variant and seed with --threads processors \
      (default: 1) and --memory, then the summary. --status tells how far it is. Given again, it submits only what is neither \
      made nor in the queue. Job lists, scripts and logs lie in FOLDER/slurm.
      """)

  @Argument(help: ArgumentHelp("Name of a study, all, or a plan (YAML).", valueName: "name|file"))
  var name: String

  @Option(name: [.customShort("o"), .customLong("output")], help: "Folder for all archives.")
  var folder: String?

  @Option(help: "smoke (a minute), small (ten minutes a study) or full.")
  var size = "small"

  @Option(
    name: .customLong("case"),
    help: ArgumentHelp(
      "Only this case of the size: images, images-60000 (tools/fetch-data --full), text; may be given again.",
      valueName: "name"))
  var cases: [String] = []

  @Option(help: "Programs that run at the same time (default: as many as threads).")
  var jobs: Int?

  @Option(help: "Memory they may take together, GB (default: half of the machine's).")
  var memory: Double?

  @Flag(help: "Print what would be made and stop.")
  var dryRun = false

  @OptionGroup(title: "Cluster Options") var slurm: SlurmOptions
  @OptionGroup var common: CommonOptions

  private static let paper = "data/plans/paper.yaml"

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) {
      throw ValidationError("--jobs must be between 1 and 1024, found \(jobs)")
    }
    if let memory, !(0.001...1e6).contains(memory) {
      throw ValidationError("--memory must be between 0.001 and 1000000 GB, found \(memory)")
    }
  }

  func run() throws {
    let isFile = name.hasSuffix(".yaml") || name.hasSuffix(".yml")
    let planPath = DataLocation.resolve(isFile ? name : Self.paper)
    let plan = try StudyPlan(path: planPath)
    let chosen = try studies(plan, isFile || name == "all")
    let size = try size(of: plan)
    guard let folder else {
      throw UsageError("-o FOLDER is missing: where should the archives go?")
    }
    let list = try plan.jobs(chosen, size, folder: folder)
    guard !list.isEmpty else {
      throw UsageError("\(name) has no variants for --case \(cases.joined(separator: ", "))")
    }
    for job in list { try job.checkPlace(plan: planPath) }
    if dryRun { return try tell(list, made: nil, plan, chosen, size) }
    if slurm.status {
      return try SlurmOptions.tell(StudyStatus(list, folder: folder), json: common.json)
    }
    if slurm.submit != nil || slurm.printScript { return try submit(list, folder) }
    let made = try slurm.chosen(list)
    let runner = StudyRunner(
      list, chosen: made, threads: common.threadCount, width: jobs ?? common.threadCount,
      memory: memory.map { Int($0 * 1e9) } ?? StudyRunner.defaultMemory,
      progress: ProgressLine(common.progress))
    let outcome = try Interruption.during(
      "what is finished is kept; the same command goes on", grace: 1.5
    ) {
      try runner.run(title: name)
    }
    guard slurm.chains.isEmpty else {
      return Console.note("\(outcome.made) archives made, \(outcome.kept) kept")
    }
    try tell(list, made: outcome, plan, chosen, size)
  }

  /// Hands what is missing to the cluster, or prints what would.
  private func submit(_ list: [StudyJob], _ folder: String) throws {
    let threads = common.threads ?? 1
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
    var command = [own, "study", name, "--size", size, "-o", folder, "--threads", "\(threads)"]
    command += cases.flatMap { ["--case", $0] }
    if let jobs { command += ["--jobs", "\(jobs)"] }
    if let memory { command += ["--memory", "\(memory)"] }
    let title = URL(fileURLWithPath: name).deletingPathExtension().lastPathComponent
    let submission = try SlurmSubmission(
      list, study: title, folder: folder, command: command + ["--progress", "none"],
      slurm.request(threads: threads, memory: memory))
    if slurm.printScript {
      return Console.write(try submission.printedScript(), to: .output)
    }
    try SlurmOptions.tell(submission.run(ProgressLine(common.progress)), json: common.json)
  }

  /// The size that was asked for, with the cases that were.
  private func size(of plan: StudyPlan) throws -> StudyPlan.Size {
    guard let found = plan.sizes.first(where: { $0.name == size }) else {
      throw UsageError(
        "--size \(size): the plan has \(plan.sizes.map(\.name).joined(separator: ", "))")
    }
    let names = plan.caseNames(found)
    if let unknown = cases.first(where: { !names.contains($0) }) {
      throw UsageError(
        "--case \(unknown): at --size \(size) the plan has \(names.joined(separator: ", "))")
    }
    return cases.isEmpty ? found : found.limited(to: cases)
  }

  private func studies(_ plan: StudyPlan, _ all: Bool) throws -> [StudyPlan.Study] {
    if all { return plan.studies }
    guard let study = plan.studies.first(where: { $0.name == name }) else {
      throw UsageError(
        "there is no study \(name); known: all, \(plan.studies.map(\.name).joined(separator: ", ")), "
          + "or a plan NAME.yaml")
    }
    return [study]
  }

  private func tell(
    _ list: [StudyJob], made: StudyRunner.Outcome?, _ plan: StudyPlan,
    _ chosen: [StudyPlan.Study], _ size: StudyPlan.Size
  ) throws {
    let summaries = plan.summaries(chosen, size, folder: folder ?? ".")
    if common.json {
      return try Console.output(
        json: StudyResult(
          archives: list.map { $0.place + ".h5" }, summaries: summaries.map(\.path),
          made: made?.made, kept: made?.kept))
    }
    guard let made else {
      for job in list { Console.output(job.place + ".h5") }
      return Console.output("\n\(list.count) archives.")
    }
    for summary in summaries {
      Console.output("\(summary.title): \(summary.path)\n")
      let metrics = summary.headline.flatMap { ["--metric", $0] }
      Console.output(
        try SiblingProgram.run("isotherm-analyze", ["compare", summary.path] + metrics))
    }
    Console.output("\(made.made) archives made, \(made.kept) kept.")
  }
}

private struct StudyResult: Encodable {
  var archives: [String]
  var summaries: [String]
  var made: Int?
  var kept: Int?
}
