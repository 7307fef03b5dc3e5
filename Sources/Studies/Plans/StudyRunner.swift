import Archive
import Arrays
import Console
import Foundation

/// Makes the archives of a plan: several programs at a time within a memory budget, inputs before what reads them. What is there
/// already is kept, what was interrupted goes on.
public final class StudyRunner {
  private let jobs: [StudyJob]
  private let progress: ProgressLine
  private let threads: Int
  /// Programs that run at the same time, and the memory they may take together, bytes.
  private let width: Int, memory: Int
  /// Jobs that are to be made; of the others those are looked at that these read.
  private let chosen: Set<Int>
  private var states: [Stage]
  private var running: [Running] = []
  /// Seconds and memory of what has ended, by kind.
  private var history: [String: (seconds: Double, count: Int, bytes: Int)] = [:]

  private enum Stage { case waiting, running, done, failed, absent }

  private struct Running {
    let job: Int
    let program: ChildProgram
    let log: String
    let began: ContinuousClock.Instant
    /// Stops the program when this one has to end at once.
    let unfinished: Unfinished
    var bytes = 0
  }

  /// What became of a plan.
  public struct Outcome: Sendable {
    /// Archives that were made, and that were there.
    public var made = 0, kept = 0
  }

  /// A run of `jobs`, or of those `chosen` among them, at most `width` programs at a time that take no more than `memory` bytes
  /// together.
  public init(
    _ jobs: [StudyJob], chosen: Set<Int>? = nil, threads: Int, width: Int, memory: Int,
    progress: ProgressLine
  ) {
    (self.jobs, self.threads, self.width, self.memory) = (jobs, threads, max(1, width), memory)
    self.progress = progress
    let chosen = chosen ?? Set(jobs.indices)
    self.chosen = chosen
    states = jobs.indices.map { chosen.contains($0) ? .waiting : .absent }
  }

  /// Half of the machine's memory, bytes.
  public static var defaultMemory: Int { Int(ProcessInfo.processInfo.physicalMemory / 2) }

  /// Makes everything.
  /// - Throws: ``StudyError`` when a data set is missing, before anything is made, or when a program failed, after those beside it
  ///   have ended, or when an archive that others make is not there; ``Console/Interrupted``.
  public func run(title: String) throws -> Outcome {
    try lookAtOthers()
    let notes = try chosen.sorted().compactMap { try jobs[$0].checkData() }
    for note in Set(notes).sorted() { progress.note(note) }
    var outcome = Outcome()
    var failures: [String] = []
    progress.begin(title)
    defer { for item in running { item.program.send(SIGTERM) } }
    while true {
      if failures.isEmpty { outcome.kept += try start() }
      guard !running.isEmpty else { break }
      usleep(20_000)
      for item in try reap(&failures) {
        outcome.made += 1
        states[item] = .done
      }
      tell()
      try Interruption.check(
        "what is finished is kept; the same command goes on"
      ) { stop() }
    }
    guard failures.isEmpty else { throw StudyError(message: failures.joined(separator: "\n")) }
    try checkInputs()
    progress.end("\(outcome.made) archives made, \(outcome.kept) kept")
    return outcome
  }

  /// Finds out which archives are there that are read here and made elsewhere.
  private func lookAtOthers() throws {
    guard chosen.count < jobs.count, chosen.contains(where: { !isOwn(jobs[$0].inputs) }) else {
      return
    }
    let inventory = StudyInventory(jobs)
    for index in jobs.indices where !chosen.contains(index) {
      if let problem = inventory.problems[index] { throw StudyError(message: problem) }
      if inventory.isDone[index] { states[index] = .done }
    }
  }

  private func isOwn(_ inputs: [Int]) -> Bool { inputs.allSatisfy(chosen.contains) }

  /// - Throws: ``StudyError`` naming the archives without which something could not be made.
  private func checkInputs() throws {
    let waiting = chosen.filter { states[$0] == .waiting }
    guard !waiting.isEmpty else { return }
    let missing = Set(waiting.flatMap { jobs[$0].inputs }).filter { states[$0] == .absent }.sorted()
    let names = missing.prefix(20).map { jobs[$0].place + ".h5" }.joined(separator: ", ")
    throw StudyError(
      message:
        "\(waiting.count) of \(chosen.count) archives were not made, because \(missing.count) that they read are missing: "
        + "\(names)\(missing.count > 20 ? " and more" : ""); --status says why, the same command makes or submits what is missing"
    )
  }

  /// Starts what can be started; returns how many archives were there already.
  private func start() throws -> Int {
    var kept = 0
    for index in jobs.indices where states[index] == .waiting {
      guard jobs[index].inputs.allSatisfy({ states[$0] == .done }) else { continue }
      let state = try jobs[index].state(jobs)
      guard case .due(let replacing) = state else {
        states[index] = .done
        kept += 1
        continue
      }
      let needed = running.reduce(estimate(index)) { $0 + max(estimate($1.job), $1.bytes) }
      guard running.isEmpty || (running.count < width && needed <= memory) else { break }
      try launch(index, replacing: replacing)
    }
    return kept
  }

