import Archive
import Arrays
import Console
import Corpora
import Foundation
import Kernels
import Transformer

/// What a training run writes, and how it is put back where a checkpoint left it.
extension TrainRun {
  func record(
    _ report: StepReport, _ trainer: Trainer<Float>, _ step: Int, _ epoch: Double,
    _ seconds: Double, _ recorder: Recorder
  ) throws {
    try recorder.append(
      Layout.Gradients.norm, trainer.layerSquares().flatMap { $0.map { $0.squareRoot() } })
    try recorder.append(Layout.Progress.loss, [report.loss])
    try recorder.append(Layout.Progress.accuracy, [report.accuracy])
    try recorder.append(Layout.Progress.learningRate, [report.rate])
    try recorder.append(Layout.Progress.gradientNorm, [report.gradientNorm])
    if study.model.bottleneck != nil {
      try recorder.append(Layout.Progress.informationBound, [report.informationBound])
    }
    try recorder.append(Layout.Progress.epoch, [epoch])
    try recorder.append(Layout.Progress.seconds, [seconds])
    try recorder.append(Layout.Progress.step, [Int32(step)])
  }

  /// Texts that are written whole.
  func writeNames(_ recorder: Recorder) {
    recorder.write(Layout.Classes.name, study.data.classNames)
    recorder.write(Layout.Gradients.groupName, ParameterGroup.allCases.map { "\($0)" })
    if case .text(let samples) = study.data {
      recorder.write(Layout.Samples.text, study.captured.map { samples.text($0) })
      if let tokenizer = samples.tokenizer as? WordPieceTokenizer {
        recorder.write(Layout.Tokenizer.vocabulary, tokenizer.pieces)
      }
    }
  }

  func writeSamples(_ recorder: Recorder) throws {
    try FirstSteps(study).write(places(0), recorder)
    let captured = study.captured
    try recorder.append(Layout.Samples.index, captured.map { Int32($0) })
    try recorder.append(Layout.Samples.label, captured.map { study.data.label($0) })
    try recorder.append(Layout.Samples.split, captured.map { _ in UInt8(1) })
    switch study.data {
    case .images(let set, _):
      let size = set.size.height * set.size.width
      try recorder.append(
        Layout.Samples.image, captured.flatMap { set.images.elements[$0 * size..<($0 + 1) * size] })
    case .text(let samples):
      try recorder.append(Layout.Samples.token, captured.flatMap { samples.tokens($0).padded })
      if samples.predictsNext {
        try recorder.append(Layout.Samples.target, captured.flatMap { samples.nextTokens($0) })
      }
      try recorder.append(Layout.Samples.length, captured.map { Int32(samples.tokens($0).length) })
      if let tokenizer = samples.tokenizer as? BytePairTokenizer, !tokenizer.merges.isEmpty {
        try recorder.append(Layout.Tokenizer.merges, tokenizer.merges.flatMap { [$0.0, $0.1] })
      }
      if samples.predictsNext { try writeBaseline(samples, recorder) }
    }
  }

  /// Samples of an epoch in the order they are trained on, as places among ``LoadedStudy/trainIndices``.
  func places(_ epoch: Int) -> [Int] {
    var random = Philox(
      seed: study.configuration.seed, purpose: .shuffling, index: UInt64(epoch))
    return random.permutation(study.trainIndices.count)
  }

  private func writeBaseline(_ samples: TokenSamples, _ recorder: Recorder) throws {
    let baseline = NextTokenBaseline(study, samples, pool: pool)
    try recorder.append(NextTokenBaseline.paths.tokens, baseline.tokens)
    try recorder.append(NextTokenBaseline.paths.bytes, baseline.bytes)
    progress.note(
      "n-grams reach \(Format.fixed(baseline.bytes.min() ?? .nan, 3)) bits per character over bytes and "
        + "\(Format.fixed(baseline.tokens.min() ?? .nan, 3)) over tokens (the best of orders 1 to "
        + "\(NextTokenBaseline.orders))")
  }

  /// Puts the trainer where the last checkpoint of a run's folder left it.
  func restore(
    _ trainer: Trainer<Float>, from place: RunPlace
  ) throws -> Progress {
    let reader = try RunReader(place.folder)
    let steps = try reader.read(Layout.Checkpoints.step, as: Int32.self).elements
    // The index may name checkpoints whose part was dropped; resuming anchors on the last whole one.
    let last = steps.count - 1
    func copy(_ path: String, to target: UnsafeMutablePointer<Float>, _ count: Int) throws {
      let values: NDArray<Float> = try reader.readRow(path, last)
      guard values.count == count else {
        throw ArchiveError(
          .layout, "\(reader.path):\(path): expected \(count) values, found \(values.count)")
      }
      for (index, value) in values.elements.enumerated() { target[index] = value }
    }
    for entry in trainer.layout.entries {
      try copy(
        Layout.Checkpoints.parameter(entry.name), to: trainer.weights.start + entry.offset,
        entry.count)
    }
    let optimizer = trainer.optimizer
    try copy(
      Layout.Checkpoints.firstMoment, to: optimizer.first.start, optimizer.first.count)
    if optimizer.second.count > 0 {
      try copy(
        Layout.Checkpoints.secondMoment, to: optimizer.second.start, optimizer.second.count)
    }
    optimizer.stepCount = Int(steps[last])
    try study.checkSamples(reader)
    var state = try progress(reader, checkpoint: last, step: Int(steps[last]))
    if !study.validationIndices.isEmpty {
      for loss in try reader.read(Layout.Checkpoints.validationLoss, as: Double.self).elements
        .prefix(last + 1)
      { state.judge(loss) }
    }
    return state
  }

