import Archive
import Console
import Corpora
import Kernels
import Transformer

/// A study over images with everything loaded: data, grid, sizes, captured samples.
struct ImageStudy: Sendable {
  let configuration: StudyConfiguration
  let set: ImageSet
  let grid: PatchGrid
  let model: ModelConfiguration
  /// Held-out samples that are captured, the same at every checkpoint.
  let captured: [Int]

  var source: PatchSource { PatchSource(images: set, grid: grid) }

  init(_ configuration: StudyConfiguration) throws {
    self.configuration = configuration
    set = try ImageSet(DataLocation.resolve(configuration.data.file))
    let (height, width) = set.size
    guard let grid = PatchGrid(height: height, width: width, patch: configuration.data.patch) else {
      let fitting = (1...min(height, width)).filter { height % $0 == 0 && width % $0 == 0 }
      throw UsageError(
        "data.patch: \(configuration.data.patch) does not divide images of \(height) x \(width); "
          + "possible: \(fitting.map(String.init).joined(separator: ", "))")
    }
    self.grid = grid
    do {
      var model = try ModelConfiguration(
        inputWidth: grid.inputWidth, positionCount: grid.positionCount,
        width: configuration.model.width, headCount: configuration.model.heads,
        layerCount: configuration.model.layers, mlpWidth: configuration.model.mlp,
        classCount: set.classNames.count)
      model.bottleneck = configuration.training.bottleneck
      self.model = model
    } catch let error as ModelError {
      throw UsageError("model: \(error.message)")
    }
    if let bottleneck = model.bottleneck, bottleneck.layer >= model.layerCount {
      throw UsageError(
        "training.bottleneck_layer: \(bottleneck.layer) asked for, the layers are 0 to "
          + "\(model.layerCount - 1)")
    }
    guard configuration.capture.samples <= set.testIndices.count else {
      throw UsageError(
        "capture.samples: \(configuration.capture.samples) asked for, the test split has "
          + "\(set.testIndices.count)")
    }
    var random = Philox(seed: configuration.seed, purpose: .capture)
    let order = random.permutation(set.testIndices.count)
    let test = set.testIndices
    captured = order.prefix(configuration.capture.samples).map { test[$0] }
  }

  /// Taps to capture and the number of samples of each, in the order of computation.
  func taps() throws -> [(tap: Tap, samples: Int)] {
    var chosen: [Tap: Int] = [:]
    for request in configuration.capture.requests {
      let matching = Tap.matching(request.pattern, in: model)
      guard !matching.isEmpty else {
        let names = Tap.all(model).map(\.name)
        let nearest = names.min {
          request.pattern.distance(to: $0) < request.pattern.distance(to: $1)
        }
        throw UsageError(
          "capture.taps: no tap matches \(request.pattern); did you mean \(nearest ?? "")?")
      }
      for tap in matching where chosen[tap] == nil { chosen[tap] = request.samples }
    }
    return Tap.all(model).compactMap { tap in chosen[tap].map { (tap, $0) } }
  }
}
