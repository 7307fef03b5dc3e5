import Foundation
import Testing

/// The built programs, driven as a user would.
enum Programs {
  /// Where the package lies.
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path
  /// Where the programs lie: beside the test runner.
  static let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().path

  struct Outcome: Sendable {
    var status: Int32
    var output: String
    var errors: String
    /// Lines on stderr.
    var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
  }

  /// Runs a program (or a command by its path) to its end.
  static func run(
    _ name: String, _ arguments: [String], in workingFolder: String? = nil
  ) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(
      fileURLWithPath: name.hasPrefix("/") ? name : folder + "/" + name)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: workingFolder ?? root)
    var environment = ProcessInfo.processInfo.environment
    environment["PATH"] = folder + ":" + (environment["PATH"] ?? "")
    environment["OPENBLAS_CORETYPE"] = nil
    process.environment = environment
    let scratch = NSTemporaryDirectory() + "isotherm-output-" + UUID().uuidString
    let files = [scratch + ".out", scratch + ".err"]
    for file in files { try Data().write(to: URL(fileURLWithPath: file)) }
    defer { for file in files { try? FileManager.default.removeItem(atPath: file) } }
    process.standardOutput = FileHandle(forWritingAtPath: files[0])
    process.standardError = FileHandle(forWritingAtPath: files[1])
    try process.run()
    process.waitUntilExit()
    return Outcome(
      status: process.terminationStatus,
      output: try String(contentsOfFile: files[0], encoding: .utf8),
      errors: try String(contentsOfFile: files[1], encoding: .utf8))
  }

  /// Starts a program with no signal blocked. Threads of the test runner block some, and a program inherits that; ours let them in
  /// again, a shell does not.
  static func startUnblocked(_ process: Process) throws {
    var (none, before) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try process.run()
  }

  /// Compiles C code to a library that is to be preloaded; returns its path.
  static func library(_ folder: String, _ source: String, _ name: String) throws -> String {
    let (code, library) = ("\(folder)/\(name).c", "\(folder)/\(name).so")
    try source.write(toFile: code, atomically: true, encoding: .utf8)
    let compiled = try run(
      "/usr/bin/cc", ["-O1", "-shared", "-fPIC", "-o", library, code, "-ldl", "-lpthread"])
    try #require(compiled.status == 0, "\(compiled.errors)")
    return library
  }

  /// The library that refuses to write more than DISK_BYTES below DISK_FOLDER.
  static func fullDisk(_ folder: String) throws -> String {
    let source = try String(
      contentsOfFile: root + "/Tests/ProgramTests/full-disk.c", encoding: .utf8)
    return try library(folder, source, "full-disk")
  }

  /// A new empty folder.
  static func scratch() throws -> String {
    let path = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  /// Settings that make a run of the demo's study take seconds.
  static let small = [
    "model.width=16", "model.layers=2", "model.mlp=32", "model.heads=2", "training.epochs=1",
    "training.batch=500", "capture.samples=24",
    "capture.taps=[residual.0.pre, residual.*.post, {tap: attention.*.map, samples: 16}]",
    "pde.samples=32", "pde.epochs=2", "information.resamples=10", "information.shuffles=10",
  ].flatMap { ["--set", $0] }

  static let study = "data/studies/fashion-mnist.yaml"
}

/// Gives `body` a new empty folder, which is removed afterwards.
func withScratch(_ body: (String) throws -> Void) throws {
  let folder = try Programs.scratch()
  defer { try? FileManager.default.removeItem(atPath: folder) }
  try body(folder)
}
