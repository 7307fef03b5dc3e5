import Foundation

extension Provenance {
  /// One process that wrote rows of an archive.
  struct Session: Sendable, Codable {
    /// Facts about it, by the names below ``facts``.
    var texts: [String: String]
    /// Rows that were there when it began, by the name of the axis along which they are counted; by path where arrays that share
    /// an axis have different numbers.
    var rows: [String: Int] = [:]

    /// What is stored of a session, and what it means.
    static let facts = [
      ("started", "start of each process that wrote rows, UTC"),
      ("command", "command line of each process"),
      ("version", "version of Isotherm of each process"),
      ("commit", "source commit the binary of each process was found beside"),
      ("dirty", "sha256 of the uncommitted difference of the source of each process"),
      ("environment", "threads, libraries and variables of each process, JSON"),
      ("processor", "processor of the host of each process"),
      ("blas_core", "kernels OpenBLAS chose in each process"),
    ]

    static var clock: ISO8601DateFormatter { ISO8601DateFormatter() }

    init(texts: [String: String], rows: [String: Int] = [:]) {
      (self.texts, self.rows) = (texts, rows)
    }

    /// This process.
    init(command: [String], blasCore: String, started: Date) {
      let revision = SourceRevision.current
      texts = [
        "started": Self.clock.string(from: started), "command": Provenance.shellLine(command),
        "version": Provenance.version, "commit": revision.commit, "dirty": revision.difference,
        "environment": Provenance.environment, "processor": Provenance.processor,
        "blas_core": blasCore,
      ]
    }

    /// The different values of a fact, in the order in which they came.
    static func joined(_ name: String, _ sessions: [Session]) -> String {
      var values: [String] = []
      for value in sessions.map({ $0.texts[name] ?? "" }) where !values.contains(value) {
        values.append(value)
      }
      if values.count > 1 { values = values.map { $0.isEmpty ? "none" : $0 } }
      return values.joined(separator: "; then ")
    }

    /// Rows of some streams by the names of their axes.
    static func rows(_ arrays: [ArraySchema], _ count: (String) -> Int) -> [String: Int] {
      var rows: [String: Int] = [:]
      let streams = Dictionary(grouping: arrays.filter(\.isStream)) { $0.axes[0].name }
      for (axis, members) in streams {
        let counts = Set(members.map { count($0.path) })
        if counts.count == 1 {
          rows[axis] = counts.first
        } else {
          for member in members { rows[member.path] = count(member.path) }
        }
      }
      return rows
    }
  }

  /// What a process that goes on with the run in `place` must share with the one that began it.
  /// - Throws: ``ArchiveError`` naming the first thing that differs, and what to do.
  func checkResumable(_ place: RunPlace, onOtherKernels: Bool) throws {
    let (begun, folder) = (try Self.begun(place), place.folder)
    let anew = "or begin anew with --force"
    let stored = try begun.readTexts(Layout.Provenance.configuration).first
    guard stored == nil || stored == configuration else {
      let lines = zip(
        configuration.split(separator: "\n"), (stored ?? "").split(separator: "\n"))
      let pair = lines.first { $0 != $1 }.map { ": it has «\($0.1)», asked for is «\($0.0)»" }
      throw ArchiveError(
        .layout,
        "\(folder) was begun with another configuration\(pair ?? ""); resume with that one "
          + "(isotherm-archive ls --provenance \(folder) prints it), \(anew)")
    }
    try checkSources(begun, folder, remedy: "restore that file to go on, \(anew)")
    let cores = try begun.sessions().compactMap { $0.texts["blas_core"] }
    guard let first = cores.first, !cores.contains(blasCore), !onOtherKernels else { return }
    throw ArchiveError(
      .layout,
      "\(folder) was begun with OpenBLAS's kernels for \(first), and this process has those for "
        + "\(blasCore), which round differently; set OPENBLAS_CORETYPE=\(first) to go on to the same bits, "
        + "or pass --other-kernels to go on with these and have both named")
  }

