import Foundation
import TestSupport
import Testing

/// No command line and no file traps a program, or keeps it: status 0, 1 or 2, and a line on 1 and 2. 10,000 command lines of each
/// program with ISOTHERM_LONG=1.
@Suite struct FuzzTests {
  private static let isLong = ProcessInfo.processInfo.environment["ISOTHERM_LONG"] != nil

  /// Options that a command's help names.
  private func options(_ program: String, _ command: String) throws -> [String] {
    let file = "\(Programs.root)/Tests/ProgramTests/help/\(program)-\(command).txt"
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return ["--json"] }
    let words = text.split { " ,/[]<>.\n".contains($0) }.map(String.init)
    return Set(words.filter { $0.hasPrefix("--") }).sorted()
  }

  private func mutate(_ line: [String], _ options: [String], _ mutator: inout Mutator) -> [[UInt8]]
  {
    var words = line.map { Array($0.utf8) }
    for _ in 0...mutator.below(3) {
      let value = Array(mutator.pick(Mutator.nasty).utf8).filter { $0 != 0 }
      let place = mutator.below(words.count)
      switch mutator.below(9) {
      case 0: words[place] = value
      case 1: words.insert(value, at: place)
      case 2 where words.count > 1: words.remove(at: place)
      case 3: words.append(words[place])
      case 4 where !words[place].isEmpty:
        words[place][mutator.below(words[place].count)] = UInt8(1 + mutator.below(255))
      case 5: words.append(Array("\(mutator.pick(options))=".utf8) + value)
      default: words += [Array(mutator.pick(options).utf8), value]
      }
    }
    return words
  }

  /// A folder whose files are links to those of ``FuzzLines/folder``, and that alone, again and again.
  private func prepare(_ folder: String) throws -> Set<String> {
    let source = try FuzzLines.folder.get()
    for name in try FileManager.default.contentsOfDirectory(atPath: source) {
      if name.hasSuffix(".yaml") {
        try FileManager.default.copyItem(
          atPath: source + "/" + name, toPath: folder + "/" + name)
      } else {
        try FileManager.default.createSymbolicLink(
          atPath: folder + "/" + name, withDestinationPath: source + "/" + name)
      }
    }
    return Set(try FileManager.default.contentsOfDirectory(atPath: folder))
  }

  private func check(
    _ program: String, _ words: [[UInt8]], in folder: String, seed: Int
  ) throws {
    let (output, errors) = (folder + ".out", folder + ".err")
    defer { for file in [output, errors] { unlink(file) } }
    let told = words.map { String(decoding: $0.prefix(200), as: UTF8.self) }
    let run = RawProgram(
      program: program, arguments: words, folder: folder, output: output, errors: errors)
    let process = try run.start()
    let isJob = program == "isotherm"
    var ending = RawProgram.Ending.tooLong
    if isJob {
      // What is valid may take long; then it must still end when it is told to.
      let watch = Thread {
        sleep(8); kill(process, SIGTERM)
      }
      watch.start()
      ending = RawProgram.wait(process, seconds: 12)
      watch.cancel()
      if ending == .status(143) { return }
    } else {
      ending = RawProgram.wait(process, seconds: 10)
    }
    guard case .status(let status) = ending, (0...2).contains(status) else {
      Issue.record("\(seed): \(program) \(told): \(ending)")
      return
    }
    let text = String(
      decoding: try Data(contentsOf: URL(fileURLWithPath: errors)), as: UTF8.self)
    let results = String(
      decoding: try Data(contentsOf: URL(fileURLWithPath: output)), as: UTF8.self)
    guard status != 0 else { return }
    // Usage and the list of what is known may follow bad usage; findings are results.
    #expect(!text.isEmpty || !results.isEmpty, "\(seed): \(program) \(told) says nothing")
    if status == 1, results.isEmpty {
      let lines = text.split(separator: "\n").filter { !$0.hasPrefix("left out ") }
      #expect(lines.count == 1, "\(seed): \(program) \(told): \(text)")
    }
  }

  /// All, or those that ISOTHERM_FUZZ_PROGRAMS names, separated by commas.
  static let programs =
    (ProcessInfo.processInfo.environment["ISOTHERM_FUZZ_PROGRAMS"]?.split(separator: ",")
      .map(String.init)) ?? FuzzLines.all.keys.sorted()

  @Test(arguments: programs)
  func `mutated command lines`(program: String) throws {
    let lines = try #require(FuzzLines.all[program])
    var known: [String: [String]] = [:]
    for line in lines { known[line[0]] = try options(program, line[0]) }
    try withScratch { folder in
      let kept = try prepare(folder)
      let first = Int(ProcessInfo.processInfo.environment["ISOTHERM_FUZZ_FIRST"] ?? "") ?? 0
      for seed in first..<(Self.isLong ? 10_000 : 40) {
        var mutator = Mutator(seed: UInt64(seed) &* 4 &+ UInt64(program.utf8.count))
        let line = mutator.pick(lines)
        let words = mutate(line, known[line[0]] ?? [], &mutator)
        try check(program, words, in: folder, seed: seed)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder)
        where !kept.contains(name) {
          try? FileManager.default.removeItem(atPath: folder + "/" + name)
        }
      }
    }
  }

  /// A subcommand without a line would never be tried; a line that fails as it stands tries little.
  @Test func `every subcommand has a valid line`() throws {
    let folder = Programs.root + "/Tests/ProgramTests/help"
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    for (program, lines) in FuzzLines.all {
      let others = FuzzLines.all.keys.filter { $0.hasPrefix(program + "-") }
      let commands = names.compactMap { name -> String? in
        guard name.hasPrefix(program + "-"), !others.contains(where: name.hasPrefix) else {
          return nil
        }
        return String(name.dropFirst(program.count + 1).dropLast(4))
      }
      // `verify dynamics` is a command of `verify`.
      let missing = Set(commands.map { $0.split(separator: "-")[0] == "verify" ? "verify" : $0 })
        .subtracting(lines.map { $0[0] })
      #expect(missing.isEmpty, "\(program): no line for \(missing.sorted())")
    }
    try withScratch { folder in
      _ = try prepare(folder)
      for program in ["isotherm-analyze", "isotherm-plot"] {
        for line in FuzzLines.all[program] ?? [] where !line.contains("a=b") {
          let run = try Programs.run(
            program, line + (line.contains("-o") ? ["--force"] : []), in: folder)
          #expect(run.status == 0, "\(program) \(line): \(run.errors)")
        }
      }
    }
  }

  @Test func `mutated files`() throws {
    try withScratch { folder in
      let kept = try prepare(folder)
      let study = try String(contentsOfFile: folder + "/study.yaml", encoding: .utf8)
      let problem = try String(contentsOfFile: folder + "/problem.yaml", encoding: .utf8)
      let plan = try String(
        contentsOfFile: Programs.root + "/data/plans/paper.yaml", encoding: .utf8)
      let figure = try Data(contentsOf: URL(fileURLWithPath: folder + "/figure.png"))
      for seed in 0..<(Self.isLong ? 10_000 : 40) {
        var mutator = Mutator(seed: UInt64(seed) &+ 1 << 40)
        let words: [String]
        var bytes: [UInt8]
        switch seed % 4 {
        case 0: (words, bytes) = (["train", "m.yaml", "--dry-run"], mutator.mutated(study))
        case 1: (words, bytes) = (["integrate", "m.yaml", "--dry-run"], mutator.mutated(problem))
        case 2:
          (words, bytes) = (
            ["study", "m.yaml", "-o", "n", "--dry-run", "--size", "smoke"], mutator.mutated(plan)
          )
        default:
          (words, bytes) = ([mutator.pick(["verify", "show"]), "m.yaml"], Array(figure))
          // The texts come first: that is where a number of bytes or a JSON list stands.
          for _ in 0...mutator.below(4) {
            bytes[mutator.below(min(bytes.count, 2000))] = UInt8(mutator.below(256))
          }
        }
        try Data(bytes).write(to: URL(fileURLWithPath: folder + "/m.yaml"))
        try check(
          seed % 4 == 3 ? "isotherm-plot" : "isotherm", words.map { Array($0.utf8) }, in: folder,
          seed: seed)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder)
        where !kept.contains(name) {
          try? FileManager.default.removeItem(atPath: folder + "/" + name)
        }
      }
    }
  }

  @Test func `arguments that are no UTF-8 are refused`() throws {
    try withScratch { folder in
      for program in ["isotherm", "isotherm-archive", "isotherm-analyze", "isotherm-plot"] {
        let errors = folder + "/err"
        let run = RawProgram(
          program: program, arguments: [Array("ls".utf8), [0x72, 0xe9, 0x2e]], folder: folder,
          errors: errors)
        #expect(try run.run() == .status(2))
        let text = try String(contentsOfFile: errors, encoding: .utf8)
        #expect(text.contains("argument 2") && text.contains("is not UTF-8"), "\(text)")
        #expect(text.split(separator: "\n").count == 1, "\(text)")
        unlink(errors)
      }
    }
  }
}