  /// What is known of a run at its last checkpoint, besides its weights.
  private func progress(_ reader: RunReader, checkpoint: Int, step: Int) throws -> Progress {
    var state = Progress()
    state.accuracy = try reader.readRow(Layout.Checkpoints.testAccuracy, checkpoint).elements[0]
    let bits = Layout.Checkpoints.testBitsPerCharacter
    if reader.contains(bits) {
      state.bitsPerCharacter = try reader.readRow(bits, checkpoint).elements[0]
    }
    let rows = try reader.describe(Layout.Progress.step).shape[0]
    if rows > 0 {
      state.seconds = try reader.readRow(Layout.Progress.seconds, rows - 1).elements[0]
    }
    // A step that was not taken is recorded before the last checkpoint of a run that diverged.
    state.hasDiverged = rows > step
    return state
  }

  /// Gives everybody what the first process has restored.
  func spread(_ trainer: Trainer<Float>) {
    let (others, optimizer) = (peers.collective, trainer.optimizer)
    guard others.size > 1 else { return }
    for values in [trainer.weights, optimizer.first, optimizer.second] where values.count > 0 {
      others.broadcast(values.start, bytes: values.count * MemoryLayout<Float>.stride)
    }
    optimizer.stepCount = others.fromFirst({ optimizer.stepCount }, else: 0)
  }

  /// Evaluates, captures and records one checkpoint. Several processes evaluate together; the first captures and records.
  func checkpoint(
    _ trainer: Trainer<Float>, _ recorder: Recorder?, _ state: inout Progress
  ) throws {
    let step = trainer.optimizer.stepCount
    try peers.compare(UnsafeRawBufferPointer(trainer.weights.elements), step: step)
    let (epoch, place) = step.quotientAndRemainder(dividingBy: stepsPerEpoch)
    let size = study.configuration.training.batch * study.configuration.training.accumulate
    let test = trainer.evaluate(study.data.testIndices, from: study.source)
    let validation = trainer.evaluate(study.validationIndices, from: study.source)
    let count = Double(max(test.count, 1))
    state.accuracy = Double(test.correct) / count
    if !study.validationIndices.isEmpty {
      state.judge(validation.loss / Double(max(validation.count, 1)))
    }
    guard let recorder else { return }
    try recorder.append(Layout.Checkpoints.step, [Int32(step)])
    try recorder.append(
      Layout.Checkpoints.epoch,
      [Double(epoch) + Double(place * size) / Double(study.trainIndices.count)])
    try recorder.append(Layout.Checkpoints.dataPosition, [Int64(place * size)])
    try recorder.append(Layout.Checkpoints.testLoss, [test.loss / count])
    try recorder.append(Layout.Checkpoints.testAccuracy, [state.accuracy])
    if case .text(let samples) = study.data, samples.predictsNext {
      let characters = Double(samples.predictedCharacters(study.data.testIndices))
      let bits = test.loss / log(2) / characters
      state.bitsPerCharacter = bits
      try recorder.append(Layout.Checkpoints.testBitsPerCharacter, [bits])
    }
    if !study.validationIndices.isEmpty {
      let count = Double(max(validation.count, 1))
      try recorder.append(Layout.Checkpoints.validationLoss, [validation.loss / count])
      try recorder.append(
        Layout.Checkpoints.validationAccuracy, [Double(validation.correct) / count])
    }
    try recorder.append(
      Layout.Checkpoints.randomState, [study.configuration.seed, UInt64(epoch)])
    try recorder.append(Layout.Checkpoints.firstMoment, trainer.optimizer.first.elements)
    if trainer.optimizer.second.count > 0 {
      try recorder.append(
        Layout.Checkpoints.secondMoment, trainer.optimizer.second.elements)
    }
    for entry in trainer.layout.entries {
      try recorder.append(
        Layout.Checkpoints.parameter(entry.name),
        UnsafeBufferPointer(start: trainer.weights.start + entry.offset, count: entry.count))
    }
    try capture(trainer, recorder)
    try recorder.commit()
  }

  private func capture(_ trainer: Trainer<Float>, _ recorder: Recorder) throws {
    let arrays = sampler.run(trainer.weights, samples: study.captured)
    for ((tap, _), values) in zip(taps, arrays) {
      try recorder.append(TrainSchema.path(tap), values.elements)
    }
  }
}
