import Archive
import Foundation
import Testing

/// `mpirun -n P isotherm train`: any number of processes comes to the archive of one. With each MPI that this machine has.
@Suite(.serialized) struct ManyProcessTests {
  /// An MPI by its launcher and its compiler.
  struct MPI: Sendable, CustomTestStringConvertible {
    let compiler: String, launcher: [String]
    var testDescription: String { compiler }
    /// Whether it is here; Debian installs both side by side.
    var isHere: Bool {
      ["/usr/bin/", "/usr/local/bin/"].contains {
        FileManager.default.isExecutableFile(atPath: $0 + compiler)
          && FileManager.default.isExecutableFile(atPath: $0 + launcher[0])
      }
    }
  }

  static let all = [
    MPI(
      compiler: "mpicc.openmpi",
      launcher: ["mpirun.openmpi", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none"]),
    MPI(compiler: "mpicc.mpich", launcher: ["mpirun.mpich"]),
  ]

  static var here: [MPI] {
    let found = all.filter(\.isHere)
    for mpi in all where !mpi.isHere {
      FileHandle.standardError.write(
        Data("skipped: \(mpi.compiler) and its mpirun are not installed\n".utf8))
    }
    return found
  }

  /// A study whose runs have some checkpoints.
  private func study(_ folder: String, epochs: Int = 2) throws -> [String] {
    try SmallData.images(folder + "/d.h5")
    let study = try SmallData.study(folder)
    return [
      "train", study, "--set", "training.epochs=\(epochs)", "--set", "training.validation=0.1",
      "--set", "model.dropout=0.1",
    ]
  }

  private func library(_ mpi: MPI, _ folder: String) throws -> String {
    let built = try Programs.run(
      "/usr/bin/env", ["MPICC=\(mpi.compiler)", Programs.root + "/tools/build-mpi", folder])
    try #require(built.status == 0, "\(built.errors)")
    return folder + "/libisotherm-mpi.so"
  }

  private func command(
    _ mpi: MPI, _ count: Int, _ library: String, _ arguments: [String]
  ) -> [String] {
    // Open MPI's processes find each other in memory; a container may not let them look into each other's.
    ["ISOTHERM_MPI=\(library)", "OMPI_MCA_btl_vader_single_copy_mechanism=none"] + mpi.launcher
      + ["-n", "\(count)", Programs.folder + "/isotherm"] + arguments
  }

  @Test(arguments: here)
  func `every number of processes comes to the archive of one`(mpi: MPI) throws {
    try withScratch { folder in
      let (study, library) = try (study(folder), library(mpi, folder))
      let alone = try Programs.run("isotherm", study + ["-o", folder + "/alone", "--threads", "1"])
      try #require(alone.status == 0, "\(alone.errors)")
      let expected = try RunReader(folder + "/alone").logicalHash()
      for (count, threads) in [(1, 2), (2, 1), (2, 2), (3, 1), (4, 1), (8, 1)] {
        let out = "\(folder)/p\(count)-\(threads)"
        let outcome = try Programs.run(
          "/usr/bin/env",
          command(mpi, count, library, study + ["-o", out, "--threads", "\(threads)"]))
        try #require(outcome.status == 0, "\(outcome.errors)")
        // One of them tells the result.
        #expect(outcome.output.split(separator: "\n").count == 1, "\(outcome.output)")
        #expect(try RunReader(out).logicalHash() == expected, "\(count) processes")
      }
    }
  }

  @Test(arguments: here)
  func `a signal commits, a killed process ends all, and another number goes on`(mpi: MPI) throws {
    try withScratch { folder in
      let (study, library) = try (study(folder, epochs: 400), library(mpi, folder))
      let alone = try Programs.run("isotherm", study + ["-o", folder + "/alone"])
      try #require(alone.status == 0, "\(alone.errors)")
      let out = folder + "/together"
      for (number, count) in [(SIGUSR1, 3), (SIGTERM, 2), (SIGKILL, 4)] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command(
          mpi, count, library, study + ["-o", out, "--threads", "1", "--resume"])
        process.currentDirectoryURL = URL(fileURLWithPath: Programs.root)
        (process.standardOutput, process.standardError) = (
          FileHandle.nullDevice, FileHandle.nullDevice
        )
        try Programs.startUnblocked(process)
        var waited = 0
        while try parts(out) < (number == SIGUSR1 ? 2 : 3), process.isRunning, waited < 20_000 {
          usleep(2000)
          waited += 1
        }
        try #require(process.isRunning, "ended before the signal \(number)")
        if number == SIGKILL {
          // One of the processes: the launcher's grandchild whose last rank is this.
          let victim = try Programs.run(
            "/usr/bin/pgrep", ["-n", "-f", "isotherm train .* -o \(out) "])
          let pid = try #require(
            pid_t(victim.output.trimmingCharacters(in: .whitespacesAndNewlines)))
          kill(pid, SIGKILL)
        } else {
          kill(process.processIdentifier, number)
        }
        let began = Date()
        process.waitUntilExit()
        #expect(Date().timeIntervalSince(began) < 10, "signal \(number)")
        #expect(process.terminationStatus != 0)
        #expect(!FileManager.default.fileExists(atPath: out + ".h5"))
      }
      let last = try Programs.run("isotherm", study + ["-o", out, "--resume"])
      try #require(last.status == 0, "\(last.errors)")
      #expect(try RunReader(out).logicalHash() == RunReader(folder + "/alone").logicalHash())
    }
  }

  private func parts(_ out: String) throws -> Int {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: out + ".run")) ?? []
    return names.count { $0.hasPrefix("part-") }
  }

  @Test func `what several processes lack is told`() throws {
    try withScratch { folder in
      let study = try study(folder)
      let outcome = try Programs.run(
        "/usr/bin/env",
        ["OMPI_COMM_WORLD_SIZE=4", "ISOTHERM_MPI=\(folder)/none.so", Programs.folder + "/isotherm"]
          + study + ["-o", folder + "/r"])
      #expect(outcome.status == 1 && outcome.errors.contains("tools/build-mpi"))
      try "no library".write(toFile: folder + "/bad.so", atomically: true, encoding: .utf8)
      let bad = try Programs.run(
        "/usr/bin/env",
        ["PMI_SIZE=2", "ISOTHERM_MPI=\(folder)/bad.so", Programs.folder + "/isotherm"] + study
          + ["-o", folder + "/r"])
      #expect(bad.status == 1 && bad.errors.contains("cannot be loaded"), "\(bad.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder + "/r.run"))
    }
  }
}
