import Archive
import Foundation
import Testing

/// `isotherm study --submit slurm` against a cluster of this test's own, see `slurm-stub.sh`.
@Suite struct SlurmTests {
  /// A study on the images in a folder's `d.h5`, and a cluster for it.
  private struct Cluster {
    let folder: String
    var environment: [String]

    init(_ folder: String, seeds: Int = 3, epochs: Int = 2) throws {
      self.folder = folder
      try SmallData.images(folder + "/d.h5")
      _ = try SmallData.study(folder)
      try """
      cases: {own: {study: "\(folder)/image.yaml", set: {run: [training.epochs=\(epochs)]}}}
      steps:
        run: {command: train}
        stability: {analyze: stability, from: [run]}
      sizes: {small: {seeds: \(seeds)}}
      studies:
        mine: {title: Mine, steps: [run, stability], headline: [stability/test_accuracy]}
      """.write(toFile: folder + "/plan.yaml", atomically: true, encoding: .utf8)
      let programs = folder + "/bin"
      try FileManager.default.createDirectory(atPath: programs, withIntermediateDirectories: true)
      for name in ["sbatch", "squeue", "scontrol", "sacct"] {
        try FileManager.default.createSymbolicLink(
          atPath: programs + "/" + name, withDestinationPath: Self.stub)
      }
      environment = ["PATH=\(programs):/usr/bin:/bin", "SLURM_STUB=\(folder)/stub"]
    }

    static let stub = Programs.root + "/Tests/ProgramTests/slurm-stub.sh"

    func study(_ arguments: [String], out: String = "s") throws -> Programs.Outcome {
      try Programs.run(
        "/usr/bin/env",
        environment + [Programs.folder + "/isotherm", "study", folder + "/plan.yaml"]
          + ["-o", folder + "/" + out] + arguments)
    }

    /// What a command prints as JSON.
    func told(_ arguments: [String]) throws -> [String: Any] {
      let outcome = try study(arguments + ["--json"])
      try #require(outcome.status == 0, "\(outcome.errors)")
      return try #require(
        try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    }

    func stages() throws -> [String] {
      let chains = try #require(try told(["--status"])["chains"] as? [[String: Any]])
      return chains.compactMap { $0["stage"] as? String }
    }

    func note(_ chain: Int) throws -> String {
      let chains = try #require(try told(["--status"])["chains"] as? [[String: Any]])
      return try #require(chains[chain]["note"] as? String)
    }

    /// Runs a task of the cluster; returns its status.
    func run(_ arguments: [String]) throws -> Int32 {
      try Programs.run("/usr/bin/env", environment + [Self.stub] + arguments).status
    }

    func text(_ path: String) throws -> String {
      try String(contentsOfFile: folder + "/" + path, encoding: .utf8)
    }
  }

