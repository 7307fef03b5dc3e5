import Arrays
import Foundation
import Kernels

/// What is made of the last state: scores of tokens or classes, the pooled state.
struct HeadPass {
  private let run: NetworkRun

  init(_ run: NetworkRun) { self.run = run }

  private var outer: OuterWeights { run.network.outer }
  private var plan: NetworkPlan { run.plan }

  /// Computes what is wanted from the last state `[sample, position, channel]`.
  func run(_ last: Buffer<Float>) throws {
    try pool(last)
    guard run.isWanted("logits") else { return }
    switch plan.head {
    case .none, .pooler: return
    case .language:
      let width = outer.linear("head.projection", 1).map { $0.weight.count / plan.width }
      if let width, let projection = outer.linear("head.projection", width) {
        let narrow = Buffer<Float>(run.rows * width)
        run.linear(projection, last, to: narrow)
        return try tokens(narrow)
      }
      try tokens(last)
    case .masked: try masked(last)
    case .classes(let count): try classes(last, [("head", 0)], count)
    case .distilledClasses(let count):
      try classes(last, [("head", 0), ("distillation_head", 1)], count)
    }
  }

  private func masked(_ last: Buffer<Float>) throws {
    guard let transform = outer.linear("head.transform", plan.width) else { return }
    let (dense, active) = (Buffer<Float>(last.count), Buffer<Float>(last.count))
    run.linear(transform, last, to: dense)
    ActivationKernels.apply(
      plan.activation, dense, to: active, rows: run.rows, width: plan.width)
    run.norm(active, outer.norm("head.norm"), to: active)
    try tokens(active)
  }

  /// Scores of every token, `[sample, position, token]`.
  private func tokens(_ state: Buffer<Float>) throws {
    guard case .tokens(let vocabulary) = plan.input,
      let weight = outer["head.weight"] ?? outer["embedding.token"]
    else { return }
    let logits = Buffer<Float>(run.rows * vocabulary)
    run.linear(
      LinearWeights(weight, bias: outer["head.bias"], outputs: vocabulary), state, to: logits)
    try run.emit(
      "logits",
      [Axis("sample", run.samples), Axis("position", run.positions), Axis("token", vocabulary)],
      logits)
  }

  /// Scores of classes, `[sample, class]`: the mean over heads, each from one position.
  private func classes(
    _ last: Buffer<Float>, _ heads: [(name: String, position: Int)], _ count: Int
  ) throws {
    let (sum, part) = (Buffer<Float>(run.samples * count), Buffer<Float>(run.samples * count))
    for head in heads {
      guard let layer = outer.linear(head.name, count) else { return }
      run.linear(layer, rows(last, head.position), to: part, rows: run.samples)
      Elementwise<Float>.add(
        part.start, to: sum.start, count: sum.count, factor: 1 / Float(heads.count))
    }
    try run.emit("logits", [Axis("sample", run.samples), Axis("class", count)], sum)
  }

  private func pool(_ last: Buffer<Float>) throws {
    guard run.isWanted("pooled"), let layer = outer.linear("pooler", plan.width) else { return }
    let pooled = Buffer<Float>(run.samples * plan.width)
    run.linear(layer, rows(last, 0), to: pooled, rows: run.samples)
    for i in 0..<pooled.count { pooled.start[i] = tanh(pooled.start[i]) }
    try run.emit("pooled", [Axis("sample", run.samples), Axis("channel", plan.width)], pooled)
  }

  /// The state at one position of each sample.
  private func rows(_ last: Buffer<Float>, _ position: Int) -> Buffer<Float> {
    let out = Buffer<Float>(run.samples * plan.width)
    for sample in 0..<run.samples {
      (out.start + sample * plan.width).update(
        from: last.start + (sample * run.positions + position) * plan.width, count: plan.width)
    }
    return out
  }
}
