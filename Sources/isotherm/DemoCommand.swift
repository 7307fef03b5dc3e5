import ArgumentParser
import Arrays
import Console
import Foundation
import Studies

/// `isotherm demo [-o FOLDER]`
struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "The whole pipeline on embedded images: train, fit, inform, analyse, draw.",
    discussion: """
      The analyses and figures are made by isotherm-analyze and isotherm-plot, from the files alone.
      """)

  @Option(name: [.customShort("o"), .customLong("output")], help: "Folder for all results.")
  var folder = "demo"

  @Flag(help: "Replace results that are there already.")
  var force = false

  @Flag(help: "Go on with an interrupted demo: what is finished is kept.")
  var resume = false

  @Option(name: .customLong("set"), help: "Override a value, for example training.epochs=2.")
  var settings: [String] = []

  @OptionGroup var common: CommonOptions

  private static let study = "data/studies/fashion-mnist.yaml"

  func run() throws {
    let began = ContinuousClock.now
    guard !(resume && force) else {
      throw UsageError("--resume goes on with a demo and --force replaces it: pass one of them")
    }
    for reader in ["isotherm-analyze", "isotherm-plot"] { _ = try SiblingProgram.find(reader) }
    let configuration = try StudyConfiguration(
      path: DataLocation.resolve(Self.study), settings: settings)
    try prepareFolder()
    let progress = ProgressLine(common.progress)
    let training = try TrainRun(configuration, threads: common.threadCount, progress: progress)
    do {
      let made = try Interruption.during(advice, grace: 0.3) { try make(training, progress) }
      let headline = try analyze(made.run, made.fields, made.information)
      try draw(made.run, made.fields, made.information)
      try tell(headline, began)
    } catch let interrupted as Interrupted {
      throw Interrupted(signal: interrupted.signal, advice: advice)
    } catch let stopped as Stopped {
      throw Interrupted(signal: stopped.signal, advice: advice)
    }
  }

  private var advice: String {
    "what was committed is kept; isotherm demo -o \(folder) --resume goes on, with the same options"
  }

  private var beginning: TrainRun.Beginning {
    resume ? .resuming : force ? .replacing : .new
  }

  /// Trains, fits, informs.
  private func make(
    _ training: TrainRun, _ progress: ProgressLine
  ) throws -> (run: String, fields: String, information: String) {
    let run = try training.run(out: place("run"), beginning, keepParts: false).path
    let fields = try FitRun(run, settings: [], threads: common.threadCount, progress: progress)
      .run(out: place("fields"), beginning)
    let information = try InformRun(
      run, settings: [], threads: common.threadCount, progress: progress
    ).run(out: place("information"), beginning)
    return (run, fields, information)
  }

  private func place(_ name: String) -> String { folder + "/" + name }

  private func prepareFolder() throws {
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw UsageError(
        "cannot make the folder \(folder): \(error.localizedDescription); choose another with -o")
    }
  }

  /// Runs the three analyses; returns the attention report.
  private func analyze(
    _ run: String, _ fields: String, _ information: String
  ) throws -> String {
    let more = force || resume ? ["--force"] : []
    let json = common.json ? ["--json"] : []
    let headline = try SiblingProgram.run(
      "isotherm-analyze",
      ["attention", run, fields, "-o", place("metrics-attention")] + more + json)
    _ = try SiblingProgram.run(
      "isotherm-analyze", ["flow", run, fields, "-o", place("metrics-flow")] + more)
    _ = try SiblingProgram.run(
      "isotherm-analyze", ["bottleneck", information, "-o", place("metrics-bottleneck")] + more)
    return headline
  }

  private func draw(
    _ run: String, _ fields: String, _ information: String
  ) throws {
    let more = force || resume ? ["--force"] : []
    _ = try SiblingProgram.run(
      "isotherm-plot",
      [
        "overview", run, fields, information, place("metrics-attention.h5"),
        place("metrics-flow.h5"), "-o", place("overview.png"),
      ] + more)
    for (figure, source, name) in [
      ("training", run, "training"), ("flow", place("metrics-flow.h5"), "flow"),
      ("attention", run, "attention-network"), ("attention", fields, "attention-pde"),
      ("similarity", place("metrics-attention.h5"), "similarity"),
      ("information-plane", information, "information-plane"),
    ] {
      _ = try SiblingProgram.run(
        "isotherm-plot", [figure, source, "-o", place(name + ".png")] + more)
    }
  }

  private func tell(_ headline: String, _ began: ContinuousClock.Instant) throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      .filter { $0.hasSuffix(".h5") || $0.hasSuffix(".png") }.map { name in
        let attributes = try FileManager.default.attributesOfItem(atPath: place(name))
        return (path: place(name), bytes: attributes[.size] as? Int ?? 0)
      }
    if common.json {
      let report = try JSONSerialization.jsonObject(with: Data(headline.utf8))
      let document: [String: Any] = [
        "attention": report, "files": files.map { ["path": $0.path, "bytes": $0.bytes] },
        "seconds": (ContinuousClock.now - began) / .seconds(1),
      ]
      let data = try JSONSerialization.data(
        withJSONObject: document, options: [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes])
      return Console.output(String(decoding: data, as: UTF8.self))
    }
    Console.output("PDE against network attention on held-out images, every null beside it:\n")
    Console.output(headline.trimmingCharacters(in: .newlines))
    var table = Table(["file", "size"])
    for file in files { table.add([file.path, Format.bytes(file.bytes)]) }
    Console.output("\n" + table.text)
    Console.output("\nMade in \(Format.duration((ContinuousClock.now - began) / .seconds(1))).")
  }
}
