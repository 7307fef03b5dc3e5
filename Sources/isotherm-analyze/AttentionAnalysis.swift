import Archive
import Arrays
import Console
import Metrics

/// Attention of PDE models and of nulls against the network's, on held-out samples.
struct AttentionAnalysis {
  /// Something that claims to know the network's map.
  struct Candidate {
    let name: String
    /// A null knows nothing of the sample or of the training.
    let isNull: Bool
    /// Of its maps, `[layer][measure][sample, head]`.
    var values: [[[Double]]] = []
    /// Of its maps rolled out up to each layer, for ``rolloutMeasures``, `[layer][measure][sample]`.
    var rollouts: [[[Double]]] = []
  }

  private static let rolloutMeasures: [RowSimilarity] = [.rawCosine, .centredCosine]

  let layers: [Int]
  let heads: Int
  let samples: Int
  private(set) var candidates: [Candidate] = []
  private let models: [String]
  /// Of the network, then of each model: `[map][layer]`.
  private var structures: [[AttentionStructure]]
  private let parameterCounts: [String: Int]
  private let bootstrap: Bootstrap
  /// Samples with rows to compare: more than one position.
  private let kept: [Int]

  init(_ run: RunContent, _ fields: [RunReader], seed: UInt64) throws {
    layers = try run.attentionLayers()
    let fitted = try FittedModels(fields, "attention")
    guard let first = fitted.names.first, let reference = fields.first else {
      throw ArchiveError(
        .layout,
        "\(fields.first?.path ?? ""): no model with attention was fitted; fit with pde.model=autonomous"
      )
    }
    models = fitted.names
    guard run.steps.first == 0 else {
      throw ArchiveError(
        .layout,
        "\(run.reader.path): the first checkpoint is not of step 0, so there is no "
          + "untrained network to compare with")
    }
    samples = fitted.samples
    heads = try fitted.values(of: first, 0).shape[1]
    let mask = run.attentionMask(
      of: try run.attention(layers[0], checkpoint: run.steps.count - 1).prefix(samples))
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
    candidates =
      models.map { Candidate(name: $0, isNull: false) }
      + ["uniform", "position", "untrained", "shuffled"].map { Candidate(name: $0, isNull: true) }
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
    let columns = try run.grid(positions: mask.positions).columns
    func note(_ map: NDArray<Float>, _ place: Int) {
      structures[place].append(AttentionStructure(map, mask: mask, columns: columns))
    }
    note(network, 0)
    rollouts[0].add(network)
    let others = AttentionComparison.shuffled(samples)
    for index in candidates.indices {
      // Nil for the uniform map, of one sample when it is the same for all.
      let map: NDArray<Float>?
      var order: [Int]?
      switch candidates[index].name {
      case "uniform": map = nil
      case "position":
        let mean: NDArray<Float> = try reference.readRow("/reference/position_mean", layer)
        map = mean.reshaped(single)
      case "untrained": map = try run.attention(layer, checkpoint: 0).prefix(samples)
      case "shuffled": (map, order) = (network, others)
      case let model:
        let fittedMap = try fitted.values(of: model, layer)
        note(fittedMap, 1 + (models.firstIndex(of: model) ?? 0))
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
  private typealias Values = KeyPath<Candidate, [[[Double]]]>

  /// Mean over heads, one value a sample.
  private func perSample(
    _ candidate: Candidate, _ layer: Int, _ measure: Int, _ values: Values = \.values
  ) -> [Double] {
    let values = candidate[keyPath: values][layer][measure]
    let heads = values.count / samples
    return kept.map { sample in
      values[sample * heads..<(sample + 1) * heads].reduce(0, +) / Double(heads)
    }
  }

  private func mean(_ values: [Double]) -> Double {
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
      return (grows ? b > a : b < a) ? other : best
    }
  }

  /// Skill against the strongest null, with its interval; the null is chosen once, on all samples.
  private func skillOf(
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

  func report() -> Report {
    var report = Report(
      "attention",
      [
        ("model", "model"), ("layer", "layer"), ("measure", "measure"), ("pde", "PDE"),
        ("lower", "2.5 %"), ("upper", "97.5 %"), ("uniform", "uniform"), ("position", "position"),
        ("untrained", "untrained"), ("shuffled", "shuffled"), ("skill", "skill"),
        ("strongest_null", "strongest null"), ("verdict", "verdict"),
      ])
    for model in candidates where !model.isNull {
      for (place, layer) in layers.enumerated() {
        for (measure, kind) in RowSimilarity.allCases.enumerated()
        where kind == .rawCosine || kind == .centredCosine {
          let values = perSample(model, place, measure)
          let interval = bootstrap.interval(ofMean: values)
          let skill = skillOf(model, place, measure)
          let nulls = candidates.filter(\.isNull).map {
            Report.Cell.number(mean(perSample($0, place, measure)), digits: 3)
          }
          report.add(
            [
              .text(model.name), .integer(layer), .text(kind.title),
              .number(mean(values), digits: 3), .number(interval.lower, digits: 3),
              .number(interval.upper, digits: 3),
            ] + nulls + [
              .number(skill.value, digits: 3), .text(skill.null),
              .text(verdict(skill.lower, skill.upper)),
            ])
        }
      }
      report.notes.append(note(model))
    }
    report.notes.append(
      "Skill: 1 - (1 - s)/(1 - s of the strongest null). \(kept.count) held-out samples, one seed; "
        + "intervals are 95 % over samples.")
    return report
  }

  private func verdict(_ lower: Double, _ upper: Double) -> String {
    lower > 0 ? "beats its nulls" : upper < 0 ? "loses to its null" : "not told apart"
  }

  private func note(_ model: Candidate) -> String {
    let raw = layers.indices.map { mean(perSample(model, $0, 0)) }
    let above = raw.filter { $0 > 0.98 }.count
    return
      "\(model.name), \(parameterCounts[model.name] ?? 0) parameters: raw cosine above 0.98 in "
      + "\(above) of \(layers.count) layers; the paper claims it for all."
  }

  /// What the maps of network and models look like by themselves.
  private func structureArrays(
    _ layer: ArraySchema.AxisSchema, _ head: ArraySchema.AxisSchema
  ) -> [CompleteArray] {
    let map = ArraySchema.AxisSchema("map", structures.count)
    let all = structures.flatMap { $0 }
    let group = MetricGroup(name: "attention", samples: kept.count)
    return [
      group.texts("map_name", map, ["network"] + models, "the network, then PDE models"),
      group.numbers(
        "entropy", [map, layer, head], all.flatMap(\.entropy),
        "entropy of a row, mean over samples and queries", units: "nat"),
      group.numbers(
        "distance", [map, layer, head], all.flatMap(\.distance),
        "distance of query and key on the grid of positions, mean under the map"),
      group.numbers(
        "head_similarity", [map, layer], all.map(\.headSimilarity),
        "cosine of the rows of two heads, mean over pairs"),
    ]
  }

  func arrays() -> [CompleteArray] {
    typealias Axis = ArraySchema.AxisSchema
    let candidate = Axis("candidate", candidates.count)
    let layer = Axis("layer", layers.count, coordinates: layers.map(Double.init))
    let head = Axis("head", heads)
    let model = Axis("model", models.count)
    let group = MetricGroup(name: "attention", samples: kept.count)
    var arrays = [
      group.texts("candidate_name", candidate, candidates.map(\.name), "PDE models, then nulls"),
      CompleteArray(
        "/metrics/attention/candidate_is_null", [candidate],
        .integers(candidates.map { $0.isNull ? 1 : 0 }), longName: "1 for a null"),
      group.texts("model_name", model, models, "PDE models"),
      CompleteArray(
        "/metrics/attention/parameter_count", [model],
        .integers(models.map { Int32(parameterCounts[$0] ?? 0) }),
        longName: "parameters of each PDE model"),
    ]
    arrays += structureArrays(layer, head)
    for (measure, kind) in RowSimilarity.allCases.enumerated() {
      let group = MetricGroup(name: "attention/\(kind.rawValue)", samples: kept.count)
      let what = "\(kind.title) with the network"
      arrays += similarityArrays(
        kind, measure, \.values, in: group, [candidate, layer], [model, layer],
        "\(what), mean over samples, heads and queries")
      let perHead = candidates.flatMap { candidate in
        layers.indices.flatMap { layer in
          (0..<heads).map { head in
            mean(kept.map { candidate.values[layer][measure][$0 * heads + head] })
          }
        }
      }
      arrays.append(
        group.numbers(
          "per_head", [candidate, layer, head], perHead,
          "\(what), mean over samples and queries", units: kind.units))
      guard let measure = Self.rolloutMeasures.firstIndex(of: kind) else { continue }
      arrays += similarityArrays(
        kind, measure, \.rollouts,
        in: MetricGroup(name: "attention/rollout_\(kind.rawValue)", samples: kept.count),
        [candidate, layer], [model, layer],
        "\(what) of attention rolled out to the layer, mean over samples and queries")
    }
    return arrays
  }

  /// One measure of every candidate with its interval and, where more is more alike, the skill of every model.
  private func similarityArrays(
    _ kind: RowSimilarity, _ measure: Int, _ values: Values, in group: MetricGroup,
    _ axes: [ArraySchema.AxisSchema], _ modelAxes: [ArraySchema.AxisSchema], _ longName: String
  ) -> [CompleteArray] {
    let cells = candidates.map { candidate in
      layers.indices.map { perSample(candidate, $0, measure, values) }
    }
    let intervals = cells.map { $0.map { bootstrap.interval(ofMean: $0) } }
    func limit(_ name: String, _ values: [Double], _ what: String) -> CompleteArray {
      group.numbers(
        name, axes, values, "\(what) limit, bootstrap over samples", units: kind.units)
    }
    var arrays = [
      group.numbers(
        "value", axes, cells.flatMap { $0.map(mean) }, longName, units: kind.units),
      limit("lower", intervals.flatMap { $0.map(\.lower) }, "2.5 %"),
      limit("upper", intervals.flatMap { $0.map(\.upper) }, "97.5 %"),
    ]
    guard kind.growsWithLikeness else { return arrays }
    let skills = candidates.filter { !$0.isNull }.map { model in
      layers.indices.map { skillOf(model, $0, measure, values) }
    }
    arrays += [
      group.numbers(
        "skill", modelAxes, skills.flatMap { $0.map(\.value) }, "skill against the strongest null"),
      group.numbers("skill_lower", modelAxes, skills.flatMap { $0.map(\.lower) }, "2.5 % limit"),
      group.numbers("skill_upper", modelAxes, skills.flatMap { $0.map(\.upper) }, "97.5 % limit"),
    ]
    return arrays
  }
}
