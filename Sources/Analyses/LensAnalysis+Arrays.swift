import Archive
import Metrics

extension LensAnalysis {
  package func arrays() -> [CompleteArray] {
    typealias Axis = ArraySchema.AxisSchema
    let depth = Axis.depthTime(depths.count)
    let samples = (targets.places.map(\.sample).max() ?? -1) + 1
    // One position where a sample has one answer.
    let isByPosition = targets.places.contains { ($0.position ?? 0) > 0 }
    let width = isByPosition ? positions : 1
    let axes = [depth, Axis("sample", samples), Axis("position", width)]
    let group = MetricGroup(analysis: .lens, samples: samples)
    func spread(_ values: [Double]) -> [Double] {
      var out = [Double](repeating: .nan, count: samples * width)
      for (place, value) in zip(targets.places, values) {
        out[place.sample * width + (isByPosition ? place.position ?? 0 : 0)] = value
      }
      return out
    }
    func byPlace(_ name: String, _ longName: String, _ values: (Depth) -> [Double]) -> CompleteArray
    {
      group.numbers(name, axes, depths.flatMap { spread(values($0)) }, longName)
    }
    func means(_ name: String, _ longName: String, _ values: (Depth) -> [Double]) -> CompleteArray {
      group.numbers(
        name, [depth], depths.map { bySample(values($0)).finiteMean }, longName, units: "nat")
    }
    return [
      group.texts("tap", depth, depths.map(\.tap), "state that is read"),
      means("loss", "-ln of the right answer's probability, mean") { $0.readings.map(\.loss) },
      means("loss_shuffled", "loss of right answers dealt anew, mean") { $0.shuffled },
      means("loss_random", "loss with a random matrix of the same norm, mean") { $0.random },
      means("loss_untrained", "loss of the network before training, mean") { $0.untrained },
      byPlace("rank", "rank of the right answer, 1 for the highest score; NaN where there is none")
      { $0.readings.map { Double($0.rank) } },
      byPlace("position_loss", "-ln of the right answer's probability") { $0.readings.map(\.loss) },
      byPlace("answer", "token or class of the highest score") {
        $0.readings.map { Double($0.top) }
      },
      group.numbers(
        "right_answer", Array(axes.dropFirst()), spread(targets.places.map { Double($0.target) }),
        targets.areOwnAnswers
          ? "the network's own answer: the data has no labels" : "token or class that is right"),
      group.numbers(
        "is_own_answer", Array(axes.dropFirst()),
        spread(targets.places.map { _ in targets.areOwnAnswers ? 1 : 0 }),
        "1 where the data has no labels and the network's own answer stands for the right one"),
    ]
  }
}
