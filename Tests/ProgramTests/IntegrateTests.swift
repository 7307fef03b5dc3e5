import Archive
import Foundation
import Testing

/// `isotherm integrate` and `isotherm verify -o`, as a user drives them.
@Suite struct IntegrateTests {
  private func integrate(_ problem: String, _ arguments: String...) throws -> Programs.Outcome {
    try Programs.run(
      "isotherm", ["integrate", "data/problems/\(problem).yaml"] + arguments)
  }

  private func values(_ file: String, _ name: String) throws -> [Double] {
    try RunReader(file).read("/fields/solution/\(name)", as: Double.self).elements
  }

  @Test func `heat decays by its eigenvalue, from any folder and file`() throws {
    try withScratch { folder in
      let outcome = try integrate("heat", "-o", folder + "/heat", "--json")
      try #require(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("\"reached\" : true"))
      let u = try values(folder + "/heat", "u")
      let times = try values(folder + "/heat", "time")
      #expect(times.count == 51 && times.last == 0.5)
      let half = sin(3 * Double.pi / 128)
      let rate = -4 * 0.05 * 64 * 64 * half * half
      for (snapshot, time) in times.enumerated() {
        for cell in 0..<64 {
          #expect(abs(u[snapshot * 64 + cell] - exp(rate * time) * u[cell]) < 1e-10)
        }
      }
      // Goes on from another's last state: what a file holds is a first field.
      let slice = try Programs.run(
        Programs.root + "/.venv/bin/python",
        [
          "-c",
          "import h5py; f = h5py.File('\(folder)/heat.h5'); g = h5py.File('\(folder)/start.h5', 'w'); "
            + "g['u'] = f['fields/solution/u'][-1]",
        ])
      try #require(slice.status == 0, "\(slice.errors)")
      let next = try integrate(
        "heat", "-o", folder + "/next", "--set",
        "initial={kind: file, dataset: \"\(folder)/start.h5:/u\"}")
      try #require(next.status == 0, "\(next.errors)")
      let went = try values(folder + "/next", "u")
      #expect(Array(went.prefix(64)) == Array(u.suffix(64)))
      let check = try Programs.run("isotherm-archive", ["check", folder + "/heat.h5"])
      #expect(check.status == 0 && check.output.contains("0 findings"))
    }
  }

  @Test func `a blow-up is archived with its time, and is no failure`() throws {
    try withScratch { folder in
      let outcome = try integrate("gaussian", "-o", folder + "/out")
      try #require(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("diverged at t = 0.3846, first at the variance"))
      let reader = try RunReader(folder + "/out")
      let time = try reader.read("/outcome/time", as: Double.self).elements[0]
      #expect(abs(time - 1 / 2.6) < 0.01 / 2.6)
      #expect(try reader.read("/outcome/reached", as: UInt8.self).elements == [0])
      let u = try values(folder + "/out", "u")
      // Σ = 1.3/(1 - 2.6 t) at the last snapshot before, t = 0.38.
      #expect(u.count == 2 * 39)
      #expect(abs(u[77] * (1 - 2.6 * 0.38) / 1.3 - 1) < 1e-6)
    }
  }

