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
}
