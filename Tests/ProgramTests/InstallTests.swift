import Foundation
import Testing

/// The programs installed under a prefix that is moved, used from elsewhere, and taken away again.
@Suite struct InstallTests {
  private static var isPossible: Bool {
    let tools = ["/usr/bin/help2man", "/usr/bin/patchelf"]
    return tools.allSatisfy { FileManager.default.isExecutableFile(atPath: $0) }
  }

  private func files(_ folder: String) -> [String] {
    (FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? []).sorted()
  }

  private func tool(_ name: String, _ arguments: [String]) throws -> Programs.Outcome {
    try Programs.run("/bin/bash", [Programs.root + "/tools/" + name] + arguments)
  }

  @Test func `an installation works from anywhere, and goes without a trace`() throws {
    guard Self.isPossible else {
      print("skipped: help2man and patchelf are not installed; tools/test installs them")
      return
    }
    try withScratch { folder in
      let (first, prefix, work) = (folder + "/first", folder + "/moved", folder + "/work")
      let manager = FileManager.default
      try manager.createDirectory(atPath: first + "/bin", withIntermediateDirectories: true)
      try manager.createDirectory(atPath: work, withIntermediateDirectories: true)
      try "mine".write(toFile: first + "/bin/mine", atomically: true, encoding: .utf8)
      for _ in 0..<2 {
        let done = try tool("install", ["--prefix", first, "--skip-build"])
        try #require(done.status == 0, "\(done.errors)")
      }
      try manager.moveItem(atPath: first, toPath: prefix)
      let found = files(prefix)
      #expect(found.contains("share/man/man1/isotherm-train.1"))
      #expect(found.contains("share/bash-completion/completions/isotherm-plot"))
      let page = try String(
        contentsOfFile: prefix + "/share/man/man1/isotherm-train.1", encoding: .utf8)
      #expect(page.contains("ISOTHERM-TRAIN") && page.contains("\\-\\-dry\\-run"))
      // From a folder with nothing in it, the study and its data are those that were installed.
      let trained = try Programs.run(
        prefix + "/bin/isotherm", ["train", "data/studies/fashion-mnist.yaml", "--dry-run"],
        in: work)
      #expect(trained.status == 0, "\(trained.errors)")
      let version = try Programs.run(prefix + "/bin/isotherm", ["--version"], in: work)
      #expect(version.output.contains("commit ") && !version.output.contains("unknown"))
      #expect(files(work).isEmpty)
      let removed = try tool("uninstall", ["--prefix", prefix])
      #expect(removed.status == 0, "\(removed.errors)")
      #expect(files(prefix) == ["bin", "bin/mine"])
    }
  }

  @Test func `what is not ours is neither replaced nor removed`() throws {
    try withScratch { folder in
      let program = folder + "/bin/isotherm"
      try FileManager.default.createDirectory(
        atPath: folder + "/bin", withIntermediateDirectories: true)
      try "mine".write(toFile: program, atomically: true, encoding: .utf8)
      if Self.isPossible {
        let refused = try tool("install", ["--prefix", folder, "--skip-build"])
        #expect(refused.status == 1 && refused.errors.contains("move it away"))
      }
      let nothing = try tool("uninstall", ["--prefix", folder])
      #expect(nothing.status == 1 && nothing.errors.contains("pass --prefix DIR"))
      #expect(try String(contentsOfFile: program, encoding: .utf8) == "mine")
      #expect(try tool("install", ["--prefx", folder]).status == 2)
    }
  }
}