  /// Terms that no explicit step of a million follows to the end, and what would.
  @Test(arguments: [
    ("diffusivity: 1e8", "take etd2rk or crank-nicolson", "etd2rk"),
    ("diffusivity: [1e8, 1e8, 1e8, 1e8, 1e8, 1e8, 1e8, 2e8]", "take rk4 with a time.step", ""),
  ])
  func `a stepper that gives up is a failure, and says what would do`(
    diffusivity: String, remedy: String, stepper: String
  ) throws {
    try withScratch { folder in
      let settings = [
        "--set", "grid={rows: 1, columns: 8, boundary: neumann}", "--set",
        "terms=[{kind: diffusion, \(diffusivity)}]", "--set", "time.snapshots=5",
      ]
      let adaptive = ["--set", "time.stepper=dopri5", "--set", "time.tolerance=0.1"]
      let outcome = try Programs.run(
        "isotherm",
        ["integrate", "data/problems/heat.yaml", "-o", folder + "/x", "--json"] + settings
          + adaptive)
      #expect(outcome.status == 1)
      let last = outcome.errorLines.last ?? ""
      #expect(last.contains("gave up at t = ") && last.contains(remedy), "\(outcome.errors)")
      #expect(!last.contains("larger"))
      #expect(outcome.output.contains("\"ending\" : \"gave up\""))
      #expect(outcome.output.contains("\"reached\" : false"))
      // What was reached is an archive all the same.
      let reader = try RunReader(folder + "/x.h5")
      #expect(try reader.read("/outcome/reached", as: UInt8.self).elements == [0])
      #expect(try reader.readTexts("/outcome/message")[0].contains(remedy))
      let check = try Programs.run("isotherm-archive", ["check", folder + "/x.h5"])
      #expect(check.status == 0, "\(check.output)")
      guard !stepper.isEmpty else { return }
      let other = try Programs.run(
        "isotherm",
        ["integrate", "data/problems/heat.yaml", "-o", folder + "/y"] + settings
          + ["--set", "time.stepper=\(stepper)"])
      #expect(other.status == 0 && other.output.contains("reached t = 0.5"), "\(other.errors)")
    }
  }

  @Test(arguments: ["euler", "dopri5", "strang"])
  func `an interrupt is answered between steps, and keeps what there is`(stepper: String) throws {
    try withScratch { folder in
      let process = Process()
      process.executableURL = URL(fileURLWithPath: Programs.folder + "/isotherm")
      process.currentDirectoryURL = URL(fileURLWithPath: Programs.root)
      process.arguments =
        ["integrate", "data/problems/allen-cahn.yaml", "-o", folder + "/x", "--progress", "none"]
        + [
          "time.end=100000", "time.snapshots=1", "time.stepper=\(stepper)", "record.terms=false",
        ].flatMap { ["--set", $0] }
      let errors = Pipe()
      process.standardError = errors
      process.standardOutput = FileHandle.nullDevice
      try process.run()
      let folderOfRun = folder + "/x.run"
      while process.isRunning, !FileManager.default.fileExists(atPath: folderOfRun) {
        Thread.sleep(forTimeInterval: 0.02)
      }
      Thread.sleep(forTimeInterval: 0.5)
      let asked = Date()
      process.interrupt()
      process.waitUntilExit()
      // A second, on a machine that may do other things meanwhile.
      #expect(Date().timeIntervalSince(asked) < 3)
      #expect(process.terminationStatus == 130)
      let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      #expect(text.contains("everything up to t = 0 is kept"), "\(text)")
      #expect(try values(folderOfRun, "time") == [0])
    }
  }

  @Test func `every problem file runs, and keeps what it should`() throws {
    try withScratch { folder in
      for (name, settings, kept, tolerance) in [
        ("allen-cahn", ["grid.rows=24", "grid.columns=20", "time.end=5"], "", 0.0),
        ("fisher", ["time.end=10"], "", 0),
        ("wave", ["grid.rows=24", "grid.columns=24"], "energy", 0.02),
        ("advection-diffusion", ["grid.rows=16", "time.end=20"], "mass", 1e-9),
        ("sphere", ["tokens.count=12", "time.end=2"], "", 0),
        ("sinkhorn", ["tokens.count=30"], "mass", 1e-9),
      ] {
        let file = folder + "/" + name
        let outcome = try Programs.run(
          "isotherm",
          ["integrate", "data/problems/\(name).yaml", "-o", file]
            + settings.flatMap { ["--set", $0] })
        try #require(outcome.status == 0, "\(name): \(outcome.errors)")
        #expect(outcome.output.contains("reached t = "), "\(name)")
        guard !kept.isEmpty else { continue }
        let series = try values(file, kept)
        let first = series[0]
        let scale = max(abs(first), 1)
        #expect(series.allSatisfy { abs($0 - first) <= tolerance * scale }, "\(name) \(series)")
      }
    }
  }

