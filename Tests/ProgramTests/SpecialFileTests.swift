import Foundation
import Testing

/// What has the name of a file but is none is refused by a line, at once.
@Suite struct SpecialFileTests {
  private static let readers: [(String, @Sendable (String) -> [String])] = [
    ("isotherm-archive", { ["ls", $0] }), ("isotherm-archive", { ["check", $0] }),
    ("isotherm-archive", { ["diff", $0, "flow"] }), ("isotherm-archive", { ["diff", "flow", $0] }),
    ("isotherm-archive", { ["repack", $0, "-o", "new"] }),
    ("isotherm-archive", { ["merge", "flow", $0, "-o", "new"] }),
    ("isotherm-archive", { ["export", $0, "--to", "csv", "-o", "new.csv"] }),
    ("isotherm-analyze", { ["flow", $0] }), ("isotherm-analyze", { ["compare", $0, "flow"] }),
    ("isotherm-plot", { ["training", $0, "-o", "new.png"] }),
    ("isotherm-plot", { ["report", $0, "-o", "new"] }),
    ("isotherm-plot", { ["animate", "field", $0, "-o", "new.png"] }),
    ("isotherm", { ["fit", $0, "-o", "new"] }), ("isotherm", { ["inform", $0, "-o", "new"] }),
    ("isotherm", { ["inform", "--x", "\($0):/a", "--y", "flow.h5:/b"] }),
    ("isotherm", { ["perturb", "run", "--fields", $0, "-o", "new"] }),
    ("isotherm", { ["tokenize", $0, "-o", "new"] }),
    (
      "isotherm",
      { ["train", Programs.root + "/" + Programs.study, "--set", "data.file=\($0)", "-o", "new"] }
    ),
  ]
  private static let texts: [(String, @Sendable (String) -> [String])] = [
    ("isotherm", { ["train", $0, "-o", "new"] }), ("isotherm", { ["integrate", $0, "-o", "new"] }),
    ("isotherm", { ["study", $0, "-o", "new"] }),
  ]

  private func make(_ folder: String, _ suffix: String) throws {
    mkfifo("\(folder)/pipe\(suffix)", 0o600)
    try FileManager.default.createDirectory(
      atPath: "\(folder)/folder\(suffix)", withIntermediateDirectories: false)
    try FileManager.default.createSymbolicLink(
      atPath: "\(folder)/device\(suffix)", withDestinationPath: "/dev/zero")
    try Data().write(to: URL(fileURLWithPath: "\(folder)/empty\(suffix)"))
    try Data([0xff, 0xfe, 0, 10]).write(to: URL(fileURLWithPath: "\(folder)/bytes\(suffix)"))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    // A relative path keeps within the 108 bytes of an address; the working folder is not ours to change.
    let path = "\(folder)/socket\(suffix)"
    guard path.utf8.count < 100 else { return }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }

  @Test(arguments: [true, false])
  func `a pipe, a socket, a device, a folder, nothing and anything`(isText: Bool) throws {
    try withScratch { folder in
      try SmallArchives.copy(to: folder)
      try make(folder, isText ? ".yaml" : ".h5")
      let names = ["pipe", "socket", "device", "folder", "empty", "bytes"]
        .map { $0 + (isText ? ".yaml" : ".h5") }
        .filter { FileManager.default.fileExists(atPath: folder + "/" + $0) }
      let before = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      for (program, arguments) in isText ? Self.texts : Self.readers {
        for name in names {
          let (output, errors) = (folder + ".out", folder + ".err")
          defer { for file in [output, errors] { unlink(file) } }
          let ending = try RawProgram(
            program, arguments(name), in: folder, output: output, errors: errors
          ).run(seconds: 10)
          let told = try String(contentsOfFile: errors, encoding: .utf8)
          let results = try String(contentsOfFile: output, encoding: .utf8)
          #expect(ending == .status(1) || ending == .status(2), "\(arguments(name)): \(ending)")
          // check tells its findings as results.
          let lines = (told + results).split(separator: "\n")
          #expect(lines.count == (arguments(name)[0] == "check" ? 2 : 1), "\(lines)")
          #expect(lines.first?.contains(name) == true, "\(lines)")
          #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == before)
        }
      }
    }
  }

  @Test func `a run without a commit is said to be there`() throws {
    try withScratch { folder in
      let manager = FileManager.default
      try manager.createDirectory(atPath: folder + "/a.run", withIntermediateDirectories: false)
      try "{}".write(toFile: folder + "/a.run/schema.json", atomically: true, encoding: .utf8)
      try manager.createDirectory(atPath: folder + "/b.run", withIntermediateDirectories: false)
      for (name, words) in [
        ("a", "nothing was committed"), ("a.run", "nothing was committed"),
        ("a.run/", "nothing was committed"), ("a.h5", "nothing was committed"),
        ("b.run", "holds no run"), ("c", "neither c.h5 nor c.run exists"),
      ] {
        let outcome = try Programs.run("isotherm-archive", ["ls", name], in: folder)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains(words), "\(name): \(outcome.errors)")
      }
    }
  }
}
