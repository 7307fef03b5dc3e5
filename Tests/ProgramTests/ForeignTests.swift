import Archive
import Foundation
import Testing

/// Archives to which other people have added objects of every kind.
@Suite struct ForeignTests {
  private static let script = Programs.root + "/Tests/ProgramTests/foreign-objects.py"

  private func python(_ arguments: String...) throws -> Programs.Outcome {
    try Programs.run(Programs.root + "/.venv/bin/python", [Self.script] + arguments)
  }

  private func archive(_ arguments: String...) throws -> Programs.Outcome {
    try Programs.run("isotherm-archive", arguments)
  }

  /// A small archive of ours, and one with a group `/mine` drawn by `seed`.
  private func make(_ folder: String, seed: Int) throws -> String {
    let base = folder + "/base.h5"
    try Recorder.write(
      [
        CompleteArray(
          "/metrics/a/value", [.init("x", 4, coordinates: [1, 2, 4, 8]), .init("y", 3)],
          .numbers((0..<12).map { sin(Double($0)) }), longName: "values"),
        CompleteArray(
          "/metrics/a/name", [.init("x", 4)], .texts(["a", "b", "c", "d"]), longName: "names"),
      ], kind: .metrics, title: "base",
      provenance: Provenance(configuration: "a: 1\n", seed: 1, blasCore: ""),
      to: RunPlace(base), replacing: true)
    let path = "\(folder)/foreign-\(seed).h5"
    let outcome = try python("make", base, path, "\(seed)")
    try #require(outcome.status == 0, "\(outcome.errors)")
    return path
  }

  @Test(arguments: 1...4)
  func `what others added is listed, checked, and carried through every rewriting`(
    seed: Int
  ) throws {
    try withScratch { folder in
      let path = try make(folder, seed: seed)
      let listing = try archive("ls", path, "--json")
      #expect(listing.status == 0, "\(listing.errors)")
      let json = try JSONSerialization.jsonObject(with: Data(listing.output.utf8)) as? [String: Any]
      let others = (json?["others"] as? [[String: String]]) ?? []
      let kinds = Dictionary(grouping: others) { $0["kind"] ?? "" }.mapValues(\.count)
      #expect(kinds["unreadable"] == nil)
      #expect((kinds["foreign"] ?? 0) > 12 && (kinds["link"] ?? 0) >= 5, "\(kinds)")
      #expect(others.contains { $0["path"] == "/mine/caf\\xE9" })
      #expect((json?["datasets"] as? [Any] ?? []).count > 30)

      let check = try archive("check", path)
      #expect(!check.output.contains("cannot be read"), "\(check.output)")
      #expect(!check.output.contains("damaged"))

      for options in [
        [], ["--compression", "gzip-4"], ["--for", "sample", "--compression", "none"],
      ] {
        let target = folder + "/repacked.h5"
        let repacked = try Programs.run(
          "isotherm-archive", ["repack", path, "-o", target, "--force"] + options)
        #expect(repacked.status == 0, "\(options): \(repacked.errors)")
        let same = try python("same", path, target)
        #expect(same.status == 0, "\(options): \(same.output)\(same.errors)")
        let difference = try archive("diff", path, target)
        #expect(difference.status == 0, "\(options): \(difference.output)")
      }
      let netcdf = try archive("export", path, "--to", "netcdf", "-o", folder + "/n.nc")
      #expect(netcdf.status == 0, "\(netcdf.errors)")
      let same = try python("same", path, folder + "/n.nc")
      let lost = same.output.split(separator: "\n").filter {
        !$0.contains("float16 against float32")
      }
      #expect(lost.isEmpty && same.errors.isEmpty, "\(lost) \(same.errors)")
    }
  }

  @Test func `one changed element or attribute of any type is found, and equal copies are equal`()
    throws
  {
    try withScratch { folder in
      let path = try make(folder, seed: 11)
      let changed = folder + "/changed.h5"
      for seed in 0..<24 {
        try? FileManager.default.removeItem(atPath: changed)
        try FileManager.default.copyItem(atPath: path, toPath: changed)
        let place = try python("change", changed, "\(seed)")
        try #require(place.status == 0, "\(place.errors)")
        let name = place.output.trimmingCharacters(in: .newlines)
        let difference = try archive("diff", path, changed)
        #expect(difference.status == 1, "\(name)")
        #expect(difference.output.contains(name), "\(name): \(difference.output)")
      }
      for seed in 0..<2 {
        let recast = try python("recast", path, changed, "\(seed)")
        try #require(recast.status == 0, "\(recast.errors)")
        let difference = try archive("diff", path, changed)
        #expect(difference.status == 0, "\(difference.output)")
      }
    }
  }

