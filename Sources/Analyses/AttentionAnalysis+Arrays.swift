import Archive
import Arrays
import Metrics

extension AttentionAnalysis {
  /// What the maps of network and models look like by themselves.
  private func structureArrays(
    _ layer: ArraySchema.AxisSchema, _ head: ArraySchema.AxisSchema
  ) -> [CompleteArray] {
    let map = ArraySchema.AxisSchema("map", structures.count)
    let all = structures.flatMap { $0 }
    let group = MetricGroup(analysis: .attention, samples: kept.count)
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
      group.numbers(
        "not_finite", [map, layer], broken.flatMap { $0.map(Double.init) },
        "samples whose maps are not finite"),
    ]
  }

  package func arrays() -> [CompleteArray] {
    typealias Axis = ArraySchema.AxisSchema
    let candidate = Axis("candidate", candidates.count)
    let layer = Axis("layer", layers.count, coordinates: layers.map(Double.init))
    let head = Axis("head", heads)
    let model = Axis("model", models.count)
    let group = MetricGroup(analysis: .attention, samples: kept.count)
    var arrays = [
      group.texts("candidate_name", candidate, candidates.map(\.name), "PDE models, then nulls"),
      CompleteArray(
        Layout.Metrics.attention.member("candidate_is_null"), [candidate],
        .integers(candidates.map { $0.isNull ? 1 : 0 }), longName: "1 for a null"),
    ]
    // Without a model there is no axis of models.
    if !models.isEmpty {
      arrays += [
        group.texts("model_name", model, models, "PDE models"),
        CompleteArray(
          Layout.Metrics.attention.member("parameter_count"), [model],
          .integers(models.map { Int32(parameterCounts[$0] ?? 0) }),
          longName: "parameters of each PDE model"),
      ]
    }
    arrays += structureArrays(layer, head)
    for (measure, kind) in RowSimilarity.allCases.enumerated() {
      let group = MetricGroup(analysis: .attention, samples: kept.count, part: "\(kind.rawValue)/")
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
        in: MetricGroup(
          analysis: .attention, samples: kept.count, part: "rollout_\(kind.rawValue)/"),
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
    guard kind.growsWithLikeness, !models.isEmpty else { return arrays }
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
