import Archive
import ArgumentParser
import Arrays
import Console
import Foundation

/// `isotherm-archive check FILE...`
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Read everything and list what is wrong, with its remedy.",
    discussion: """
      Layout, labels, checksums of every chunk, logical hashes, finite values, chunk shapes. Each file is \
      read in a process of its own, because damaged metadata can crash the HDF5 library. Exit status 1 \
      when anything is found. --for training says instead what a file lacks to be trained on, and what to write there.
      """)

  @Argument(help: "Archives: NAME.h5 or NAME.run.")
  var files: [String]

  /// What a file is checked for, besides being sound.
  enum Purpose: String, ExpressibleByArgument, CaseIterable { case training }

  @Option(name: .customLong("for"), help: "Check what a data set needs for a purpose: training.")
  var purpose: Purpose?

  @Flag(help: .hidden)
  var inside = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    if inside { return try checkInside() }
    let reports = try files.map(checkOutside)
    if common.json {
      try Console.output(json: reports)
    } else {
      for report in reports { print(report) }
    }
    if reports.contains(where: { !$0.findings.isEmpty }) { throw ExitCode(1) }
  }

  /// What one file came to.
  struct FileReport: Codable {
    var path: String
    var findings: [ArchiveCheck.Finding]
    var arrays = 0
    var bytes = 0
    var seconds = 0.0
    /// What can be trained on, in words; only when asked.
    var training: String?
    /// What is no array: nothing is wrong with it, but its values are not checked as ours are.
    var others: [String] = []
  }

  private func print(_ report: FileReport) {
    for finding in report.findings {
      Console.output(
        "\(report.path):\(finding.path): \(finding.problem); \(finding.remedy)")
    }
    for other in report.others {
      Console.output("\(report.path):\(other); not an array, carried along")
    }
    if purpose == .training {
      let count = report.findings.count
      return Console.output(
        "\(report.path): "
          + (report.training
            ?? "cannot be trained on, \(count) \(count == 1 ? "finding" : "findings")"))
    }
    let rate = report.seconds > 0 ? Double(report.bytes) / report.seconds : 0
    Console.output(
      "\(report.path): \(report.arrays) arrays, \(Format.bytes(report.bytes)) read at "
        + "\(Format.bytes(Int(rate)))/s, \(report.findings.count) "
        + (report.findings.count == 1 ? "finding" : "findings"))
  }

  /// The child: checks one file and prints the report as JSON. Memory is limited, since a hostile header can ask for any,
  /// and so is processor time: libhdf5 1.10 can walk a damaged heap in circles for ever.
  private func checkInside() throws {
    var memory = rlimit(rlim_cur: 512 << 20, rlim_max: 512 << 20)
    setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &memory)
    // Reading decodes over 100 MB of stored bytes a second; a second a megabyte is generous to compressible data.
    let seconds = rlim_t(2 + storedByteCount(files[0]) / 1_000_000)
    var time = rlimit(rlim_cur: seconds, rlim_max: seconds)
    setrlimit(__rlimit_resource_t(RLIMIT_CPU.rawValue), &time)
    let began = ContinuousClock.now
    if purpose == .training {
      let result = try TrainingCheck.run(files[0])
      return Console.output(
        try Console.encode(
          FileReport(path: files[0], findings: result.findings, training: result.summary)))
    }
    let result = try ArchiveCheck.run(files[0])
    let report = FileReport(
      path: files[0], findings: result.findings, arrays: result.arrays, bytes: result.bytes,
      seconds: (ContinuousClock.now - began) / .seconds(1),
      others: result.others.map { "\($0.path): \($0.what)" })
    Console.output(try Console.encode(report))
  }

  private func storedByteCount(_ file: String) -> Int {
    let manager = FileManager.default
    let names = (try? manager.contentsOfDirectory(atPath: file))?.map { file + "/" + $0 } ?? [file]
    return names.reduce(0) {
      $0 + ((try? manager.attributesOfItem(atPath: $1))?[.size] as? Int ?? 0)
    }
  }

  private func checkOutside(_ file: String) throws -> FileReport {
    let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
    let printed = try ChildProgram.run(
      program, ["check", "--inside"] + (purpose.map { ["--for", $0.rawValue] } ?? []) + [file],
      stoppedBy: SIGKILL)
    // Ctrl-C reaches it as it reaches this program.
    try StopRequest.check()
    if let report = try? JSONDecoder().decode(FileReport.self, from: printed.output) {
      return report
    }
    let narration = String(decoding: printed.errors, as: UTF8.self)
    let line = narration.split(separator: "\n").first.map(String.init) ?? ""
    var signal: Int32?
    if case .signal(let number) = printed.ending { signal = number }
    // At the hard limit of processor time the kernel sends SIGKILL, at the soft one SIGXCPU.
    let endless = signal.map { [SIGXCPU, SIGKILL].contains($0) } ?? false
    let problem =
      endless
      ? "the HDF5 library did not come to an end reading it"
      : signal.map { "the HDF5 library crashed reading it (signal \($0))" }
        ?? line.replacingOccurrences(of: "isotherm-archive: ", with: "")
        .replacingOccurrences(of: file + ": ", with: "")
    return FileReport(
      path: file,
      findings: [
        .init(
          path: "/", problem: problem,
          remedy: "copy the file again from its source, or run recover on its folder of parts")
      ])
  }
}
