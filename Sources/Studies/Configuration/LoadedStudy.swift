import Archive
import Arrays
import Console
import Corpora
import Kernels
import Transformer

/// A study with everything loaded: data, sizes, splits, captured samples.
struct LoadedStudy: Sendable {
  let configuration: StudyConfiguration
  let data: StudyData
  let model: ModelConfiguration
  /// Samples trained on, in the data's order.
  let trainIndices: [Int]
  /// Samples of the training split that are only looked at, to stop early; empty unless asked for.
  let validationIndices: [Int]
  /// Held-out samples that are captured, the same at every checkpoint.
  let captured: [Int]

  /// The samples, as a trainer takes them.
  var source: any SampleSource<Float> { data.source }

  init(_ configuration: StudyConfiguration) throws {
    self.configuration = configuration
    data = try StudyData(configuration.data)
    model = try Self.model(configuration, data)
    (trainIndices, validationIndices) = Self.split(configuration, data)
    guard !trainIndices.isEmpty else {
      throw UsageError("training.validation: nothing of the training split is left to train on")
    }
    let test = data.testIndices
    guard configuration.capture.samples <= test.count else {
      throw UsageError(
        "capture.samples: \(configuration.capture.samples) asked for, the test split has \(test.count)"
      )
    }
    var random = Philox(seed: configuration.seed, purpose: .capture)
    let order = random.permutation(test.count)
    captured = order.prefix(configuration.capture.samples).map { test[$0] }
  }

  private static func model(
    _ configuration: StudyConfiguration, _ data: StudyData
  ) throws -> ModelConfiguration {
    let chosen = configuration.model
    do {
      var model = try ModelConfiguration(
        input: data.input,
        positionCount: data.positionCount + (chosen.variant.pooling == .classToken ? 1 : 0),
        width: chosen.width, headCount: chosen.headCount, layerCount: chosen.layerCount,
        mlpWidth: chosen.mlpWidth, classCount: data.outcomeCount, variant: chosen.variant)
      if case .images(_, let grid) = data { model.grid = (grid.rows, grid.columns) }
      model.refinements = chosen.refinements
      for refinement in chosen.refinements { try refinement.check(model) }
      model.bottleneck = configuration.training.bottleneck
      if let bottleneck = model.bottleneck, bottleneck.layer >= model.layerCount {
        throw UsageError(
          "training.bottleneck_layer: \(bottleneck.layer) asked for, the layers are 0 to "
            + "\(model.layerCount - 1)")
      }
      return model
    } catch let error as ModelError {
      throw UsageError("model: \(error.message)")
    }
  }

  /// The training split without the validation samples, and these; drawn by the seed.
  private static func split(
    _ configuration: StudyConfiguration, _ data: StudyData
  ) -> (train: [Int], validation: [Int]) {
    let all = data.trainIndices
    let share = configuration.training.validation
    guard share > 0 else { return (all, []) }
    var random = Philox(seed: configuration.seed, purpose: .validation)
    let kept = Set(
      random.permutation(all.count).prefix(max(1, Int(share * Double(all.count)))).map { all[$0] })
    return (all.filter { !kept.contains($0) }, all.filter(kept.contains))
  }

  /// Compares the tokens that a run has archived with those its samples have now.
  /// - Throws: ``ArchiveError`` when a tokenizer that was learned or read gives others.
  func checkSamples(_ reader: RunReader) throws {
    guard case .text(let samples) = data, reader.contains(Layout.Samples.token) else { return }
    let archived: NDArray<Int32> = try reader.read(Layout.Samples.token)
    let indices: [Int32] = try reader.read(Layout.Samples.index).elements
    guard archived.shape == [indices.count, samples.positions] else { return }
    for (row, index) in indices.enumerated() {
      guard index >= 0, index < samples.count,
        archived.row(row).elements == samples.tokens(Int(index)).padded
      else {
        throw ArchiveError(
          .layout,
          "\(reader.path):\(Layout.Samples.token): sample \(index) has other tokens now; the tokenizer differs from the "
            + "one this run was trained with: restore its vocabulary, or use the version of Isotherm it was "
            + "trained with")
      }
    }
  }

  /// Taps to capture and the number of samples of each, in the order of computation.
  func taps() throws -> [(tap: Tap, samples: Int)] {
    var chosen: [Tap: Int] = [:]
    for request in configuration.capture.requests {
      let matching = Tap.matching(request.pattern, in: model)
      guard !matching.isEmpty else {
        let names = Tap.all(model).map(\.name)
        let nearest = NameDistance.nearest(to: request.pattern, among: names)
        throw UsageError(
          "capture.taps: no tap matches \(request.pattern); did you mean \(nearest ?? "")?")
      }
      for tap in matching where chosen[tap] == nil { chosen[tap] = request.samples }
    }
    return Tap.all(model).compactMap { tap in chosen[tap].map { (tap, $0) } }
  }
}
