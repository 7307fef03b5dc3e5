import Archive
import Foundation
import TestSupport
import Testing

/// Kills and power cuts: nothing acknowledged is lost, and a resumed run ends with the bits of one never stopped.
@Suite struct CutTests {
  /// A run of some seconds with a commit every few steps and a merge every few commits.
  private static let study = """
    title: cut
    seed: 1
    data: {modality: image, file: data/fashion-mnist-small.h5, patch: 7}
    model: {width: 16, heads: 2, layers: 2, mlp: 32}
    training: {epochs: EPOCHS, batch: BATCH, rate: 1e-3}
    capture: {taps: ["residual.*.post", "attention.*.map"], samples: 32}
    """

  private func arguments(_ folder: String, epochs: Int, batch: Int) throws -> [String] {
    let file = folder + "/study.yaml"
    try Self.study.replacing("EPOCHS", with: "\(epochs)").replacing("BATCH", with: "\(batch)")
      .write(toFile: file, atomically: true, encoding: .utf8)
    return ["train", file, "--commit-seconds", "0.02", "--part-limit", "4"]
  }

  /// When a run is killed.
  private enum Moment: CaseIterable {
    case committed, merging, sealing
    func hasCome(_ out: String) -> Bool {
      let manager = FileManager.default
      switch self {
      case .committed: return manager.fileExists(atPath: out + ".run/index.h5")
      case .merging:
        let names = (try? manager.contentsOfDirectory(atPath: out + ".run")) ?? []
        return names.contains {
          $0.hasPrefix(".part-") && $0.count > ".part-000000.h5.01234567.tmp".count
        }
      case .sealing: return manager.fileExists(atPath: out + ".h5.sealing")
      }
    }
  }

