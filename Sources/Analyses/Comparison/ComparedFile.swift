import Archive
import Arrays

/// One metrics file, as a comparison takes it.
struct ComparedFile {
  let path: String
  /// Groups below `/metrics` that it holds, as one word.
  let analysis: String
  /// The seed of the run it was computed from.
  let seed: String
  /// The configuration of that run, without seeds.
  fileprivate(set) var configuration: [String: String]
  /// Hash of what that run was trained on; nil when neither the file nor the run says.
  let data: String?
  /// The programs that made the archives it was computed from; empty when the file does not say.
  let programs: [String]
  let reader: RunReader

  init(_ reader: RunReader) throws {
    (self.reader, path) = (reader, reader.path)
    analysis = try reader.names(in: Layout.Metrics.group).joined(separator: " ")
    guard !analysis.isEmpty else {
      throw ArchiveError(.layout, "\(reader.path): holds no metrics; isotherm-analyze makes them")
    }
    let keys = try reader.configurationKeys()
    guard let seed = keys["run.seed"] else {
      throw ArchiveError(
        .layout,
        "\(reader.path): does not say of which run its metrics are, so its seed is unknown; analyse the run "
          + "again with this version")
    }
    self.seed = seed
    configuration = keys.filter {
      $0.key.hasPrefix("run.") && !["run.seed", "run.title"].contains($0.key)
    }.merging(Self.later) { stated, _ in stated }
    data = try keys["origin.data"] ?? Self.data(reader)
    programs = keys.filter { $0.key.hasPrefix("origin.") && $0.key != "origin.data" }
      .map { $0.key.dropFirst("origin.".count) + " by " + $0.value }.sorted()
  }

  /// What the run was trained on that a file of an earlier version names, where that run is still there.
  private static func data(_ reader: RunReader) throws -> String? {
    for source in try reader.sources() where RunPlace(source.path).isSealed {
      let run = try RunReader(source.path)
      if run.kind == .run, run.runID == source.runID { return try Origin.data(run) }
    }
    return nil
  }

  /// Keys that came after the first archives, with what was done before there was a choice.
  private static let later = ["run.pde.every": "end", "run.training.divergence": "fail"]
}

/// Metrics files, sorted into variants by the keys in which the configurations of their runs differ, and into seeds.
package struct ComparedFiles {
  /// One variant.
  struct Variant {
    let name: String
    /// Values of the keys that differ.
    let values: [String]
    /// Files of each seed.
    var seeds: [(seed: String, files: [ComparedFile])] = []
  }

  let variants: [Variant]
  /// Keys that tell the variants apart.
  let keys: [String]
  /// What speaks against pooling some of the files, one line each.
  package let warnings: [String]

  package init(_ readers: [RunReader]) throws {
    var files = try readers.map(ComparedFile.init)
    // What differs between two analyses of one run is no variant: only files of one analysis are set against each other.
    var keys: Set<String> = []
    for (_, group) in Dictionary(grouping: files, by: \.analysis) {
      let all = Set(group.flatMap(\.configuration.keys))
      keys.formUnion(
        all.filter { key in Set(group.map { $0.configuration[key] ?? "" }).count > 1 })
    }
    // Runs of one configuration on other data are no seeds of one variant.
    let mixed = Dictionary(grouping: files) { Self.name($0, keys.sorted()) }.values
      .contains { Set($0.compactMap(\.data)).count > 1 }
    if mixed {
      keys.insert(Self.dataKey)
      for index in files.indices {
        files[index].configuration[Self.dataKey] = String(files[index].data?.prefix(8) ?? "unknown")
      }
    }
    let sorted = keys.sorted()
    warnings = Self.warnings(files, sorted, mixed: mixed)
    self.keys = sorted.map { String($0.dropFirst("run.".count)) }
    var variants: [Variant] = []
    for file in files {
      let name = Self.name(file, sorted)
      let place = variants.firstIndex { $0.name == name }
      if place == nil {
        variants.append(Variant(name: name, values: sorted.map { file.configuration[$0] ?? "" }))
      }
      let variant = place ?? variants.count - 1
      if let seed = variants[variant].seeds.firstIndex(where: { $0.seed == file.seed }) {
        if let twin = variants[variant].seeds[seed].files.first(where: {
          $0.analysis == file.analysis
        }) {
          throw ArchiveError(
            .layout,
            "\(twin.path) and \(file.path) hold the same analysis of the same variant and seed; leave one out"
          )
        }
        variants[variant].seeds[seed].files.append(file)
      } else {
        variants[variant].seeds.append((file.seed, [file]))
      }
    }
    self.variants = variants
  }

  private static let dataKey = "run.data"

  private static func warnings(
    _ files: [ComparedFile], _ keys: [String], mixed: Bool
  ) -> [String] {
    var warnings: [String] = []
    if mixed {
      warnings.append(
        "the data at the same path changed between these runs: they are set apart by its hash, and not pooled"
      )
    }
    let silent = files.filter { $0.data == nil }
    if let first = silent.first, files.count > 1 {
      warnings.append(
        "\(silent.count) of \(files.count) files do not say what their runs were trained on (\(first.path)); "
          + "seeds of different data would be pooled: analyse the runs again with this version")
    }
    let pools = Dictionary(grouping: files) { name($0, keys) + "\n" + $0.analysis }
    for (pool, members) in pools.sorted(by: { $0.key < $1.key }) {
      let programs = Set(members.map(\.programs)).map { $0.joined(separator: ", ") }.sorted()
      guard programs.count > 1 else { continue }
      warnings.append(
        "\(pool.replacing("\n", with: ", ")): pooled though made by different programs: "
          + programs.map { $0.isEmpty ? "one that does not say" : $0 }.joined(separator: "; "))
    }
    return warnings
  }

  /// The values of the keys that differ, by the last word of each key.
  private static func name(_ file: ComparedFile, _ keys: [String]) -> String {
    let words = keys.map { key in
      let value = file.configuration[key] ?? ""
      let word = key.split(separator: ".").last.map(String.init) ?? key
      return "\(word) \(value.isEmpty ? "none" : value)"
    }
    return words.isEmpty ? "all runs" : words.joined(separator: ", ")
  }
}