  @Test func `what is missing is submitted, and again only that`() throws {
    try withScratch { folder in
      let cluster = try Cluster(folder)
      let first = try cluster.told(
        [
          "--submit", "slurm", "--partition", "short", "--time", "0:30:00", "--array-limit", "5",
          "--threads", "2", "--memory", "1.5", "--sbatch=--account=physics",
        ])
      #expect(first["arrays"] as? [String] == ["1"] && first["summary"] as? String == "2")
      #expect(first["submitted"] as? Int == 3)
      let script = try cluster.text("s/slurm/0001/task.sh")
      for line in [
        "--partition=short", "--time=0:30:00", "--cpus-per-task=2", "--mem=1500M",
        "--account=physics", "--requeue", "--signal=B:USR1@120", "--open-mode=append",
      ] { #expect(script.contains("#SBATCH \(line)\n"), "\(line)") }
      let log = try cluster.text("stub/log")
      #expect(log.contains("--array=0-2%5") && log.contains("--dependency=afterany:1 "))
      #expect(try cluster.stages() == ["waiting", "waiting", "waiting"])
      let again = try cluster.told(["--submit", "slurm"])
      #expect(again["submitted"] as? Int == 0 && again["queued"] as? Int == 3)
      // One is made, one fails, one vanishes with its node.
      #expect(try cluster.run(["run", "1", "0"]) == 0)
      try FileManager.default.moveItem(atPath: folder + "/d.h5", toPath: folder + "/gone.h5")
      #expect(try cluster.run(["run", "1", "1"]) == 1)
      try FileManager.default.moveItem(atPath: folder + "/gone.h5", toPath: folder + "/d.h5")
      #expect(try cluster.run(["drop", "1", "2"]) == 0)
      #expect(try cluster.stages() == ["made", "failed", "lost"])
      #expect(try cluster.note(1).contains("status 1: isotherm: "))
      // The summary names what is missing, and takes nothing in its place.
      #expect(try cluster.run(["run", "2", "0"]) == 1)
      let told = try cluster.text("s/slurm/0001/2.log")
      #expect(told.contains("own/plain/seed-2/stability.h5") && told.contains("seed-3"), "\(told)")
      #expect(!FileManager.default.fileExists(atPath: folder + "/s/summary/mine-own.h5"))
      let second = try cluster.told(["--submit", "slurm"])
      #expect(second["submitted"] as? Int == 2 && second["made"] as? Int == 1)
      #expect(try cluster.text("s/slurm/0002/tasks") == "own/plain/seed-2\nown/plain/seed-3\n")
      for task in ["0", "1"] { #expect(try cluster.run(["run", "3", task]) == 0) }
      #expect(try cluster.run(["run", "4", "0"]) == 0)
      #expect(try cluster.stages() == ["made", "made", "made"])
      let local = try cluster.study([])
      #expect(local.output.contains("0 archives made, 7 kept"), "\(local.errors)")
      let other = try cluster.study([], out: "t")
      try #require(other.status == 0, "\(other.errors)")
      for name in ["own/plain/seed-2/run.h5", "summary/mine-own.h5"] {
        let (one, two) = try (RunReader(folder + "/s/" + name), RunReader(folder + "/t/" + name))
        #expect(try one.logicalHash() == two.logicalHash(), "\(name)")
      }
    }
  }

  @Test func `a task that its time limit stops is queued again and goes on`() throws {
    try withScratch { folder in
      let cluster = try Cluster(folder, seeds: 1, epochs: 400)
      _ = try cluster.told(["--submit", "slurm"])
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = cluster.environment + [Cluster.stub, "run", "1", "0"]
      try Programs.startUnblocked(process)
      let run = folder + "/s/own/plain/seed-1/run"
      while !FileManager.default.fileExists(atPath: run + ".run/index.h5"), process.isRunning {
        usleep(2000)
      }
      #expect(try cluster.stages() == ["running"])
      let pid = try #require(
        pid_t(try cluster.text("stub/pids/1_0").trimmingCharacters(in: .whitespacesAndNewlines)))
      kill(pid, SIGUSR1)
      process.waitUntilExit()
      #expect(process.terminationStatus == 137)
      #expect(try cluster.text("stub/log").contains("scontrol requeue 1_0"))
      #expect(!FileManager.default.fileExists(atPath: run + ".h5"))
      #expect(FileManager.default.fileExists(atPath: run + ".run/index.h5"))
      #expect(try cluster.stages() == ["waiting"])
      #expect(try cluster.run(["run", "1", "0"]) == 0)
      #expect(try cluster.stages() == ["made"])
      // Two processes wrote it.
      #expect(try RunReader(run).readTexts("/provenance/session_rows").count == 2)
    }
  }

  @Test func `arrays stay within the cluster's size, and short chains share a task`() throws {
    try withScratch { folder in
      var cluster = try Cluster(folder)
      cluster.environment.append("STUB_MAX_ARRAY=2")
      let split = try cluster.told(["--submit", "slurm", "--array-limit", "1"])
      #expect(split["arrays"] as? [String] == ["1", "2"])
      let log = try cluster.text("stub/log")
      #expect(log.contains("--array=0-1%1 ") && log.contains("task.sh 0\n"))
      #expect(
        log.contains("--array=0-0%1 --dependency=afterany:1 ") && log.contains("task.sh 2\n"))
      #expect(log.contains("--dependency=afterany:1:2 "))
      #expect(try cluster.run(["run", "2", "0"]) == 0)
      #expect(try cluster.stages() == ["waiting", "waiting", "made"])
      for task in ["0", "1"] { #expect(try cluster.run(["drop", "1", task]) == 0) }
      let packed = try cluster.told(["--submit", "slurm", "--pack", "2"])
      #expect(packed["submitted"] as? Int == 2)
      #expect(try cluster.text("s/slurm/0002/tasks") == "own/plain/seed-1\town/plain/seed-2\n")
      #expect(try cluster.run(["run", "4", "0"]) == 0)
      #expect(try cluster.stages() == ["made", "made", "made"])
    }
  }

  @Test func `a script to edit is printed, and nothing is written`() throws {
    try withScratch { folder in
      let cluster = try Cluster(folder)
      let printed = try cluster.study(["--print-script", "--time", "1:00"])
      #expect(printed.status == 0 && printed.output.hasPrefix("#!/bin/bash\n#SBATCH "))
      #expect(printed.output.contains("sbatch --array=0-2 SCRIPT"))
      #expect(!FileManager.default.fileExists(atPath: folder + "/s"))
      try printed.output.write(toFile: folder + "/own.sh", atomically: true, encoding: .utf8)
      try FileManager.default.createDirectory(
        atPath: folder + "/s/slurm/by-hand", withIntermediateDirectories: true)
      let id = try Programs.run(
        "/usr/bin/env",
        cluster.environment + ["sbatch", "--parsable", "--array=0-2", folder + "/own.sh"])
      #expect(id.output == "1\n")
      #expect(try cluster.run(["run", "1", "1"]) == 0)
      #expect(try cluster.stages() == ["missing", "made", "missing"])
    }
  }

  @Test func `what keeps a study from being submitted is told, and leaves nothing`() throws {
    try withScratch { folder in
      var cluster = try Cluster(folder)
      try FileManager.default.createDirectory(
        atPath: folder + "/stub", withIntermediateDirectories: true)
      try "sbatch: error: invalid partition specified: fast\n"
        .write(toFile: folder + "/stub/refuse", atomically: true, encoding: .utf8)
      let refused = try cluster.study(["--submit", "slurm", "--partition", "fast"])
      #expect(refused.status == 1 && refused.errors.contains("invalid partition specified: fast"))
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder + "/s/slurm") == [".lock"])
      for (arguments, words) in [
        (["--partition", "short"], "are for --submit slurm"),
        (["--submit", "slurm", "--status"], "exclude each other"),
        (["--submit", "slurm", "--time", "1 hour"], "one word is expected"),
        (["--submit", "pbs"], "slurm"),
        (["--chain", "own/plain/seed-9"], "own/plain/seed-1, own/plain/seed-2"),
      ] {
        let outcome = try cluster.study(arguments)
        #expect(outcome.status == 2 && outcome.errors.contains(words), "\(outcome.errors)")
      }
      cluster.environment[0] = "PATH=/nowhere"
      let absent = try cluster.study(["--submit", "slurm"])
      #expect(absent.status == 1 && absent.errors.contains("squeue is not on the search path"))
    }
  }
}
