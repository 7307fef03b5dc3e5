import Archive
import Console

/// What decides estimates: a study's configuration, or of captures what is set.
struct InformConfiguration: Sendable {
  let title: String
  let seed: UInt64
  let information: StudyConfiguration.Information
  /// Files that the configuration names.
  let inputs: [String]
  /// Number of layers: what turns a layer into a depth-time.
  let layers: Int
  /// The whole configuration.
  let yaml: String
  /// What somebody who typed the settings should know.
  let notes: [String]
  /// Whether it is a study's.
  let isStudy: Bool

  /// That of the run `reader`, with `--set` assignments on top.
  init(_ reader: RunReader, settings: [String]) throws {
    isStudy = try reader.isStudy()
    guard !isStudy else {
      let yaml = try reader.readTexts(Layout.Provenance.configuration).first ?? ""
      let study = try StudyConfiguration(
        yaml: yaml, name: "\(reader.path):\(Layout.Provenance.configuration)", settings: settings)
      (title, seed, information) = (study.title, study.seed, study.information)
      (inputs, layers, self.yaml) = (study.inputs, study.model.layerCount, study.yaml)
      notes = study.notes
      return
    }
    let captured = try CapturedConfiguration(reader, settings: settings)
    (title, seed, information) = (captured.title, captured.seed, captured.information)
    (inputs, yaml, notes) = ([], captured.yaml, captured.notes)
    let taps = try reader.taps().compactMap(\.layer)
    layers = (taps.max() ?? 0) + 1
  }
}
