import Archive
import Foundation
import TestSupport
import Testing

/// Every command that takes long, ended at drawn moments by each signal: answered within two seconds, nothing lost, gone on with
/// to the same bits, no program left behind.
///
/// Two moments each; `ISOTHERM_LONG=1` takes twenty.
@Suite(.serialized) struct KillTests {
  struct Case: Sendable {
    let name: String
    let arguments: [String]
    /// Whether `--commit-seconds` makes it commit all the time.
    var commits = true
  }

  private static let fit =
    ["fit", "run", "--set", "pde.samples=64", "--set", "pde.batch=8"]
  private static let problems = Programs.root + "/data/problems/"

  static let cases: [Case] = [
    Case(
      name: "fit",
      arguments: fit + ["--set", "pde.models=[diffusion, autonomous, modulated]"]
        + ["--set", "pde.epochs=12"]),
    Case(
      name: "fit to the task",
      arguments: fit + ["--set", "pde.models=[diffusion, modulated]", "--set", "pde.every=epoch"]
        + ["--set", "pde.objective=task", "--set", "training.batch=250"]),
    Case(
      name: "perturb",
      arguments: [
        "perturb", "run", "--fields", "fields", "--set", "perturb.noise=[0.1, 0.3, 1, 3]",
      ]),
    Case(
      name: "inform", arguments: ["inform", "run", "--set", "information.shuffles=200"],
      commits: false),
    Case(
      name: "capture",
      arguments: ["capture", "net", "--tokens", "ids.h5:/many", "--taps", "logits"]
        + ["residual.*.post"]),
    Case(
      name: "integrate, fused Euler",
      arguments: ["integrate", problems + "allen-cahn.yaml", "--set", "time.snapshots=7"]
        + ["--set", "time.stepper=euler", "--set", "time.step=0.0005"]),
    Case(
      name: "integrate, step control",
      arguments: ["integrate", problems + "heat.yaml", "--set", "time.stepper=dopri5"]
        + ["--set", "time.snapshots=5", "--set", "time.end=0.3"]),
    Case(
      name: "integrate, leapfrog",
      arguments: ["integrate", problems + "wave.yaml", "--set", "time.snapshots=40"]),
    Case(
      name: "integrate, implicit",
      arguments: ["integrate", problems + "allen-cahn.yaml", "--set", "time.stepper=imex-ars222"]
        + ["--set", "time.snapshots=5"]),
  ]