  private func start(_ arguments: [String]) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Programs.folder + "/isotherm")
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: Programs.root)
    process.environment = ProcessInfo.processInfo.environment.filter {
      $0.key != "OPENBLAS_CORETYPE"
    }
    (process.standardError, process.standardOutput) = (FileHandle.nullDevice, FileHandle.nullDevice)
    try process.run()
    return process
  }

  @Test func `a run killed while it commits, merges, seals or resumes goes on to the same bits`()
    throws
  {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let arguments = try arguments(folder, epochs: 3, batch: 100)
    let whole = try Programs.run("isotherm", arguments + ["-o", folder + "/whole"])
    try #require(whole.status == 0, "\(whole.errors)")
    let hash = try RunReader(folder + "/whole").logicalHash()
    for moment in Moment.allCases {
      let out = "\(folder)/\(moment)"
      // Killed once from the beginning, once from a resume; both at the moment where it comes.
      for more in [[], ["--resume"]] {
        let process = try start(arguments + ["-o", out] + more)
        while !moment.hasCome(out), process.isRunning { usleep(200) }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
      }
      let resumed = try Programs.run("isotherm", arguments + ["-o", out, "--resume"])
      try #require(resumed.status == 0, "\(moment): \(resumed.errors)")
      #expect(try RunReader(out).logicalHash() == hash, "\(moment)")
      #expect(!FileManager.default.fileExists(atPath: out + ".run"), "\(moment)")
    }
  }

  @Test func `nothing acknowledged is lost when the power goes`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let disk = folder + "/disk"
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
    // ISOTHERM_CUTS=0 cuts at every write-out, rename and removal of a longer run.
    let cuts = ProcessInfo.processInfo.environment["ISOTHERM_CUTS"] ?? "6"
    let run = try arguments(folder, epochs: 2, batch: cuts == "0" ? 100 : 500)
    func cut(_ more: [String], _ name: String) throws -> Programs.Outcome {
      try Programs.run(
        Programs.root + "/.venv/bin/python",
        [Programs.root + "/Tests/ProgramTests/power-cut.py", "--cuts", cuts] + more
          + ["--archive", Programs.folder + "/isotherm-archive", "--folder", disk, "--"]
          + [Programs.folder + "/isotherm"] + run + ["-o", disk + "/" + name])
    }
    let outcome = try cut([], "r")
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    if cuts == "0" { print(outcome.output) }
    // The same without fsync must fail, or the check proves nothing.
    let without = try cut(["--without-fsync"], "without")
    #expect(without.status == 1, "\(without.output)\(without.errors)")
    #expect(without.output.contains("\"failures\""))
  }

  @Test func `a full disk loses nothing acknowledged, and the run goes on`() throws {
    try withScratch { folder in
      let library = try Programs.fullDisk(folder)
      let arguments = try arguments(folder, epochs: 2, batch: 200)
      let whole = try Programs.run("isotherm", arguments + ["-o", folder + "/whole"])
      try #require(whole.status == 0, "\(whole.errors)")
      let reference = try RunReader(folder + "/whole")
      let hash = try reference.logicalHash()
      let size = try Data(contentsOf: URL(fileURLWithPath: folder + "/whole.h5")).count
      // ISOTHERM_DISKS=60 tries sixty sizes, from a twentieth of the sealed file to eight of it.
      let asked = ProcessInfo.processInfo.environment["ISOTHERM_DISKS"].flatMap(Int.init)
      let count = max(6, asked ?? 6)
      var (filled, kept) = (0, 0)
      for trial in 0..<count {
        let disk = "\(folder)/disk-\(trial)"
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        let bytes = Double(size) * (0.05 + 7.95 * Double(trial) / Double(count - 1))
        let outcome = try Programs.run(
          "/usr/bin/env",
          ["LD_PRELOAD=\(library)", "DISK_FOLDER=\(disk)", "DISK_BYTES=\(Int(bytes))"]
            + [Programs.folder + "/isotherm"] + arguments
            + ["-o", disk + "/r", "--progress", "json"])
        let rows = try acknowledged(outcome.errorLines)
        if outcome.status != 0 {
          filled += 1
          let last = outcome.errorLines.last ?? ""
          #expect(outcome.status == 1, "\(Int(bytes)): \(outcome.status) \(last)")
          #expect(last.contains("the disk is full") && last.contains("--resume"), "\(last)")
        }
        if !rows.isEmpty {
          let reader = try RunReader(disk + "/r")
          for (name, count) in rows {
            guard count > 0, name != "/progress/seconds" else { continue }
            let found = try reader.readRow(name, count - 1, as: Double.self).elements
            let written = try reference.readRow(name, count - 1, as: Double.self).elements
            #expect(
              found.map(\.bitPattern) == written.map(\.bitPattern), "\(Int(bytes)): \(name)")
          }
          kept += outcome.status == 0 ? 0 : 1
        }
        let resumed = try Programs.run("isotherm", arguments + ["-o", disk + "/r", "--resume"])
        #expect(resumed.status == 0, "\(Int(bytes)): \(resumed.errors)")
        #expect(try RunReader(disk + "/r").logicalHash() == hash, "\(Int(bytes))")
      }
      // Some before the first commit, some after it, some not at all.
      #expect(0 < kept && kept < filled && filled < count, "\(kept) of \(filled) of \(count)")
      if count > 6 { print("\(filled) of \(count) disks were full, \(kept) after a commit") }
    }
  }

  /// Rows of each array that a run said are safe.
  private func acknowledged(_ lines: [String]) throws -> [String: Int] {
    var rows: [String: Int] = [:]
    for line in lines {
      let event = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      guard event?["event"] as? String == "commit" else { continue }
      let more = try #require(event?["rows"] as? [String: Int])
      rows.merge(more) { $1 }
    }
    return rows
  }

  @Test func `a damaged schema or part is told in one line`() throws {
    let folder = try Programs.scratch()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let process = try start(try arguments(folder, epochs: 40, batch: 100) + ["-o", folder + "/r"])
    while !Moment.committed.hasCome(folder + "/r"), process.isRunning { usleep(1000) }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    let run = folder + "/r.run"
    let schema = [UInt8](try Data(contentsOf: URL(fileURLWithPath: run + "/schema.json")))
    let count = ProcessInfo.processInfo.environment["ISOTHERM_MUTATIONS"].flatMap(Int.init) ?? 15
    var refused = 0
    for trial in 0..<count {
      var bytes = schema
      var random = SeededChoice(UInt64(trial))
      // Digits most of the time: lengths of axes are what can do harm.
      let digits = bytes.indices.filter { (0x30...0x39).contains(bytes[$0]) }
      for _ in 0..<3 {
        let place =
          trial % 3 == 0
          ? Int(random.next() % UInt64(bytes.count))
          : digits[Int(random.next() % UInt64(digits.count))]
        bytes[place] =
          trial % 3 == 0 ? UInt8(random.next() % 256) : 0x30 + UInt8(random.next() % 10)
      }
      if trial % 7 == 0 { bytes.removeLast(Int(random.next() % UInt64(bytes.count))) }
      try Data(bytes).write(to: URL(fileURLWithPath: run + "/schema.json"))
      let outcome = try Programs.run("isotherm-archive", ["recover", folder + "/r"])
      #expect(
        [0, 1].contains(outcome.status), "trial \(trial): \(outcome.status) \(outcome.errors)")
      if outcome.status == 1 {
        refused += 1
        #expect(outcome.errorLines.count == 1, "trial \(trial): \(outcome.errors)")
      }
    }
    #expect(refused > 0)
  }
}
