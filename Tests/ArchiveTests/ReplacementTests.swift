import Archive
import Foundation
import Testing

/// An archive that replaces another leaves it in place until it is whole.
@Suite struct ReplacementTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = NSTemporaryDirectory() + "isotherm-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  private func schema(_ title: String) -> RunSchema {
    RunSchema(
      .metrics, title: title,
      arrays: [ArraySchema("/a/x", .float64, [.growing("row")], longName: "x")],
      provenance: Provenance(configuration: "", seed: 1, blasCore: ""))
  }

  @Test func `the old file is read until the new one is committed, and stays until it is sealed`()
    throws
  {
    try withFolder { folder in
      let place = RunPlace(folder + "/a")
      let first = try Recorder(place, schema("old"))
      try first.append("/a/x", [1.0])
      try first.seal()
      let second = try Recorder(place, schema("new"), replacing: true)
      #expect(try RunReader(folder + "/a").title == "old")
      try second.append("/a/x", [2.0, 3])
      try second.finish()
      #expect(try RunReader(folder + "/a").title == "new")
      #expect(try RunReader(folder + "/a.run").title == "new")
      #expect(try RunReader(folder + "/a.h5").title == "old")
      #expect(!place.isSealed && place.hasFolder)
      try second.seal()
      #expect(try RunReader(folder + "/a.h5").title == "new")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.h5"])
    }
  }

  @Test func `a replacement that failed leaves the old file as it was`() throws {
    try withFolder { folder in
      let place = RunPlace(folder + "/a")
      let first = try Recorder(place, schema("old"))
      try first.append("/a/x", [1.0])
      try first.seal()
      let before = try Data(contentsOf: URL(fileURLWithPath: place.file))
      let second = try Recorder(place, schema("new"), replacing: true)
      second.abandon()
      #expect(try Data(contentsOf: URL(fileURLWithPath: place.file)) == before)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.h5"])
    }
  }

  @Test func `recovery of a killed replacement loses neither`() throws {
    try withFolder { folder in
      let place = RunPlace(folder + "/a")
      let first = try Recorder(place, schema("old"))
      try first.append("/a/x", [1.0])
      try first.seal()
      do {
        let second = try Recorder(place, schema("new"), replacing: true)
        try second.append("/a/x", [2.0])
        try second.finish()
      }
      _ = try ArchiveRecovery.run(place)
      #expect(try RunReader(folder + "/a.h5").title == "old")
      #expect(try RunReader(folder + "/a").read("/a/x", as: Double.self).elements == [2])
    }
  }

  @Test func `what somebody put into the folder stays, and is not replaced`() throws {
    try withFolder { folder in
      let place = RunPlace(folder + "/a")
      let recorder = try Recorder(place, schema("one"))
      try recorder.append("/a/x", [1.0])
      try "mine".write(toFile: place.folder + "/notes.txt", atomically: true, encoding: .utf8)
      try recorder.finish()
      #expect(throws: ArchiveError.self) { try place.prepare(replacing: true) }
      try recorder.seal()
      #expect(try RunReader(folder + "/a").title == "one")
      let left = try FileManager.default.contentsOfDirectory(atPath: place.folder)
      #expect(left.sorted() == [".lock", "notes.txt"] || left == ["notes.txt"])
    }
  }

  @Test func `a pending file leaves nothing unless it is finished`() throws {
    try withFolder { folder in
      let path = folder + "/a.txt"
      try PendingFile.write("old", to: path)
      do {
        let pending = PendingFile(path)
        try "half".write(toFile: pending.temporary, atomically: false, encoding: .utf8)
      }
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
      try PendingFile.write("new", to: path)
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "new")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.txt"])
    }
  }
}