  @Test func `a field larger than a commit's bytes is streamed`() throws {
    try withScratch { folder in
      // 41 snapshots of 2 MiB: more than the 64 MiB after which rows are committed.
      let outcome = try integrate(
        "allen-cahn", "-o", folder + "/a", "--progress", "json", "--set", "grid.rows=512", "--set",
        "grid.columns=512", "--set", "time.end=4", "--set", "time.snapshots=40", "--set",
        "record.terms=false")
      try #require(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.errors.contains("\"event\":\"commit\""))
      let reader = try RunReader(folder + "/a")
      #expect(try reader.describe("/fields/solution/u").shape == [41, 512, 512])
      #expect(try reader.readTexts("/outcome/message") == ["reached t = 4"])
    }
  }

  @Test func `an unstable step is refused with what would do, and can be watched`() throws {
    try withScratch { folder in
      let euler = ["--set", "time.stepper=euler"]
      let refused = try Programs.run(
        "isotherm", ["integrate", "data/problems/heat.yaml", "-o", folder + "/x"] + euler)
      #expect(refused.status == 2)
      for text in [
        "beyond the stability limit 0.002441", "choose at most 0.002439", "allow_unstable",
      ] {
        #expect(refused.errors.contains(text), "\(refused.errors)")
      }
      #expect(!FileManager.default.fileExists(atPath: folder + "/x.run"))
      let watched = try Programs.run(
        "isotherm",
        ["integrate", "data/problems/heat.yaml", "-o", folder + "/x", "--set", "time.end=200"]
          + ["--set", "time.allow_unstable=true"] + euler)
      #expect(watched.status == 0, "\(watched.errors)")
      #expect(watched.errors.contains("warning"))
      #expect(watched.output.contains("diverged at t = "))
      let plan = try Programs.run(
        "isotherm", ["integrate", "data/problems/wave.yaml", "--dry-run", "--json"])
      #expect(plan.output.contains("\"stability_limit\" : 0.70710678"))
    }
  }

  @Test(arguments: [
    (["time.steper=euler"], "time.steper: unknown key; did you mean stepper?"),
    (["terms=[{kind: difusion}]"], "terms[0].kind: expected diffusion"),
    (["terms=[{kind: diffusion, diffusivity: [1, 2]}]"], "2 numbers; expected 1"),
    (["terms=[]"], "at least one is needed"),
    (["tokens={count: 3, dimension: 2}"], "expected one of grid, tokens and gaussian"),
    (["time.stepper=leapfrog"], "set time.second_order: true"),
    (["terms=[{kind: reaction, polynomial: [0, 1]}]"], "no diffusion with the same diffusivity"),
    (["grid.boundary=open"], "grid.boundary: expected periodic, neumann, dirichlet"),
    (["initial={kind: file, dataset: \"README.md:/u\"}"], "README.md"),
    (["grid.rows=16384", "grid.columns=4194304"], "choose a smaller one"),
    (["grid.columns=4194304", "grid.channels=4096"], "choose a smaller one"),
    (["grid.columns=1048576", "time.stepper=etd2rk"], "with etd2rk, and this machine"),
  ])
  func `mistakes are told in one line`(settings: [String], text: String) throws {
    try withScratch { folder in
      let outcome = try Programs.run(
        "isotherm",
        ["integrate", "data/problems/heat.yaml", "-o", folder + "/x"]
          + settings.flatMap { ["--set", $0] })
      #expect(outcome.status != 0)
      #expect(outcome.errors.contains(text), "\(outcome.errors)")
      #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }
  }

  @Test func `a verification is archived on request`() throws {
    try withScratch { folder in
      let outcome = try Programs.run("isotherm", ["verify", "dynamics", "-o", folder + "/v"])
      try #require(outcome.status == 0, "\(outcome.output)")
      let reader = try RunReader(folder + "/v")
      let passed = try reader.read("/metrics/verification/passed", as: Int32.self).elements
      #expect(passed.count >= 50 && passed.allSatisfy { $0 == 1 })
      #expect(
        try reader.readTexts("/metrics/verification/name").contains("order in time: leapfrog"))
    }
  }
}
