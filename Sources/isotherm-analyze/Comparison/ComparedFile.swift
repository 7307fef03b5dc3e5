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
  let configuration: [String: String]
  let reader: RunReader

  init(_ reader: RunReader) throws {
    (self.reader, path) = (reader, reader.path)
    analysis = try reader.names(in: "/metrics").joined(separator: " ")
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
  }

  /// Keys that came after the first archives, with what was done before there was a choice.
  private static let later = ["run.pde.every": "end", "run.training.divergence": "fail"]
}

/// Metrics files, sorted into variants by the keys in which the configurations of their runs differ, and into seeds.
struct ComparedFiles {
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

  init(_ readers: [RunReader]) throws {
    let files = try readers.map(ComparedFile.init)
    // What differs between two analyses of one run is no variant: only files of one analysis are set against each other.
    var keys: Set<String> = []
    for (_, group) in Dictionary(grouping: files, by: \.analysis) {
      let all = Set(group.flatMap(\.configuration.keys))
      keys.formUnion(
        all.filter { key in Set(group.map { $0.configuration[key] ?? "" }).count > 1 })
    }
    let sorted = keys.sorted()
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