  @Test(arguments: cases.indices)
  func `a command ended anywhere goes on to the same bits`(number: Int) throws {
    let item = Self.cases[number]
    try withScratch { folder in
      try SmallArchives.copy(to: folder)
      let arguments = item.arguments + (item.commits ? ["--commit-seconds", "0.01"] : [])
      let clock = ContinuousClock.now
      let whole = try Programs.run("isotherm", arguments + ["-o", "whole"], in: folder)
      try #require(whole.status == 0, "\(item.name): \(whole.errors)")
      let length = (ContinuousClock.now - clock) / .seconds(1)
      let reference = try ResumeTests.Contents(folder + "/whole")
      var random = SeededChoice(UInt64(31 + number))
      var (ended, goneOn, slowest) = (0, 0, 0.0)
      for trial in 0..<(ResumeTests.isLong ? 20 : 2) {
        for end in [".h5", ".run"] {
          try? FileManager.default.removeItem(atPath: folder + "/r" + end)
        }
        for (turn, more) in [[], ["--resume"]].enumerated() {
          let signal = [SIGKILL, SIGINT, SIGTERM, SIGHUP][(trial + turn) % 4]
          let errors = folder + "/err-\(trial)-\(turn)"
          let process = try RawProgram(
            "isotherm", arguments + ["-o", "r"] + more, in: folder, errors: errors
          ).start()
          usleep(UInt32(1e6 * length * Double(random.places(1, below: 1000)[0]) / 1000))
          let began = Date()
          kill(process, signal)
          let ending = RawProgram.wait(process, seconds: 20)
          let told = try String(contentsOfFile: errors, encoding: .utf8)
          if turn == 1, told.contains("resuming") { goneOn += 1 }
          // Quicker than the signal: it is complete.
          if ending == .status(0) { continue }
          ended += 1
          guard signal != SIGKILL else { continue }
          slowest = max(slowest, Date().timeIntervalSince(began))
          // Before it has begun to listen, the system ends it.
          if ending == .signal(signal) { continue }
          #expect(ending == .status(128 + signal), "\(item.name): \(told)")
          #expect(told.contains("interrupted"), "\(item.name): \(told)")
        }
        #expect(slowest < 2, "\(item.name) answered after \(slowest) s")
        let last = try Programs.run("isotherm", arguments + ["-o", "r", "--resume"], in: folder)
        #expect(last.status == 0, "\(item.name), trial \(trial): \(last.errors)")
        #expect(
          try ResumeTests.Contents(folder + "/r") == reference, "\(item.name), trial \(trial)")
        #expect(!FileManager.default.fileExists(atPath: folder + "/r.run"))
      }
      if ResumeTests.isLong {
        print(
          "\(item.name): \(length) s, ended \(ended) of 40 times, gone on with \(goneOn) times, answered within \(slowest) s"
        )
      }
    }
  }

  @Test func `what was begun otherwise is not gone on with, and the line says why`() throws {
    try withScratch { folder in
      try SmallArchives.copy(to: folder)
      let problem = Self.problems + "allen-cahn.yaml"
      for (first, other, word) in [
        (
          Self.fit + ["--set", "pde.epochs=100000", "--set", "pde.models=[diffusion]"],
          Self.fit + ["--set", "pde.epochs=9", "--set", "pde.models=[diffusion]"],
          "another configuration"
        ),
        (
          ["integrate", problem, "--set", "time.end=200000", "--set", "time.snapshots=1"],
          ["integrate", problem, "--set", "time.end=100000", "--set", "time.snapshots=1"],
          "another configuration"
        ),
        (
          ["capture", "net", "--tokens", "ids.h5:/many"],
          ["capture", "net", "--tokens", "ids.h5:/many", "--type", "float16"],
          "another configuration"
        ),
      ] {
        for end in [".h5", ".run"] {
          try? FileManager.default.removeItem(atPath: folder + "/r" + end)
        }
        let process = try RawProgram(
          "isotherm", first + ["-o", "r", "--commit-seconds", "0.01"], in: folder
        ).start()
        for _ in 0..<2000
        where !FileManager.default.fileExists(atPath: folder + "/r.run/index.h5") {
          usleep(5000)
        }
        kill(process, SIGKILL)
        _ = RawProgram.wait(process, seconds: 10)
        let outcome = try Programs.run("isotherm", other + ["-o", "r", "--resume"], in: folder)
        #expect(outcome.status == 1 && outcome.errors.contains(word), "\(outcome.errors)")
        #expect(outcome.errorLines.last?.contains(word) ?? false)
        #expect(FileManager.default.fileExists(atPath: folder + "/r.run/index.h5"))
      }
    }
  }

  @Test(arguments: [SIGKILL, SIGINT, SIGTERM, SIGHUP])
  func `a study that ends leaves no program running`(signal: Int32) throws {
    try withScratch { folder in
      var random = SeededChoice(UInt64(70 + signal))
      for _ in 0..<(ResumeTests.isLong ? 20 : 1) {
        let process = try RawProgram(
          "isotherm", ["study", "attention", "--size", "smoke", "-o", folder + "/st"], in: folder
        ).start()
        let waited = Date()
        while Self.programs(of: folder).filter({ $0 != process }).isEmpty,
          Date().timeIntervalSince(waited) < 20
        { usleep(2000) }
        usleep(UInt32(random.places(1, below: 1500)[0] * 1000))
        let began = Date()
        kill(process, signal)
        let ending = RawProgram.wait(process, seconds: 20)
        #expect([.signal(signal), .status(128 + signal), .status(0)].contains(ending), "\(ending)")
        while !Self.programs(of: folder).isEmpty, Date().timeIntervalSince(began) < 10 {
          usleep(2000)
        }
        #expect(Self.programs(of: folder).isEmpty)
        // A child of one that was killed is told, and then has as long as one that was asked itself.
        #expect(Date().timeIntervalSince(began) < 2)
      }
    }
  }

  /// Processes whose command line names `folder`.
  private static func programs(of folder: String) -> [pid_t] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { pid_t($0) }.filter { number in
      guard let line = FileManager.default.contents(atPath: "/proc/\(number)/cmdline") else {
        return false
      }
      return String(decoding: line, as: UTF8.self).contains(folder)
    }
  }
}
