import Console
import Studies
import Testing

@Suite struct StudyConfigurationTests {
  private let minimal = "data: {file: x.h5}\n"

  private func message(_ yaml: String, settings: [String] = []) -> String {
    do {
      _ = try StudyConfiguration(yaml: yaml, name: "study", settings: settings)
      return ""
    } catch {
      #expect(error is UsageError)
      return String(describing: error)
    }
  }

  @Test func `defaults fill what is not said, and the whole reads back the same`() throws {
    let first = try StudyConfiguration(yaml: minimal, name: "study")
    #expect(first.model.width == 64 && first.training.epochs == 5)
    let again = try StudyConfiguration(yaml: first.yaml, name: "again")
    #expect(again.yaml == first.yaml)
  }

  @Test func `an unknown key names the nearest known one`() {
    #expect(
      message(minimal + "model: {widht: 32}") == "model.widht: unknown key; did you mean width?")
    #expect(message(minimal + "trainig: {}").contains("did you mean training?"))
  }

  @Test func `wrong types and impossible values name what is allowed`() {
    #expect(message(minimal + "model: {width: wide}").contains("expected a whole number from 1"))
    #expect(message(minimal + "training: {epochs: -1}").contains("found -1"))
    #expect(
      message(minimal + "model: {norm: middle}")
        == "model.norm: expected pre, post, none, found middle")
    #expect(message("title: x\n").contains("data.file: is missing"))
    #expect(message("[1, 2").contains("not YAML"))
    #expect(message("").contains("empty"))
  }

  @Test func `settings override values, and their mistakes are found too`() throws {
    let study = try StudyConfiguration(
      yaml: minimal, name: "study", settings: ["training.epochs=2", "information.estimators=[kde]"])
    #expect(study.training.epochs == 2)
    #expect(study.information.estimators == [.kde])
    #expect(
      message(minimal, settings: ["information.estimators=[]"])
        == "information.estimators: expected one at least, for example [kde]")
    #expect(message(minimal, settings: ["information.pairs=[binning]"]).contains("kde, ksg, renyi"))
    #expect(message(minimal, settings: ["training.epoch=2"]).contains("did you mean epochs?"))
    #expect(message(minimal, settings: ["oops"]).contains("expected KEY.KEY=VALUE"))
  }

  @Test func `taps take a pattern alone or with a number of samples`() throws {
    let study = try StudyConfiguration(
      yaml: minimal
        + "capture: {samples: 50, taps: [\"residual.*\", {tap: \"attention.*\", samples: 7}]}",
      name: "study")
    #expect(study.capture.requests.map(\.samples) == [50, 7])
    #expect(
      message(minimal + "capture: {samples: 5, taps: [{tap: \"a\", samples: 7}]}")
        .contains("from 1 to 5"))
  }

  /// Keys of the default study; those of text need a study of text.
  private func study(_ key: ConfigurationKey) -> String {
    ["tokenizer", "vocabulary", "tokens", "task"].contains(where: { key.name == "data.\($0)" })
      ? "data: {file: x.h5, modality: text}\n" : minimal
  }

  @Test func `every key takes its own default, and refuses what it cannot be`() throws {
    #expect(StudyConfiguration.keys.count > 60)
    for key in StudyConfiguration.keys where key.name != "data.vocabulary_file" {
      #expect(!key.words.isEmpty && !key.allowed.isEmpty, "\(key.name)")
      if !key.standard.isEmpty {
        let plain = try StudyConfiguration(yaml: study(key), name: "study").yaml
        let set = try StudyConfiguration(
          yaml: study(key), name: "study", settings: ["\(key.name)=\(key.standard)"])
        #expect(set.yaml == plain, "\(key.name)")
      }
      guard !["text", "path"].contains(key.allowed) else { continue }
      let refusal = message(study(key), settings: ["\(key.name)={no: thing}"])
      #expect(refusal.hasPrefix(key.name) || refusal.contains("\(key.name):"), "\(refusal)")
    }
  }

  @Test func `every key stands in the archived YAML, in the place that reads it`() throws {
    for key in StudyConfiguration.keys {
      let parts = key.name.split(separator: ".").map(String.init)
      let yaml = try StudyConfiguration(yaml: study(key), name: "study").yaml
      let isLeftOut = key.standard.isEmpty && key.name != "data.file"
      let line = yaml.split(separator: "\n").first { $0.hasPrefix(parts[0] + ":") } ?? ""
      #expect(parts.count == 1 || line.contains("\(parts[1]): ") != isLeftOut, "\(key.name)")
    }
  }

  @Test func `a key by its former name is read, with a note to whoever typed it`() throws {
    let old = minimal + "information: {bootstrap: 7}\n"
    let archived = try StudyConfiguration(yaml: old, name: "archive")
    #expect(archived.information.resamples == 7 && archived.notes.isEmpty)
    #expect(archived.yaml.contains("resamples: 7") && !archived.yaml.contains("bootstrap"))
    for setting in ["information.bootstrap=9", "information.resamples=9"] {
      let set = try StudyConfiguration(yaml: old, name: "archive", settings: [setting])
      #expect(set.information.resamples == 9)
      #expect(set.notes.isEmpty == setting.contains("resamples"))
    }
    #expect(
      message(minimal + "information: {bootstrap: 7, resamples: 8}").contains("keep one of them"))
  }
}