  /// Memory a job will take: what the largest of its kind has taken; 1 GiB until one has ended.
  private func estimate(_ index: Int) -> Int { history[jobs[index].kind]?.bytes ?? 1 << 30 }

  private func launch(_ index: Int, replacing: Bool) throws {
    let job = jobs[index]
    let ready = jobs.indices.filter { other in
      states[other] == .waiting && jobs[other].inputs.allSatisfy { states[$0] == .done }
    }.count
    // Many programs of one thread each do more than one of many threads; results have the same bits.
    let share = max(1, threads / min(width, max(1, ready + running.count)))
    let (program, arguments) = job.invocation(jobs, replacing: replacing, threads: share)
    let folder = URL(fileURLWithPath: job.place).deletingLastPathComponent()
    let log = job.place + ".log"
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try Data().write(to: URL(fileURLWithPath: log))
    } catch {
      throw StudyError(
        message:
          "cannot write to \(folder.path): \(error.localizedDescription); choose another folder with -o"
      )
    }
    let (nothing, file) = (open("/dev/null", O_WRONLY | O_CLOEXEC), open(log, O_WRONLY | O_CLOEXEC))
    defer { for descriptor in [nothing, file] where descriptor >= 0 { close(descriptor) } }
    guard nothing >= 0, file >= 0 else {
      throw StudyError(message: "cannot write \(log): \(String(cString: strerror(errno)))")
    }
    let child = try ChildProgram(
      SiblingProgram.find(program).path, arguments, output: nothing, errors: file)
    progress.event(["event": "started", "archive": job.place])
    states[index] = .running
    running.append(
      Running(
        job: index, program: child, log: log, began: .now,
        unfinished: Unfinished { child.send(SIGTERM) }))
  }

  /// Takes note of the programs that have ended; returns the jobs that went well.
  private func reap(_ failures: inout [String]) throws -> [Int] {
    var ended: [Int] = []
    for place in running.indices.reversed() {
      running[place].bytes = max(running[place].bytes, Self.memory(of: running[place].program))
      let item = running[place]
      guard let ending = item.program.ending else { continue }
      item.unfinished.done()
      running.remove(at: place)
      let job = jobs[item.job]
      if ending == .status(0) {
        let old = history[job.kind] ?? (0, 0, 0)
        history[job.kind] = (
          old.seconds + (ContinuousClock.now - item.began) / .seconds(1), old.count + 1,
          max(old.bytes, item.bytes)
        )
        // What an archive was made with in spite of a warning stays known though its log goes.
        for line in try String(contentsOfFile: item.log, encoding: .utf8).split(separator: "\n")
        where line.contains("logical hash stored") { progress.note("\(job.label): \(line)") }
        try FileManager.default.removeItem(atPath: item.log)
        progress.event(["event": "made", "archive": job.place])
        ended.append(item.job)
      } else {
        states[item.job] = .failed
        let text = try String(contentsOfFile: item.log, encoding: .utf8)
        failures.append(
          "\(job.label) failed with \(Self.words(ending)): "
            + text.trimmingCharacters(in: .whitespacesAndNewlines)
            + " (\(item.log)); the same command goes on from here")
      }
    }
    return ended
  }

  private static func words(_ ending: ChildProgram.Ending) -> String {
    switch ending {
    case .status(let number): "status \(number)"
    case .signal(let number): "signal \(number)"
    }
  }

  /// Largest resident memory of a process so far, bytes; 0 when it is gone.
  private static func memory(of program: ChildProgram) -> Int {
    let path = "/proc/\(program.number)/status"
    guard let text = try? String(contentsOfFile: path, encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
      let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return 0 }
    return kilobytes * 1024
  }

  /// Asks the running programs to stop in good order, and waits for them.
  private func stop() {
    for item in running { item.program.send(SIGINT) }
    for item in running { _ = item.program.wait() }
  }

  private func tell() {
    let finished = chosen.count { states[$0] == .done }
    let known = history.values.reduce((seconds: 0.0, count: 0)) {
      ($0.seconds + $1.seconds, $0.count + $1.count)
    }
    let typical = known.count > 0 ? known.seconds / Double(known.count) : 0
    var left = 0.0
    for index in jobs.indices where states[index] == .waiting || states[index] == .running {
      left += history[jobs[index].kind].map { $0.seconds / Double($0.count) } ?? typical
    }
    for item in running { left -= (ContinuousClock.now - item.began) / .seconds(1) }
    progress.update(
      finished, of: chosen.count, unit: "archives",
      detail: running.map { jobs[$0.job].label }.joined(separator: ", "),
      secondsLeft: known.count > 0 ? max(0, left) / Double(max(1, running.count)) : nil)
  }
}

/// A study that could not be made.
public struct StudyError: Error, CustomStringConvertible {
  let message: String
  /// What happened.
  public var description: String { message }
}
