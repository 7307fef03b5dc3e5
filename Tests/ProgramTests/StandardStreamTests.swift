import Archive
import Foundation
import Testing

/// Results that do not arrive are no success.
@Suite struct StandardStreamTests {
  private static let commands: [(String, [String])] = [
    ("isotherm", ["--help"]), ("isotherm", ["--version"]), ("isotherm", ["verify", "--help"]),
    ("isotherm", ["train", Programs.root + "/" + Programs.study, "--dry-run"]),
    ("isotherm", ["integrate", Programs.root + "/data/problems/heat.yaml", "--dry-run", "--json"]),
    ("isotherm", ["inform", "run", "--dry-run"]),
    ("isotherm-archive", ["ls", "run"]), ("isotherm-archive", ["ls", "run", "--json"]),
    ("isotherm-archive", ["ls", "run", "--provenance"]),
    ("isotherm-archive", ["check", "flow"]), ("isotherm-archive", ["diff", "flow", "flow"]),
    ("isotherm-archive", ["catalog", "archives", "--no-cache", "--csv"]),
    ("isotherm-analyze", ["flow", "run", "fields"]),
    ("isotherm-analyze", ["flow", "run", "fields", "--csv"]),
    ("isotherm-analyze", ["flow", "run", "fields", "--json"]),
    ("isotherm-plot", ["list"]), ("isotherm-plot", ["list", "--json"]),
    ("isotherm-plot", ["--version"]),
  ]

  @Test func `a full or closed stdout is a failure`() throws {
    let folder = try SmallArchives.folder.get()
    for (program, arguments) in Self.commands {
      let errors = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString
      defer { unlink(errors) }
      for output in ["/dev/full", nil] {
        let run = RawProgram(program, arguments, in: folder, output: output, errors: errors)
        #expect(try run.run() == .status(1), "\(program) \(arguments) > \(output ?? "&-")")
      }
      let text = try String(contentsOfFile: errors, encoding: .utf8)
      #expect(text.split(separator: "\n").count == 2, "\(text)")
      #expect(text.contains("No space left") && text.contains("Bad file descriptor"), "\(text)")
      // Nobody hears it, and it is right all the same.
      let deaf = RawProgram(program, arguments, in: folder, errors: nil)
      #expect(try deaf.run() == .status(0), "\(program) \(arguments) 2>&-")
    }
  }

  @Test func `a reader that has gone away ends a program quietly`() throws {
    let folder = try SmallArchives.folder.get()
    for (program, arguments) in Self.commands {
      let words = ([Programs.folder + "/" + program] + arguments).map { "'\($0)'" }
      let script = "set -o pipefail; { sleep 0.05; exec \(words.joined(separator: " ")); } | true"
      let outcome = try Programs.run("/bin/bash", ["-c", script], in: folder)
      #expect(outcome.status == 128 + SIGPIPE, "\(arguments)")
      #expect(outcome.errors.isEmpty, "\(outcome.errors)")
    }
  }

  @Test func `with stdout closed no archive becomes stdout`() throws {
    try withScratch { folder in
      try SmallArchives.copy(to: folder)
      for (program, arguments, name) in [
        ("isotherm-archive", ["repack", "flow", "-o", "a"], "a.h5"),
        ("isotherm-analyze", ["flow", "run", "fields", "-o", "b"], "b.h5"),
        ("isotherm-plot", ["flow", "flow.h5", "-o", "c.png"], "c.png"),
      ] {
        let ending = try RawProgram(program, arguments, in: folder, output: nil).run()
        #expect(ending == .status(1))
        #expect(FileManager.default.fileExists(atPath: folder + "/" + name), "\(name)")
        guard name.hasSuffix(".h5") else { continue }
        let checked = try Programs.run("isotherm-archive", ["check", name], in: folder)
        #expect(checked.status == 0, "\(checked.output)")
      }
    }
  }
}
