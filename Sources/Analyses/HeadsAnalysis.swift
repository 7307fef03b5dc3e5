import Archive
import Arrays
import Console
import Metrics

/// What each attention head does: by its matrices what it copies and whom it reads, by its maps where it looks.
package struct HeadsAnalysis: Analysis {
  /// One head of one archive.
  struct Row {
    /// The archive, or the network and the capture of it.
    var file: String
    /// Archive of the weights; empty without.
    var network = ""
    let checkpoint: Int, layer: Int, head: Int
    var copying = Double.nan, copyingUntrained = Double.nan
    /// Strongest composition with an earlier head, and that head, by kind.
    var composition: [HeadCircuit.Composition: (value: Double, with: String)] = [:]
    var scores: [HeadScores.Kind: Score] = [:]
    var entropy = Double.nan, distance = Double.nan
    /// Of the uniform map over the same keys.
    var entropyNull = Double.nan, distanceNull = Double.nan
  }

  /// Mean over samples with its interval, the uniform map's, and the untrained network's.
  struct Score {
    var value = Double.nan, lower = Double.nan, upper = Double.nan
    var uniform = Double.nan, untrained = Double.nan
  }

  private(set) var rows: [Row] = []
  /// By file; nil for one without parameters.
  private(set) var circuits: [(file: String, headCount: Int, circuits: HeadCircuits)] = []
  private var notes: [String] = []
  private let seed: UInt64
  private(set) var sampleCount = 0
  /// Whether distances are those of patches on a grid.
  private(set) var isOnGrid = false
  private var hasMaps: Bool { rows.contains { !$0.scores.isEmpty } }
  /// Whether any archive has the network before training.
  private var hasUntrained: Bool {
    rows.contains { row in
      row.copyingUntrained.isFinite || row.scores.values.contains { $0.untrained.isFinite }
    }
  }

  /// - Parameter checkpoint: number of the checkpoint, from 0; nil for the last of each archive.
  /// - Throws: ``Archive/ArchiveError`` for an archive that has neither the matrices of heads nor attention maps.
  package init(_ readers: [RunReader], checkpoint: Int?, seed: UInt64) throws {
    self.seed = seed
    // A capture goes into the rows of its network.
    let networks = try readers.filter { try ArchivedNetwork.isIn($0) }
    let others = readers.filter { reader in !networks.contains { $0.path == reader.path } }
    for reader in networks + others {
      var isRead = false
      if networks.contains(where: { $0.path == reader.path }) {
        try addCircuits(ArchivedNetwork(reader), checkpoint)
        isRead = true
      }
      if try !reader.layers(of: .map).isEmpty {
        try addMaps(RunContent(reader), checkpoint, of: networks)
        isRead = true
      }
      guard isRead else {
        throw ArchiveError(
          .layout,
          "\(reader.path): expected the matrices of attention heads or captured attention maps, found neither; pass a run, what "
            + "isotherm import wrote, or a capture with the taps attention.*.map")
      }
    }
  }

  private mutating func addCircuits(_ network: ArchivedNetwork, _ checkpoint: Int?) throws {
    let row = try network.reader.checkpointRow(checkpoint, of: network.checkpoints)
    let found = try HeadCircuits(network, checkpoint: row, seed: seed)
    let untrained =
      try row > 0 && network.reader.startsUntrained()
      ? (0..<network.layerCount).map {
        try network.heads(layer: $0, checkpoint: 0).map(\.copying)
      } : nil
    for layer in 0..<network.layerCount {
      for head in 0..<network.headCount {
        var item = Row(
          file: network.reader.path, network: network.reader.path, checkpoint: row, layer: layer,
          head: head,
          copying: found.copying[layer][head],
          copyingUntrained: untrained?[layer][head] ?? .nan)
        for kind in HeadCircuit.Composition.allCases {
          guard let best = found.strongest(kind, layer * network.headCount + head) else { continue }
          item.composition[kind] = (best.value, Self.name(best.earlier, network.headCount))
        }
        rows.append(item)
      }
    }
    circuits.append((network.reader.path, network.headCount, found))
  }

  /// A head's name when heads are counted through all layers: layer and head.
  static func name(_ head: Int, _ each: Int) -> String { "\(head / each).\(head % each)" }

  // MARK: - Maps

  private mutating func addMaps(
    _ run: RunContent, _ checkpoint: Int?, of networks: [RunReader]
  ) throws {
    let reader = run.reader
    // Its own weights, or those of the network that it was captured from.
    let sources = Set(try reader.sources().map(\.runID))
    let network =
      networks.first { $0.path == reader.path }
      ?? networks.first { !$0.runID.isEmpty && sources.contains($0.runID) }
    let isMerged = network.map { net in
      !rows.contains { $0.network == net.path && !$0.scores.isEmpty }
    }
    var hasInduction = false
    if reader.contains(Layout.Samples.mask), !run.isPadded {
      throw ArchiveError(
        .refused,
        "\(reader.path): expected padding behind the tokens of each sample, found some before them; capture with the tokens first"
      )
    }
    let row = try reader.checkpointRow(checkpoint, of: run.steps.count)
    let hasUntrained = try row > 0 && reader.startsUntrained()
    for layer in try reader.attentionLayers() {
      try StopRequest.check()
      let maps = try run.attention(layer, checkpoint: row)
      let mask = run.attentionMask(of: maps)
      let periods = try periods(run, positions: mask.positions, samples: maps.shape[0])
      let scores = HeadScores(maps, mask: mask, periods: periods)
      let placing = try run.placing(positions: mask.positions)
      let (columns, first) = (placing.columns, placing.first)
      isOnGrid = isOnGrid || placing.isGrid
      let structure = AttentionStructure(maps, mask: mask, columns: columns, first: first)
      let uniform = AttentionStructure(
        Self.uniform(mask, samples: maps.shape[0]), mask: mask, columns: columns, first: first)
      let before =
        hasUntrained
        ? HeadScores(
          try run.attention(layer, checkpoint: 0), mask: mask, periods: periods) : nil
      sampleCount = maps.shape[0]
      for head in 0..<maps.shape[1] {
        var item = Row(file: reader.path, checkpoint: row, layer: layer, head: head)
        let place =
          isMerged == true
          ? rows.firstIndex {
            $0.network == network?.path && $0.layer == layer && $0.head == head
          } : nil
        if let place { item = rows[place] }
        if item.file != reader.path { item.file += " + " + reader.path }
        for kind in HeadScores.Kind.allCases {
          item.scores[kind] = score(kind, head, scores, before)
        }
        (item.entropy, item.distance) = (structure.entropy[head], structure.distance[head])
        hasInduction = hasInduction || item.scores[.induction]?.value.isFinite == true
        (item.entropyNull, item.distanceNull) = (uniform.entropy[0], uniform.distance[0])
        if let place { rows[place] = item } else { rows.append(item) }
      }
    }
    if !hasInduction {
      notes.append(
        "\(reader.path): no sample repeats its tokens, so induction says nothing (–); capture random tokens that stand twice in a row."
      )
    }
  }

  private func score(
    _ kind: HeadScores.Kind, _ head: Int, _ scores: HeadScores, _ before: HeadScores?
  ) -> Score {
    func values(_ scores: HeadScores?) -> [Double] {
      (scores?.values[kind]?[head] ?? []).filter { !$0.isNaN }
    }
    let own = values(scores)
    guard !own.isEmpty else { return Score() }
    let interval = Bootstrap(count: own.count, seed: seed).interval(ofMean: own)
    return Score(
      value: own.finiteMean, lower: interval.lower, upper: interval.upper,
      uniform: (scores.uniform[kind] ?? []).finiteMean, untrained: values(before).finiteMean)
  }

  /// Of each sample the period of its own tokens; nil without tokens.
  private func periods(
    _ run: RunContent, positions: Int, samples: Int
  ) throws -> [TokenPeriod?] {
    guard run.reader.contains(Layout.Samples.token) else {
      return [TokenPeriod?](repeating: nil, count: samples)
    }
    let tokens: NDArray<Int32> = try run.reader.read(Layout.Samples.token)
    let lengths = run.lengths(positions: tokens.shape[1])
    // With a class token of ours the maps have one position more than there are tokens.
    guard tokens.shape[1] == positions else {
      return [TokenPeriod?](repeating: nil, count: samples)
    }
    return (0..<samples).map { sample in
      let row = tokens.row(sample).elements
      return TokenPeriod(row.prefix(lengths?[sample] ?? row.count))
    }
  }

  /// Every key that a query sees alike, `[sample, 1, query, key]`.
  private static func uniform(_ mask: AttentionMask, samples: Int) -> NDArray<Float> {
    let n = mask.positions
    var values = [Float](repeating: 0, count: samples * n * n)
    for sample in 0..<samples {
      for query in 0..<n {
        let seen = mask.visibleKeys(sample: sample, query: query)
        for key in 0..<seen { values[(sample * n + query) * n + key] = 1 / Float(seen) }
      }
    }
    return NDArray(shape: [samples, 1, n, n], elements: values)
  }

  // MARK: - Results

  package func report() -> Report {
    var columns: [(key: String, title: String)] = [
      ("file", "file"), ("checkpoint", "checkpoint"), ("layer", "layer"), ("head", "head"),
    ]
    if !circuits.isEmpty {
      columns += [
        ("ov_copying", "OV copying"), ("ov_copying_null", "random, 97.5 %"),
      ]
      if hasUntrained { columns.append(("ov_copying_untrained", "untrained")) }
      for kind in HeadCircuit.Composition.allCases {
        columns += [
          ("\(kind.rawValue)_composition", "\(kind.rawValue) composition"),
          ("\(kind.rawValue)_with", "with"), ("\(kind.rawValue)_composition_null", "random"),
        ]
      }
    }
    if hasMaps {
      for kind in HeadScores.Kind.allCases {
        columns += [
          (kind.rawValue, kind.title), ("\(kind.rawValue)_lower", "2.5 %"),
          ("\(kind.rawValue)_upper", "97.5 %"), ("\(kind.rawValue)_null", "uniform"),
        ]
        if hasUntrained { columns.append(("\(kind.rawValue)_untrained", "untrained")) }
      }
      columns += [
        ("entropy", "entropy"), ("entropy_null", "uniform"), ("distance", "distance"),
        ("distance_null", "uniform"),
      ]
    }
    var report = Report("heads", columns)
    for row in rows { report.add(cells(row)) }
    report.notes = legend + notes
    return report
  }

  private var legend: [String] {
    var lines: [String] = []
    if !circuits.isEmpty {
      lines += [
        "OV copying: Σλ/Σ|λ| of W_O W_V, 1 for a head that copies. Compositions: ‖AB‖/(‖A‖‖B‖), the strongest with a head of an earlier layer, layer.head. "
          + "random: heads of independent Gaussian elements, seed \(seed): 97.5 % of \(HeadCircuits.Null.heads) lie below in size; of \(HeadCircuits.Null.pairs) pairs the largest.",
        "Gains of norms, rotary positions and norms of heads are left out of the matrices.",
      ]
    }
    if hasMaps {
      lines.append(
        "Scores: mean attention to the position before, to the first, and (induction) to what followed the same token a period earlier, over the queries that see more than one key; 95 % over "
          + "\(sampleCount) samples. uniform: a map that gives all keys alike, which is also any map with its keys shuffled. entropy in nats."
      )
    }
    return lines
  }

  private func cells(_ row: Row) -> [Report.Cell] {
    var cells: [Report.Cell] = [
      .text(row.file), .integer(row.checkpoint), .integer(row.layer), .integer(row.head),
    ]
    if !circuits.isEmpty {
      let null = circuits.first { $0.file == row.network }?.circuits.null
      cells += [
        .number(row.copying, digits: 3), .number(null?.copying ?? .nan, digits: 3),
      ]
      if hasUntrained { cells.append(.number(row.copyingUntrained, digits: 3)) }
      for kind in HeadCircuit.Composition.allCases {
        cells += [
          .number(row.composition[kind]?.value ?? .nan, digits: 3),
          .text(row.composition[kind]?.with ?? ""),
          .number(null?.composition[kind]?.largest ?? .nan, digits: 3),
        ]
      }
    }
    guard hasMaps else { return cells }
    for kind in HeadScores.Kind.allCases {
      let score = row.scores[kind] ?? Score()
      cells += [score.value, score.lower, score.upper, score.uniform].map {
        .number($0, digits: 3)
      }
      if hasUntrained { cells.append(.number(score.untrained, digits: 3)) }
    }
    return cells
      + [row.entropy, row.entropyNull, row.distance, row.distanceNull].map {
        .number($0, digits: 3)
      }
  }
}

extension HeadScores.Kind {
  /// In a table's head.
  var title: String {
    switch self {
    case .previous: "previous"
    case .first: "first"
    case .induction: "induction"
    }
  }
}
