import Foundation
import Testing

/// A program started with bytes as arguments and files as its standard streams, as a shell would; for what Foundation's `Process`
/// does not do: arguments that are no UTF-8, closed streams, deadlines.
struct RawProgram {
  var program: String
  var arguments: [[UInt8]]
  var folder: String
  /// Shell-like redirections of stdout and stderr; nil closes the stream.
  var output: String? = "/dev/null"
  var errors: String? = "/dev/null"

  enum Ending: Equatable {
    case status(Int32)
    case signal(Int32)
    case tooLong
  }

  /// Starts it; returns its process id.
  func start() throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    for (number, target) in [(Int32(1), output), (2, errors)] {
      if let target {
        posix_spawn_file_actions_addopen(
          &actions, number, target, O_WRONLY | O_CREAT | O_APPEND, 0o644)
      } else {
        posix_spawn_file_actions_addclose(&actions, number)
      }
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A test runner may block or ignore signals.
    var (none, all) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigemptyset(&all)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGPIPE] { sigaddset(&all, number) }
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
    let path = program.hasPrefix("/") ? program : Programs.folder + "/" + program
    // The C library hides the call that sets the working folder; env becomes the program, under its process id.
    let command = ["env", "-C", folder, path].map { Array($0.utf8) } + arguments
    var words: [UnsafeMutablePointer<CChar>?] = command.map { bytes in
      strdup((bytes + [0]).map { CChar(bitPattern: $0) })
    }
    words.append(nil)
    defer { for word in words { free(word) } }
    var environment: [UnsafeMutablePointer<CChar>?] = ProcessInfo.processInfo.environment
      .filter { $0.key != "OPENBLAS_CORETYPE" }.map { strdup("\($0.key)=\($0.value)") }
    environment.append(nil)
    defer { for word in environment { free(word) } }
    var process = pid_t()
    let failure = posix_spawn(&process, "/usr/bin/env", &actions, &attributes, words, environment)
    try #require(failure == 0, "\(path): \(String(cString: strerror(failure)))")
    return process
  }

  /// Waits for a process that `start` has made, and ends it after `seconds`.
  static func wait(_ process: pid_t, seconds: Double) -> Ending {
    let began = Date()
    var status: Int32 = 0
    var pause: UInt32 = 500
    while waitpid(process, &status, WNOHANG) == 0 {
      if Date().timeIntervalSince(began) > seconds {
        kill(process, SIGKILL)
        waitpid(process, &status, 0)
        return .tooLong
      }
      usleep(pause)
      pause = min(20_000, pause * 2)
    }
    let number = status & 0x7f
    return number == 0 ? .status((status >> 8) & 0xff) : .signal(number)
  }

  /// Runs it to its end.
  func run(seconds: Double = 60) throws -> Ending { Self.wait(try start(), seconds: seconds) }
}

extension RawProgram {
  init(
    _ program: String, _ arguments: [String], in folder: String, output: String? = "/dev/null",
    errors: String? = "/dev/null"
  ) {
    self.init(
      program: program, arguments: arguments.map { Array($0.utf8) }, folder: folder, output: output,
      errors: errors)
  }
}

/// Small archives that several suites read: made once, never written to.
enum SmallArchives {
  /// A folder with `run.h5`, `fields.h5`, `flow.h5`, `solution.h5`, an imported network `net.h5`, token ids for it `ids.h5:/ids`
  /// with a mask, weights `keras.h5`, and data and study files beside them.
  static let folder: Result<String, any Error> = Result {
    let folder = try Programs.scratch()
    atexit { SmallArchives.remove() }
    for name in ["fashion-mnist-small.h5", "austen-small.h5"] {
      try FileManager.default.copyItem(
        atPath: Programs.root + "/data/" + name, toPath: folder + "/" + name)
    }
    let settings = Programs.small + ["--set", "data.file=\(folder)/fashion-mnist-small.h5"]
    let data = ["--set", "data.file=\(folder)/fashion-mnist-small.h5"]
    let fit = [
      "--set", "pde.samples=32", "--set", "pde.epochs=1", "--set", "pde.models=[diffusion]",
    ]
    for (program, arguments) in [
      ("isotherm", ["train", Programs.study, "-o", folder + "/run"] + settings),
      ("isotherm", ["fit", folder + "/run", "-o", folder + "/fields"] + data + fit),
      ("isotherm-analyze", ["flow", folder + "/run", folder + "/fields", "-o", folder + "/flow"]),
      (
        "isotherm",
        [
          "integrate", "data/problems/heat.yaml", "-o", folder + "/solution", "--set",
          "time.end=0.01",
        ]
      ),
      (
        "isotherm",
        ["import", "Tests/PretrainedNetworksTests/networks/gpt2-bare", "-o", folder + "/net"]
      ),
      (
        Programs.root + "/.venv/bin/python",
        [
          "-c",
          """
          import h5py, numpy, sys
          with h5py.File(sys.argv[1] + "/ids.h5", "w") as file:
              file["ids"], file["mask"] = [[1, 2, 3], [4, 5, 6]], [[1, 1, 1], [1, 1, 0]]
              file["many"] = numpy.tile(numpy.array([[1, 2, 3], [4, 5, 6]], "i4"), (50000, 1))
              file["wide"] = numpy.random.default_rng(1).normal(size=(3000, 10))
          with h5py.File(sys.argv[1] + "/keras.h5", "w") as file:
              file["layers/dense/vars/0"] = [[1.0, 2.0]]
          """, folder,
        ]
      ),
    ] {
      let outcome = try Programs.run(program, arguments)
      try #require(outcome.status == 0, "\(arguments): \(outcome.errors)")
    }
    // A folder of archives alone.
    try FileManager.default.createDirectory(
      atPath: folder + "/archives", withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: folder + "/flow.h5", toPath: folder + "/archives/flow.h5")
    return folder
  }

  private static func remove() {
    if case .success(let folder) = folder { try? FileManager.default.removeItem(atPath: folder) }
  }

  /// Copies the archives into a folder, where a test may write.
  static func copy(to folder: String) throws {
    let source = try Self.folder.get()
    for name in try FileManager.default.contentsOfDirectory(atPath: source) {
      try FileManager.default.copyItem(atPath: source + "/" + name, toPath: folder + "/" + name)
    }
  }
}
