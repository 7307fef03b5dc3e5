import Archive
import Arrays
import Console
import Dynamics
import Kernels
import Transformer

/// Captures of a network that is not there, as equations are fitted to them: states and maps come from the archive, and which samples
/// are fitted to stands in it.
struct CapturedSubject: FitSubject {
  let reader: RunReader
  let configuration: CapturedConfiguration
  let model: ModelConfiguration
  let fitSamples: [Int], heldOut: [Int]
  /// How the samples were divided, in words.
  let splitRule: String
  private let padding: SamplePadding
  private let checkpoint: Int
  private let failure = ReadingFailure()

  /// Most samples that equations are judged on, as many as a run of ours captures unless told otherwise.
  static let mostHeldOut = 256

  /// Opens captures and reads no state.
  /// - Throws: ``ArchiveError`` or `UsageError` for an archive that lacks states or maps, or has one sample only.
  init(_ reader: RunReader, settings: [String]) throws {
    self.reader = reader
    guard try !reader.layers(of: .residualPost).isEmpty else {
      throw ArchiveError(
        .layout,
        "\(reader.path): expected captured states, found "
          + (reader.contains(Layout.Checkpoints.parameters)
            ? "a network that others trained, its weights alone; isotherm capture \(reader.path) runs it over data"
            : "none; capture or import the residual stream of every layer"))
    }
    configuration = try CapturedConfiguration(reader, settings: settings)
    padding = try SamplePadding(reader)
    let states = try reader.residualTaps()
    let stream = try reader.describe(states[0].path).shape
    let layers = try reader.layers(of: .map)
    guard layers == Array(0..<states.count - 1), stream.count == 4 else {
      throw ArchiveError(
        .layout,
        "\(reader.path): expected the attention map of each of \(states.count - 1) layers, which an equation is fitted to beside the "
          + "states, found \(layers.isEmpty ? "none" : "those of layers \(layers.map(String.init).joined(separator: ", "))"); capture "
          + "them too, in transformers with attn_implementation=\"eager\"")
    }
    let map = try reader.describe(TapName(.map, layer: 0).path).shape
    guard map.count == 5, map[4] == stream[2], map[1] == stream[1] else {
      throw ArchiveError(
        .layout,
        "\(reader.path): states of the shape \(stream) and maps of \(map): expected the same samples and positions in both; capture "
          + "them together")
    }
    checkpoint = stream[0] - 1
    model = try Self.model(
      configuration, layers: layers.count, positions: stream[2], width: stream[3], heads: map[2],
      path: reader.path)
    let seed = configuration.seed
    let split: [UInt8]
    if reader.contains(Layout.Samples.split) {
      split = try reader.read(Layout.Samples.split, as: UInt8.self).elements
      splitRule =
        "as \(Layout.Samples.split) of the run says"
        + (try reader.attribute(Layout.Samples.split, "rule")?.text.map { " (\($0))" } ?? "")
    } else {
      split = HeldOutSplit.draw(stream[1], seed: seed)
      splitRule = HeldOutSplit.rule(seed: seed)
    }
    let places = Array(0..<min(split.count, stream[1]))
    let (fitted, judged) = (places.filter { split[$0] == 0 }, places.filter { split[$0] == 1 })
    guard !fitted.isEmpty, !judged.isEmpty else {
      throw ArchiveError(
        .layout,
        "\(reader.path): expected samples to fit to and others to judge on, found \(fitted.count) and \(judged.count); capture two samples "
          + "at least, or save a split that has 0 and 1")
    }
    fitSamples = Self.some(configuration.pde.samples, of: fitted, seed, FitRun.choiceIndex)
    heldOut = Self.some(Self.mostHeldOut, of: judged, seed, FitRun.choiceIndex + 1).sorted()
  }

  /// At most `count` of `places`, in an order that the seed draws.
  private static func some(_ count: Int, of places: [Int], _ seed: UInt64, _ index: UInt64) -> [Int]
  {
    var random = Philox(seed: seed, purpose: .fitting, index: index)
    return random.permutation(places.count).prefix(count).map { places[$0] }
  }

  private static func model(
    _ configuration: CapturedConfiguration, layers: Int, positions: Int, width: Int, heads: Int,
    path: String
  ) throws -> ModelConfiguration {
    let form = configuration.form
    var variant = ModelConfiguration.Variant()
    variant.isCausal = form.isCausal
    variant.normKind = form.norm.flatMap { NormKind(rawValue: $0) } ?? .layer
    variant.activation = form.activation.flatMap { Activation(rawValue: $0) } ?? .gelu
    variant.positions = form.isRotary ? .rotary : .none
    variant.keyValueHeads = form.keyValueHeads
    do {
      var model = try ModelConfiguration(
        input: .patches(width: 1), positionCount: positions, width: width, headCount: heads,
        layerCount: layers, mlpWidth: form.mlp ?? 4 * width, classCount: 1, variant: variant)
      guard form.classTokens < positions, (positions - form.classTokens) % form.rows == 0 else {
        throw UsageError(
          "network.class_tokens: \(form.classTokens) and network.rows: \(form.rows) leave no grid of the \(positions) positions of \(path)"
        )
      }
      model.leadingTokenCount = form.classTokens
      model.grid = (form.rows, 0)
      return model
    } catch let error as ModelError {
      throw UsageError("\(path): no equation of this form: \(error.message)")
    }
  }

  var title: String { configuration.title }
  var seed: UInt64 { configuration.seed }
  var pde: StudyConfiguration.PDE { configuration.pde }
  var yaml: String { configuration.yaml }
  var inputs: [String] { [] }
  var trained: TrainedRun? { nil }

  func heldOutIndex() throws -> [Int32] {
    guard reader.contains(Layout.Samples.index) else { return heldOut.map { Int32($0) } }
    let index = try reader.read(Layout.Samples.index, as: Int32.self).elements
    return heldOut.map { index[$0] }
  }

  func heldOutLabels() throws -> [Int32]? {
    guard reader.contains(Layout.Samples.label) else { return nil }
    let labels = try reader.read(Layout.Samples.label, as: Int32.self).elements
    return heldOut.map { labels[$0] }
  }

  var heldOutLengths: [Int32]? {
    padding.lengths.map { lengths in heldOut.map { Int32(lengths[$0]) } }
  }

  func trajectories(
    _ samples: [Int], capacity: Int, workers: Int
  ) throws -> any TrajectorySource<Float> {
    try CapturedTrajectories(
      reader, model, padding, samples, checkpoint: checkpoint, capacity: capacity,
      workers: workers, failure)
  }

  func checkReading() throws { try failure.check() }

  func source() throws -> Provenance.Source {
    try reader.asSource(
      using: reader.residualTaps().map(\.path)
        + (0..<model.layerCount).map { TapName(.map, layer: $0).path } + [Layout.Samples.group])
  }

  func warnings() throws -> [String] {
    var lines = try reader.staleHashes().map { ["warning: " + $0] } ?? []
    if configuration.form.finalNorm == "applied" {
      lines.append(
        "the last state is behind the network's final norm: the equation's last interval stands for that norm too"
      )
    }
    return lines
  }

  func explanation(_ fit: FitRun) -> Explanation {
    let steps =
      fit.settings(false).epochs * ((fitSamples.count + pde.batch - 1) / max(pde.batch, 1))
    return Explanation(
      [
        CapturedExplanation(self).part(), EquationExplanation(fit.models, pde).part(),
        OptimizerExplanation(fit.settings(false).optimizer, steps: steps).part(),
      ].compactMap { $0 })
  }
}
