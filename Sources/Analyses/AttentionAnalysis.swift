import Archive
import Arrays
import Console
import Metrics

/// Attention of PDE models and of nulls against the network's, on held-out samples.
package struct AttentionAnalysis: Analysis {
  /// Something that claims to know the network's map.
  struct Candidate {
    let source: Source
    var name: String { source.name }
    var isNull: Bool { if case .null = source { true } else { false } }
    /// Of its maps, `[layer][measure][sample, head]`.
    var values: [[[Double]]] = []
    /// Of its maps rolled out up to each layer, for ``rolloutMeasures``, `[layer][measure][sample]`.
    var rollouts: [[[Double]]] = []
  }

  /// Where a candidate's maps come from.
  enum Source {
    /// The fitted equation of this name, at this place among ``models``.
    case model(String, Int)
    /// What knows nothing of the sample or of the training.
    case null(Null)

    var name: String {
      switch self {
      case .model(let name, _): name
      case .null(let null): null.rawValue
      }
    }
  }

  /// Nulls, in the order of the table.
  enum Null: String, CaseIterable {
    /// Every key alike.
    case uniform
    /// Mean over the fit's samples.
    case position
    /// The network before training.
    case untrained
    /// The network's map of another sample.
    case shuffled
  }

  private static let undefined = "undefined"
  private static let positionMean = Layout.Reference.positionMean
  static let rolloutMeasures: [RowSimilarity] = [.rawCosine, .centredCosine]

  let layers: [Int]
  let heads: Int
  let samples: Int
  private(set) var candidates: [Candidate] = []
  let models: [String]
  /// Of the network, then of each model: `[map][layer]`.
  private(set) var structures: [[AttentionStructure]]
  let parameterCounts: [String: Int]
  let bootstrap: Bootstrap
  /// Samples with rows to compare: more than one position.
  let kept: [Int]
  let unfinished: [String]
  /// Samples whose maps are not finite, of the network, then of each model: `[map][layer]`.
  private(set) var broken: [[Int]]

  package init(_ run: RunContent, _ fields: [RunReader], seed: UInt64) throws {
    var run = run
    try run.choose(fields)
    layers = try run.reader.attentionLayers()
    let fitted = try FittedModels(fields, "attention")
    unfinished = fitted.unfinished
    guard let reference = fields.first, !(fitted.names + unfinished).isEmpty else {
      throw ArchiveError(
        .layout,
        "\(fields.first?.path ?? ""): no model with attention was fitted; fit with pde.model=autonomous"
      )
    }
    models = fitted.names
    guard run.beginsUntrained || !run.isTrained else {
      throw ArchiveError(
        .layout,
        "\(run.reader.path): the first checkpoint is not of step 0, so there is no "
          + "untrained network to compare with")
    }
    let maps = try run.attention(layers[0], checkpoint: run.steps.count - 1)
    samples = fitted.names.isEmpty ? maps.shape[0] : fitted.samples
    heads = maps.shape[1]
    let mask = run.attentionMask(of: maps.prefix(samples))
    kept = (0..<samples).filter { sample in
      (0..<mask.positions).contains { mask.visibleKeys(sample: sample, query: $0) > 0 }
    }
    guard !kept.isEmpty else {
      throw ArchiveError(
        .layout, "\(run.reader.path): no sample has two positions, so no attention can be compared")
    }
    bootstrap = Bootstrap(count: kept.count, seed: seed)
    parameterCounts = try Dictionary(
      uniqueKeysWithValues: models.map { ($0, try fitted.parameterCount($0)) })
    let isMeanThere =
      try reference.contains(Self.positionMean)
      && !reference.absentArrays().contains(Self.positionMean)
    let (beginsUntrained, sampleCount) = (run.beginsUntrained, samples)
    let nulls = Null.allCases.filter { null in
      switch null {
      case .position: isMeanThere
      case .untrained: beginsUntrained
      // Of one sample there is no other.
      case .shuffled: sampleCount > 1
      case .uniform: true
      }
    }
    candidates =
      models.enumerated().map { Candidate(source: .model($1, $0)) }
      + nulls.map { Candidate(source: .null($0)) }
    broken = [[Int]](repeating: [], count: models.count + 1)
    structures = [[AttentionStructure]](repeating: [], count: models.count + 1)
    let identity = AttentionRollout(samples: samples, positions: mask.positions)
    var rollouts = [AttentionRollout](repeating: identity, count: candidates.count + 1)
    for layer in layers { try addLayer(layer, run, fitted, reference, &rollouts) }
  }

  private mutating func addLayer(
    _ layer: Int, _ run: RunContent, _ fitted: FittedModels, _ reference: RunReader,
    _ rollouts: inout [AttentionRollout]
  ) throws {
    let network = try run.attention(layer, checkpoint: run.steps.count - 1).prefix(samples)
    let single = [1] + network.shape.dropFirst()
    let mask = run.attentionMask(of: network)
    let placing = try run.placing(positions: mask.positions)
    func note(_ map: NDArray<Float>, _ place: Int) {
      structures[place].append(
        AttentionStructure(map, mask: mask, columns: placing.columns, first: placing.first))
      broken[place].append(Notes.brokenCount(map))
    }
    note(network, 0)
    rollouts[0].add(network)
    let others = AttentionComparison.shuffled(samples)
    for index in candidates.indices {
      // Nil for the uniform map, of one sample when it is the same for all.
      let map: NDArray<Float>?
      var order: [Int]?
      switch candidates[index].source {
      case .null(.uniform): map = nil
      case .null(.position):
        let mean: NDArray<Float> = try reference.readRow(Self.positionMean, layer)
        map = mean.reshaped(single)
      case .null(.untrained): map = try run.attention(layer, checkpoint: 0).prefix(samples)
      case .null(.shuffled): (map, order) = (network, others)
      case .model(let model, let place):
        let fittedMap = try fitted.values(of: model, layer)
        note(fittedMap, 1 + place)
        map = fittedMap
      }
      candidates[index].values.append(
        AttentionComparison.compare(map, network, mask: mask, order: order))
      rollouts[index + 1].add(
        map.map { $0.repeated(samples) } ?? mask.uniformMaps(samples: samples))
      candidates[index].rollouts.append(
        AttentionComparison.compare(
          rollouts[index + 1].maps, rollouts[0].maps, mask: mask, order: order,
          measures: Self.rolloutMeasures))
    }
  }

  // MARK: - Values

  /// Values of every candidate: of maps, or of rollouts.
  typealias Values = KeyPath<Candidate, [[[Double]]]>

  /// Mean over heads, one value a sample.
  func perSample(
    _ candidate: Candidate, _ layer: Int, _ measure: Int, _ values: Values = \.values
  ) -> [Double] {
    let values = candidate[keyPath: values][layer][measure]
    let heads = values.count / samples
    return kept.map { sample in
      values[sample * heads..<(sample + 1) * heads].reduce(0, +) / Double(heads)
    }
  }

  func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(max(values.count, 1))
  }

  /// The null most like the network in a layer.
  private func strongestNull(_ layer: Int, _ measure: Int, _ values: Values) -> Candidate {
    let grows = RowSimilarity.allCases[measure].growsWithLikeness
    let nulls = candidates.filter(\.isNull)
    return nulls.reduce(nulls[0]) { best, other in
      let (a, b) = (
        mean(perSample(best, layer, measure, values)),
        mean(perSample(other, layer, measure, values))
      )
      // One that is not a number is the strongest of none.
      return a.isNaN || (grows ? b > a : b < a) ? other : best
    }
  }

  /// Skill against the strongest null, with its interval; the null is chosen once, on all samples.
  func skillOf(
    _ model: Candidate, _ layer: Int, _ measure: Int, _ values: Values = \.values
  ) -> (value: Double, lower: Double, upper: Double, null: String) {
    let null = strongestNull(layer, measure, values)
    let a = perSample(model, layer, measure, values)
    let b = perSample(null, layer, measure, values)
    func statistic(_ chosen: [Int]) -> Double {
      let n = Double(chosen.count)
      return skill(
        chosen.reduce(0) { $0 + a[$1] } / n, null: chosen.reduce(0) { $0 + b[$1] } / n)
    }
    let interval = bootstrap.interval(statistic)
    return (
      statistic(Array(kept.indices)), interval.lower, interval.upper, null.name
    )
  }

  // MARK: - Results

  package func report() -> Report {
    var report = Report(
      "attention",
      [
        ("model", "model"), ("layer", "layer"), ("measure", "measure"), ("pde", "PDE"),
        ("lower", "2.5 %"), ("upper", "97.5 %"), ("uniform", "uniform"), ("position", "position"),
        ("untrained", "untrained"), ("shuffled", "shuffled"), ("skill", "skill"),
        ("strongest_null", "strongest null"), ("verdict", "verdict"),
      ])
    var isAnyUndefined = false
    for model in candidates where !model.isNull {
      for (place, layer) in layers.enumerated() {
        for (measure, kind) in RowSimilarity.allCases.enumerated()
        where kind == .rawCosine || kind == .centredCosine {
          let values = perSample(model, place, measure)
          let interval = bootstrap.interval(ofMean: values)
          let skill = skillOf(model, place, measure)
          let nulls = Null.allCases.map { wanted in
            let null = candidates.first { $0.isNull && $0.name == wanted.rawValue }
            return Report.Cell.number(
              null.map { mean(perSample($0, place, measure)) } ?? .nan, digits: 3)
          }
          let verdict = verdict(skill, of: mean(values))
          isAnyUndefined = isAnyUndefined || verdict == Self.undefined
          report.add(
            [
              .text(model.name), .integer(layer), .text(kind.title),
              .number(mean(values), digits: 3), .number(interval.lower, digits: 3),
              .number(interval.upper, digits: 3),
            ] + nulls + [
              .number(skill.value, digits: 3), .text(skill.null),
              .text(verdict),
            ])
        }
      }
      report.notes.append(note(model))
    }
    report.notes.append(
      "Skill: 1 - (1 - s)/(1 - s of the strongest null). \(kept.count) held-out samples, one seed; "
        + "intervals are 95 % over samples.")
    if isAnyUndefined {
      report.notes.append(
        "undefined: the strongest null is perfect, 1 - s at most \(Format.short(perfectNullMargin)), what rounding leaves of two equal "
          + "maps; there is no way left to go.")
    }
    for (name, counts) in zip(["network"] + models, broken) {
      let places = zip(layers, counts).map { ("layer \($0)", $1) }
      report.notes += Notes.broken(name, "maps", places, of: samples).map { [$0] } ?? []
    }
    for (null, reason) in [
      (Null.position, "the mean over fit samples is not written yet"),
      (.untrained, "the archive holds no network before training"),
      (.shuffled, "there is no other held-out sample"),
    ] where !candidates.contains(where: { $0.isNull && $0.name == null.rawValue }) {
      report.notes.append("\(null.rawValue): \(reason); left out.")
    }
    report.notes += Notes.unfinished(unfinished)
    return report
  }

  private func verdict(
    _ skill: (value: Double, lower: Double, upper: Double, null: String), of similarity: Double
  ) -> String {
    guard similarity.isFinite else { return "not a number" }
    guard skill.value.isFinite else { return Self.undefined }
    return skill.lower > 0
      ? "beats its nulls" : skill.upper < 0 ? "loses to its null" : "not told apart"
  }

  private func note(_ model: Candidate) -> String {
    let raw = layers.indices.map { mean(perSample(model, $0, 0)) }
    let above = raw.filter { $0 > 0.98 }.count
    let missing = raw.brokenCount
    return
      "\(model.name), \(parameterCounts[model.name] ?? 0) parameters: raw cosine above 0.98 in "
      + "\(above) of \(layers.count) layers; the paper claims it for all."
      + (missing > 0 ? " Not a number in \(missing)." : "")
  }
}
