import Foundation
import Testing

/// The Python package that records archives from other people's loops, and the notebook about it.
@Suite struct PythonRecorderTests {
  private static let package = Programs.root + "/tools/python"
  private static let python = Programs.root + "/.venv/bin/python"
  private static let needed =
    "import h5py, numpy, torch; assert int(torch.__version__.split('.')[0]) > 1"

  /// The first Python here that has PyTorch 2 beside what the package needs; nil where there is none.
  private static var pythonWithTorch: String? {
    let candidates = [
      ProcessInfo.processInfo.environment["ISOTHERM_TORCH_PYTHON"], python, "/usr/bin/python3",
    ]
    return candidates.compactMap { $0 }.first {
      FileManager.default.fileExists(atPath: $0)
        && (try? Programs.run($0, ["-c", needed]))?.status == 0
    }
  }

  /// The outcome of one of the package's test files, and why tests of it were left out.
  private func unittest(_ python: String, _ pattern: String) throws -> Programs.Outcome {
    let outcome = try Programs.run(
      python, ["-B", "-m", "unittest", "discover", "-v", "-s", "tests", "-p", pattern],
      in: Self.package)
    for line in outcome.errorLines where line.contains("skipped '") { print("skipped: \(line)") }
    if !outcome.output.isEmpty { print(outcome.output, terminator: "") }
    return outcome
  }

  @Test(arguments: [
    "test_round_trip.py", "test_codec.py", "test_bad_input.py", "test_kills.py", "test_resume.py",
    "test_memory.py", "test_full_disk.py", "test_programs.py", "test_package.py",
  ])
  func `the package passes its own tests`(file: String) throws {
    let outcome = try unittest(Self.python, file)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("... ok"))
  }

  @Test func `hooks capture what a module of PyTorch computes`() throws {
    guard let python = Self.pythonWithTorch else {
      print("skipped: no Python here has PyTorch 2; pip install torch into .venv runs these tests")
      return
    }
    for file in ["test_torch.py", "test_twin.py"] {
      let outcome = try unittest(python, file)
      #expect(outcome.status == 0 && outcome.errors.contains("... ok"), "\(outcome.errors)")
    }
  }

  @Test func `nothing that the package acknowledged is lost when the power goes`() throws {
    try withScratch { folder in
      let disk = folder + "/disk"
      try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
      // ISOTHERM_CUTS=0 cuts at every write-out, rename and removal.
      let cuts = ProcessInfo.processInfo.environment["ISOTHERM_CUTS"] ?? "6"
      func cut(_ more: [String], _ name: String) throws -> Programs.Outcome {
        try Programs.run(
          Self.python,
          [Programs.root + "/Tests/ProgramTests/power-cut.py", "--cuts", cuts] + more
            + ["--archive", Programs.folder + "/isotherm-archive", "--folder", disk, "--"]
            + [Self.python, "-B", Self.package + "/tests/record.py", "-o", disk + "/" + name])
      }
      let outcome = try cut([], "run")
      #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
      // The same without fsync must fail, or the check proves nothing.
      let without = try cut(["--without-fsync"], "without")
      #expect(without.status == 1 && without.output.contains("\"failures\""), "\(without)")
    }
  }

  /// The notebook's blocks in a language, in order.
  private func blocks(_ language: String) throws -> [String] {
    let text = try String(
      contentsOfFile: Programs.root + "/notebooks-md/11-from-pytorch.md", encoding: .utf8)
    return text.components(separatedBy: "```\(language)\n").dropFirst().map {
      $0.components(separatedBy: "```")[0]
    }
  }

  /// Runs the notebook with one of its two loops.
  private func runNotebook(_ python: String, loop: String) throws {
    let (loops, shells) = (try blocks("python"), try blocks("sh"))
    try #require(loops.count == 2 && shells.count == 2)
    try withScratch { folder in
      for (name, text) in zip(["loop.py", "loop-numpy.py"], loops) {
        try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
      }
      let setting = """
        python() { '\(python)' -B "$@"; }
        export PYTHONPATH='\(Self.package)'

        """
      let commands = shells[1].replacing("loop.py", with: loop)
      let outcome = try Programs.run("/bin/bash", ["-ec", setting + commands], in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("killed"))
      #expect(outcome.output.components(separatedBy: "0 findings").count == 3)
      #expect(outcome.output.contains("checkpoint 5, sample 64"))
      #expect(!FileManager.default.fileExists(atPath: folder + "/run.run"))
      for figure in ["flow.png", "attention.png"] {
        #expect(FileManager.default.fileExists(atPath: "\(folder)/\(figure)"))
      }
    }
  }

  @Test func `the notebook's loops are killed, resumed and analysed`() throws {
    try runNotebook(Self.python, loop: "loop-numpy.py")
    guard let python = Self.pythonWithTorch else {
      print("skipped: no Python here has PyTorch 2; the notebook's NumPy loop was run alone")
      return
    }
    try runNotebook(python, loop: "loop.py")
  }
}
