import Kernels

extension Trainer {
  /// The first place, on the way forward and then back, where `batch` gives a value that is not finite; nil when all are.
  ///
  /// For a step that was refused: the weights are those before it. Runs on one thread.
  public func firstNonFinite<Source: SampleSource>(
    _ batch: ArraySlice<Int>, from source: Source
  ) -> String? where Source.Scalar == S {
    for entry in layout.entries where !isFinite(weights.start + entry.offset, entry.count) {
      return "the weights \(entry.name)"
    }
    let pass = passes[0]
    for low in stride(from: batch.startIndex, to: batch.endIndex, by: pass.capacity) {
      let part = batch[low..<min(low + pass.capacity, batch.endIndex)]
      load(part, from: source, pass)
      pass.forward(weights.start, samples: part.count)
      if let place = firstNonFinite(pass, samples: part.count) { return place }
    }
    for entry in layout.entries.reversed()
    where !isFinite(gradient.start + entry.offset, entry.count) {
      return "the gradient of \(entry.name)"
    }
    return nil
  }

  private func firstNonFinite(_ pass: NetworkPass<S>, samples: Int) -> String? {
    let count = samples * model.positionCount * model.width
    if !isFinite(pass.residual(0), count) { return "the embedding (\(Tap(.residualPre(0)).name))" }
    for layer in 0..<model.layerCount {
      if !isFinite(pass.residualMid(layer), count) {
        return "layer \(layer) after attention (\(Tap(.residualMid(layer)).name))"
      }
      if !isFinite(pass.residual(layer + 1), count) {
        return "layer \(layer) after the MLP (\(Tap(.residualPost(layer)).name))"
      }
    }
    let outcomes = samples * model.targetCount * model.classCount
    return isFinite(pass.logits, outcomes) ? nil : "the logits"
  }

  private func isFinite(_ values: UnsafePointer<S>, _ count: Int) -> Bool {
    for i in 0..<count where !values[i].isFinite { return false }
    return true
  }
}
