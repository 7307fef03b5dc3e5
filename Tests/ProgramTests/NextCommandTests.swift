import Foundation
import Testing

/// Ten mistakes that a newcomer makes: each ends in one line, and that line says what to type next.
@Suite struct NextCommandTests {
  private struct Mistake {
    let name: String, program: String, arguments: [String], next: String
  }

  private static let mistakes = [
    Mistake(
      name: "a wrong file", program: "isotherm-plot",
      arguments: ["similarity", "flow.h5", "-o", "n.png"],
      next: "`isotherm-analyze attention RUN FIELDS -o NAME` makes"),
    Mistake(
      name: "a wrong order", program: "isotherm", arguments: ["fit", "fields.h5", "-o", "n"],
      next: "`isotherm-archive ls --provenance fields.h5` names the run"),
    Mistake(
      name: "a step left out", program: "isotherm-analyze",
      arguments: ["bottleneck", "run.h5"], next: "`isotherm inform run.h5 -o NAME` makes"),
    Mistake(
      name: "a typing error", program: "isotherm-plot", arguments: ["trainnig", "run.h5"],
      next: "did you mean `isotherm-plot training`?"),
    Mistake(
      name: "missing data", program: "isotherm-analyze", arguments: ["flow", "nothing-like-it.h5"],
      next: "`isotherm-archive catalog .`"),
    Mistake(
      name: "no right to write", program: "isotherm-plot",
      arguments: ["training", "run.h5", "-o", "/proc/n.png"], next: "choose another place with -o"),
    Mistake(
      name: "a foreign file", program: "isotherm-plot",
      arguments: ["training", "words.h5", "-o", "n.png"], next: "`isotherm import FILE -o NAME`"),
    Mistake(
      name: "a data set for a run", program: "isotherm",
      arguments: ["fit", "fashion-mnist-small.h5", "-o", "n"],
      next: "`isotherm train STUDY.yaml --set data.file=fashion-mnist-small.h5 -o NAME`"),
    Mistake(
      name: "something too large", program: "isotherm-plot",
      arguments: ["training", "run.h5", "-o", "n.png", "--size", "2000x2000", "--dpi", "2400"],
      next: "lower --dpi or --size"),
    Mistake(
      name: "a name that is taken", program: "isotherm-analyze",
      arguments: ["flow", "run.h5", "fields.h5", "-o", "flow"], next: "pass --force to replace it"),
    Mistake(
      name: "an archive of another run beside a run", program: "isotherm-plot",
      arguments: ["overview", "run.h5", "solution.h5", "-o", "n.png"],
      next: "`isotherm-archive ls --provenance solution.h5`"),
  ]

  @Test(arguments: mistakes.indices) func `each names the next command`(index: Int) throws {
    let mistake = Self.mistakes[index]
    try withScratch { folder in
      try SmallArchives.copy(to: folder)
      try "hello".write(toFile: folder + "/words.h5", atomically: true, encoding: .utf8)
      let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      let outcome = try Programs.run(mistake.program, mistake.arguments, in: folder)
      #expect([1, 2].contains(outcome.status), "\(mistake.name): \(outcome.status)")
      #expect(outcome.output.isEmpty && outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains(mistake.next), "\(mistake.name): \(outcome.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == files)
    }
  }

  /// An older archive lacks what was recorded later: the line says what records it.
  @Test func `an old file names the command that makes a new one`() throws {
    try withScratch { folder in
      try SmallArchives.copy(to: folder)
      let script =
        "import h5py; f = h5py.File('run.h5', 'a'); del f['progress']; del f['gradients']"
      let cut = try Programs.run(
        Programs.root + "/.venv/bin/python", ["-c", script], in: folder)
      try #require(cut.status == 0, "\(cut.errors)")
      let outcome = try Programs.run(
        "isotherm-plot", ["gradients", "run.h5", "-o", "n.png"], in: folder)
      #expect(outcome.status == 1 && outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains("`isotherm train"), "\(outcome.errors)")
    }
  }

  @Test func `a full disk and an interruption say how to go on`() throws {
    try withScratch { folder in
      let library = try Programs.fullDisk(folder)
      let disk = folder + "/disk"
      try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
      let full = try Programs.run(
        "/usr/bin/env",
        ["LD_PRELOAD=\(library)", "DISK_FOLDER=\(disk)", "DISK_BYTES=100000"]
          + [Programs.folder + "/isotherm", "train", Programs.study] + Programs.small
          + ["-o", disk + "/r", "--progress", "none"])
      #expect(full.status == 1 && full.errors.contains("free some space"), "\(full.errors)")
      // Half a second is enough to begin, and not to end.
      let stopped = try Programs.run(
        "/usr/bin/timeout",
        ["-s", "INT", "0.6", Programs.folder + "/isotherm", "train", Programs.study]
          + Programs.small + ["--set", "training.epochs=50", "-o", folder + "/r"]
          + ["--progress", "none"])
      #expect(stopped.errors.contains("--resume"), "\(stopped.status): \(stopped.errors)")
    }
  }
}