  private static func begun(_ place: RunPlace) throws -> RunReader {
    do {
      return try RunReader(place.folder)
    } catch {
      throw ArchiveError(
        .layout,
        "\(error); isotherm-archive recover \(place.stem) writes the index anew from the parts")
    }
  }

  /// Compares what this is made from with what `begun` was made from.
  /// - Throws: ``ArchiveError`` naming what is no longer what it was, and `remedy`.
  public func checkSources(_ begun: RunReader, _ name: String, remedy: String) throws {
    let before = try begun.sources()
    guard before.count == sources.count else {
      throw ArchiveError(
        .layout,
        "\(name) was begun from \(before.isEmpty ? "nothing" : before.map(\.path).joined(separator: ", ")), "
          + "not from \(sources.map(\.path).joined(separator: ", ")); \(remedy)")
    }
    for (old, new) in zip(before, sources) where old.sha256 != new.sha256 {
      throw ArchiveError(
        .layout,
        "\(name): the \(new.noun) \(new.path) is not the one it was begun with (sha256 "
          + "\(old.sha256.prefix(8)) then, \(new.sha256.prefix(8)) now); \(remedy)")
    }
  }

  /// Keeps what `begun` says of the process that wrote it, for one that only seals it.
  mutating func keep(_ begun: RunReader) throws {
    var texts: [String: String] = [:]
    for item in self.texts(finished: nil) where begun.contains(Layout.Provenance.member(item.name))
    {
      if item.name != "finished" {
        texts[item.name] = try begun.readTexts(Layout.Provenance.member(item.name)).first
      }
    }
    kept = texts
    sessions = try begun.storedSessions()
  }

  /// Takes over the sessions of `begun` that wrote any of the `rows` that are kept, and adds this one. Returns what differs from the
  /// session before, for people.
  mutating func goOn(from begun: RunReader, rows: [String: Int]) throws -> [String] {
    var earlier = try begun.sessions()
    // A session that ended before its first commit left nothing.
    while earlier.count > 1, let last = earlier.last, last.rows == rows { earlier.removeLast() }
    var own = origin ?? Session(command: command, blasCore: blasCore, started: started)
    own.rows = rows
    sessions = earlier + [own]
    let before = earlier.last?.texts ?? [:]
    origin = earlier.first ?? own
    return [
      ("version", "version"), ("commit", "commit"), ("dirty", "uncommitted difference"),
      ("processor", "processor"), ("blas_core", "OpenBLAS kernels"),
    ].compactMap { name, noun in
      guard let old = before[name], let new = own.texts[name], old != new else { return nil }
      func word(_ text: String) -> String {
        text.isEmpty ? "none" : name == "commit" || name == "dirty" ? String(text.prefix(10)) : text
      }
      return "\(noun): begun with \(word(old)), goes on with \(word(new))"
    }
  }
}

extension RunReader {
  /// The processes that wrote its rows; one where nothing was interrupted.
  func sessions() throws -> [Provenance.Session] {
    if let stored = try storedSessions() { return stored }
    var texts: [String: String] = [:]
    for (name, _) in Provenance.Session.facts where contains(Layout.Provenance.member(name)) {
      texts[name] = try readTexts(Layout.Provenance.member(name)).first
    }
    return [Provenance.Session(texts: texts)]
  }

  /// The processes that wrote its rows where there were several; nil where nothing was interrupted.
  func storedSessions() throws -> [Provenance.Session]? {
    guard contains(Layout.Provenance.sessionRows) else { return nil }
    let names = Provenance.Session.facts.map(\.0)
    let rows = try readTexts(Layout.Provenance.sessionRows)
    let columns = try names.map { try readTexts(Layout.Provenance.member("session_\($0)")) }
    return try rows.enumerated().map { index, text in
      var facts: [String: String] = [:]
      for (name, column) in zip(names, columns) where index < column.count {
        facts[name] = column[index]
      }
      guard let counts = try? JSONDecoder().decode([String: Int].self, from: Data(text.utf8)) else {
        throw ArchiveError(
          .layout,
          "\(path):\(Layout.Provenance.sessionRows): «\(text)» is no JSON object of numbers")
      }
      return Provenance.Session(texts: facts, rows: counts)
    }
  }
}
