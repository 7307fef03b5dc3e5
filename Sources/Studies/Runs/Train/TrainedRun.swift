import Archive
import Arrays
import Console
import Foundation
import Kernels
import Transformer

/// A sealed or running training archive, opened to go on from: its study, and the weights of a checkpoint.
struct TrainedRun {
  let reader: RunReader
  let study: LoadedStudy
  let layout: ParameterLayout

  /// Opens the archive `name`, with `--set` assignments put into its configuration.
  /// - Throws: when it is no training run, or the data set it was trained on has changed or is gone.
  init(_ name: String, settings: [String]) throws {
    reader = try RunReader(name, expecting: [.run])
    guard try reader.isStudy() else {
      throw ArchiveError(
        .layout,
        "\(reader.path): expected a run of isotherm train, whose network can be run, found captures or a network that others "
          + "trained; isotherm fit, inform, isotherm-analyze and isotherm-plot work on what was captured, and two captures, clean "
          + "and perturbed, are compared by isotherm-analyze perturbation")
    }
    let yaml = try reader.readTexts(Layout.Provenance.configuration).first ?? ""
    let configuration = try StudyConfiguration(
      yaml: yaml, name: "\(reader.path):\(Layout.Provenance.configuration)", settings: settings)
    study = try LoadedStudy(configuration)
    layout = ParameterLayout(study.model)
    // Where earlier versions did not name the vocabulary, the tokens tell.
    for (old, new) in zip(try reader.sources(), study.data.sources) where old.sha256 != new.sha256 {
      let isVocabulary = new.noun == "vocabulary"
      throw ArchiveError(
        .layout,
        "\(reader.path): the \(new.noun) \(new.path) differs from the one this run was trained "
          + "\(isVocabulary ? "with" : "on"); restore that file, or point --set "
          + "data.\(isVocabulary ? "vocabulary_file" : "file")=PATH to it")
    }
    try study.checkSamples(reader)
  }

  /// Arrays of a run that whatever is made from its network depends on.
  static let network = [Layout.Checkpoints.parameters]

  /// The run as a source of provenance, its weights hashed.
  func source() throws -> Provenance.Source { try reader.asSource(using: Self.network) }

  /// Lines about what was changed in data set and run without a new hash.
  func warnings() throws -> [String] {
    [study.data.warning, try reader.staleHashes()].compactMap { $0 }.map { "warning: " + $0 }
  }

  /// Number of checkpoints.
  func checkpointCount() throws -> Int { try reader.describe(Layout.Checkpoints.step).shape[0] }

  /// Weights of one checkpoint.
  func weights(_ checkpoint: Int) throws -> Buffer<Float> {
    let weights = Buffer<Float>(layout.count)
    for entry in layout.entries {
      let values: NDArray<Float> = try reader.readRow(
        Layout.Checkpoints.parameter(entry.name), checkpoint)
      guard values.count == entry.count else {
        throw ArchiveError(
          .layout,
          "\(reader.path):\(Layout.Checkpoints.parameters)/\(entry.name): expected "
            + "\(entry.count) values, found \(values.count)")
      }
      for (index, value) in values.elements.enumerated() {
        weights.start[entry.offset + index] = value
      }
    }
    return weights
  }

  /// Samples of which the run captured attention maps.
  func attentionSamples() throws -> Int {
    let layers = try reader.attentionLayers()
    return try reader.describe(TapName(.map, layer: layers[0]).path).shape[1]
  }
}