  @Test func `a selection keeps its axes and says what a format cannot hold`() throws {
    try withScratch { folder in
      let path = try make(folder, seed: 21)
      let out = folder + "/axes.h5"
      let repacked = try archive("repack", path, "-o", out, "--select", "/mine/axes/*/v")
      #expect(repacked.status == 0, "\(repacked.errors)")
      let reader = try RunReader(out)
      #expect(try reader.read("/mine/axes/b/year", as: Double.self).elements == [1.5, 2.5, 4.5])
      #expect(try reader.read("/mine/axes/a/year", as: Double.self).elements == [2001, 2002, 2003])
      #expect(
        try reader.describe("/mine/axes/a/v").axes.map(\.name) == [
          "year", "another length of three",
        ]
          || reader.describe("/mine/axes/a/v").axes.map(\.name) == ["year", "place"])
      #expect(!reader.contains("/metrics/a/value"))
      #expect(reader.contains("/provenance/configuration"))

      for format in ["npz", "safetensors"] {
        let file = "\(folder)/some.\(format)"
        let outcome = try archive("export", path, "--to", format, "-o", file, "--json")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let json = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
        let left = ((json as? [String: Any])?["left_out"] as? [[String: String]]) ?? []
        #expect(
          left.contains {
            $0["path"] == "/metrics/a/name" && $0["reason"]?.contains("text") == true
          })
        #expect(left.contains { $0["path"] == "/mine/null" })
        #expect(outcome.errors.contains("left out /mine/nowhere"))
        let compared = try Programs.run(
          Programs.root + "/.venv/bin/python",
          [Programs.root + "/Tests/ProgramTests/compare-arrays.py", path, file])
        #expect(compared.status == 0, "\(compared.output)\(compared.errors)")
      }
    }
  }

  @Test func `csv is quoted byte by byte`() throws {
    try withScratch { folder in
      let texts = ["a\r\nb", "c,\u{301}d", "e\"\u{301},", "\r", "", "=1+1", "plain", "\u{1F600}"]
      let path = folder + "/t.h5"
      try Recorder.write(
        [
          CompleteArray("/t/x", [.init("x", texts.count)], .texts(texts), longName: "t"),
          CompleteArray(
            "/t/a,\u{301}b", [.init("x", texts.count)],
            .numbers([.nan, -.nan, .infinity, -.infinity, -0.0, 0.1, 1e300, .leastNonzeroMagnitude]
            ),
            longName: "n"),
        ], kind: .metrics, title: "t",
        provenance: Provenance(configuration: "", seed: 1, blasCore: ""),
        to: RunPlace(path), replacing: false)
      for selection in ["/t/*", "/t/x"] {
        let file = folder + "/t.csv"
        let outcome = try archive(
          "export", path, "--to", "csv", "-o", file, "--select", selection, "--force")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let program = """
          import csv, json, sys
          print(json.dumps(list(csv.reader(open(sys.argv[1], newline="", encoding="utf8")))))
          """
        let read = try Programs.run(Programs.root + "/.venv/bin/python", ["-c", program, file])
        let rows = try JSONDecoder().decode([[String]].self, from: Data(read.output.utf8))
        let column = selection == "/t/x" ? 1 : (rows[0].firstIndex(of: "t/x") ?? 0)
        #expect(rows.dropFirst().map { Array($0[column].utf8) } == texts.map { Array($0.utf8) })
        #expect(rows.allSatisfy { $0.count == 2 })
        guard selection == "/t/*" else { continue }
        #expect(rows[0].contains { Array($0.utf8) == Array("t/a,\u{301}b".utf8) })
        #expect(
          rows.dropFirst().map { $0[1 - column] } == [
            "nan", "nan", "inf", "-inf", "-0.0", "0.1", "1e+300", "5e-324",
          ])
      }
    }
  }

  @Test
  func `a catalogue goes on past pipes, other people's files and folders that cannot be read`()
    throws
  {
    try withScratch { folder in
      let path = try make(folder, seed: 31)
      try #require(mkfifo(folder + "/pipe.h5", 0o600) == 0)
      try Data("no HDF5".utf8).write(to: URL(fileURLWithPath: folder + "/text.h5"))
      try FileManager.default.createDirectory(
        atPath: folder + "/folder.h5", withIntermediateDirectories: false)
      let outcome = try archive("catalog", folder, "--json", "--columns", "kind,kind,title,path")
      #expect(outcome.status == 0, "\(outcome.errors)")
      let rows = try JSONDecoder().decode([[String: String]].self, from: Data(outcome.output.utf8))
      #expect(rows.compactMap { $0["path"] }.contains(path))
      #expect(rows.count == 2)
      for name in ["pipe.h5", "text.h5"] { #expect(outcome.errors.contains(name)) }
    }
  }
}
