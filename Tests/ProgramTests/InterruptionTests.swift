import Foundation
import Testing

/// Ctrl-C, termination and the end of a terminal are answered by every command within two seconds, and leave nothing half-written.
@Suite(.serialized) struct InterruptionTests {
  struct Case: Sendable {
    let program: String
    let arguments: [String]
    /// Seconds until it is in the middle of its work.
    var delay = 0.3
    var saying = "interrupted"
  }

  static let cases: [Case] = [
    Case(program: "isotherm", arguments: ["verify", "information"], delay: 1),
    Case(program: "isotherm", arguments: ["verify", "transformer", "-o", "v"], delay: 0.5),
    Case(program: "isotherm", arguments: ["verify", "dynamics"]),
    Case(
      program: "isotherm",
      arguments: ["train", Programs.root + "/" + Programs.study, "-o", "t", "--progress", "none"],
      delay: 0.05),
    Case(
      program: "isotherm",
      arguments: ["train", Programs.root + "/" + Programs.study, "-o", "t", "--progress", "none"],
      delay: 1, saying: "--resume"),
    Case(
      program: "isotherm",
      arguments: ["fit", "run", "-o", "f", "--set", "pde.epochs=100000"], delay: 0.7,
      saying: "--resume"),
    Case(
      program: "isotherm",
      arguments: ["inform", "run", "-o", "i", "--set", "information.shuffles=100000"], delay: 0.7,
      saying: "--resume"),
    Case(
      program: "isotherm",
      arguments: [
        "integrate", Programs.root + "/data/problems/allen-cahn.yaml", "--set", "time.end=200000",
        "--set", "time.snapshots=1", "-o", "s",
      ], delay: 0.7, saying: "--resume"),
    Case(
      program: "isotherm",
      arguments: ["perturb", "run", "-o", "p"]
        + [
          "--set", "perturb.noise=[\(Array(repeating: "0.1", count: 2000).joined(separator: ","))]",
        ],
      delay: 0.5, saying: "--resume"),
    Case(
      program: "isotherm",
      arguments: ["capture", "net", "--tokens", "ids.h5:/many", "-o", "c"], delay: 0.5,
      saying: "--resume"),
    Case(
      program: "isotherm",
      arguments: ["import", Programs.root + "/Tests/PretrainedNetworksTests/networks/gpt2-bare"]
        + ["-o", "im"], delay: 0.01),
    Case(
      program: "isotherm", arguments: ["inform", "--x", "ids.h5:/wide", "--y", "ids.h5:/wide"],
      delay: 0.5),
    Case(
      program: "isotherm",
      arguments: ["tokenize", "austen-small.h5", "--vocabulary", "60000", "-o", "k"]),
    Case(program: "isotherm", arguments: ["demo", "-o", "d"], delay: 1, saying: "--resume"),
    Case(
      program: "isotherm", arguments: ["study", "attention", "--size", "smoke", "-o", "st"],
      delay: 1,
      saying: "the same command goes on"),
    Case(
      program: "isotherm-archive", arguments: ["check", "run", "fields", "run", "run"], delay: 0.05),
    Case(
      program: "isotherm-archive",
      arguments: ["repack", "fashion-mnist-small.h5", "--compression", "gzip-9", "-o", "r"],
      delay: 0.1),
    Case(
      program: "isotherm-archive",
      arguments: [
        "export", "fashion-mnist-small.h5", "--to", "csv", "--select", "/samples/image", "-o",
        "e.csv",
      ],
      delay: 0.03),
    Case(
      program: "isotherm-analyze", arguments: ["attention", "run", "fields", "-o", "ma"],
      delay: 0.05),
    Case(
      program: "isotherm-analyze", arguments: ["flow", "run", "fields", "-o", "mf"], delay: 0.03),
    Case(program: "isotherm-analyze", arguments: ["weights", "run", "-o", "mw"], delay: 0.03),
    Case(program: "isotherm-analyze", arguments: ["gradients", "run", "-o", "mg"], delay: 0.02),
    Case(
      program: "isotherm-plot", arguments: ["report", "run", "fields", "flow", "-o", "rep"],
      delay: 0.15),
    Case(
      program: "isotherm-plot",
      arguments: ["animate", "field", "solution", "-o", "a.png", "--dpi", "300"], delay: 0.15),
  ]

  @Test(arguments: cases.indices)
  func `every command ends within two seconds and leaves nothing half-written`(number: Int)
    throws
  {
    let item = Self.cases[number]
    try withScratch { folder in
      try SmallArchives.copy(to: folder)
      let before = Set(try FileManager.default.contentsOfDirectory(atPath: folder))
      for (signal, status) in [(SIGINT, Int32(130)), (SIGTERM, 143), (SIGHUP, 129)] {
        let errors = folder + ".err"
        defer { unlink(errors) }
        var (ending, began, delay) = (RawProgram.Ending.signal(signal), Date(), item.delay)
        // On a busy machine it may not listen yet, and the system ends it.
        while ending == .signal(signal), delay < 20 {
          unlink(errors)
          let process = try RawProgram(item.program, item.arguments, in: folder, errors: errors)
            .start()
          usleep(UInt32(delay * 1e6))
          began = Date()
          kill(process, signal)
          ending = RawProgram.wait(process, seconds: 20)
          delay *= 2
        }
        let answered = Date().timeIntervalSince(began)
        let text = try String(contentsOfFile: errors, encoding: .utf8)
        // It may have been quicker than we were: then what it made is whole, and goes before the next signal.
        if ending == .status(0), Date().timeIntervalSince(began) < 0.1 {
          for name in Set(try FileManager.default.contentsOfDirectory(atPath: folder))
            .subtracting(before)
          {
            try FileManager.default.removeItem(atPath: folder + "/" + name)
          }
          continue
        }
        #expect(ending == .status(status), "\(item.arguments): \(text)")
        #expect(answered < 2, "\(item.arguments)")
        #expect(text.contains("interrupted") && text.contains(item.saying), "\(text)")
        let left = Set(try FileManager.default.contentsOfDirectory(atPath: folder)).subtracting(
          before)
        for name in left {
          // A run's folder is whole with every commit; it is there only when something was committed.
          if name.hasSuffix(".run") {
            let inside = try FileManager.default.contentsOfDirectory(atPath: folder + "/" + name)
            #expect(inside.contains("index.h5"), "\(name): \(inside)")
            #expect(!inside.contains { $0.hasSuffix(".tmp") }, "\(name): \(inside)")
          } else if name.hasSuffix(".h5") {
            // The signal came between the last step, which gives the whole file its name, and the end.
            let check = try Programs.run("isotherm-archive", ["check", name], in: folder)
            #expect(check.status == 0, "\(item.arguments) left \(name): \(check.errors)")
          } else {
            #expect(["d", "st", "rep"].contains(name), "\(item.arguments) left \(name)")
          }
          try FileManager.default.removeItem(atPath: folder + "/" + name)
        }
      }
    }
  }
}
