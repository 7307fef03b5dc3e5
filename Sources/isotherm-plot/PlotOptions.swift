import Archive
import ArgumentParser
import Arrays
import Console
import Figures
import Foundation

/// The arguments of every figure.
struct PlotOptions: ParsableArguments {
  @Argument(help: "Archive to read: NAME.h5 or NAME.run.")
  var file: String

  @Option(name: [.customShort("o"), .customLong("output")], help: "Image to write: NAME.png.")
  var output: String

  @Option(help: "Pixels per inch.")
  var dpi: Double = 150

  @Option(help: "light or dark.")
  var theme: ThemeName = .light

  @Option(help: "Title over the figure (default: the archive's).")
  var title: String?

  @Flag(help: "Replace an existing image.")
  var force = false

  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard (20...2400).contains(dpi) else {
      throw ValidationError("--dpi must be between 20 and 2400, found \(dpi)")
    }
    guard output.lowercased().hasSuffix(".png") else {
      throw ValidationError("-o \(output): only PNG is written; name it NAME.png")
    }
  }

  /// Draws `figure` and stores it with where it comes from.
  func store(_ figure: Figure, _ source: FigureSource) throws {
    guard force || !FileManager.default.fileExists(atPath: output) else {
      throw FigureError(
        message: "\(output) exists already; pass --force to replace it, or choose another name")
    }
    let canvas = try figure.draw(theme.theme, dpi: dpi)
    try PNGFile.write(canvas, to: output, texts: source.texts(figure))
    if common.json {
      try Console.output(
        json: ["path": output, "title": figure.title, "source": source.reader.path])
    } else {
      Console.output(output)
    }
  }
}

/// Name of a theme on the command line.
enum ThemeName: String, CaseIterable, ExpressibleByArgument {
  case light, dark

  var theme: Theme { self == .light ? .light : .dark }
}

/// The archive behind a figure, and which of its arrays were read.
final class FigureSource {
  let reader: RunReader
  private var used: [String] = []

  init(_ path: String, expecting kinds: [RunSchema.Kind]) throws {
    reader = try RunReader(path, expecting: kinds)
  }

  /// Reads an array as doubles, and remembers that the figure shows it.
  func numbers(_ path: String) throws -> NDArray<Double> {
    note(path)
    return try reader.read(path)
  }

  /// Reads one position of the first axis as doubles.
  func row(_ path: String, _ index: Int) throws -> NDArray<Double> {
    note(path)
    return try reader.readRow(path, index)
  }

  /// Reads texts.
  func texts(_ path: String) throws -> [String] {
    note(path)
    return try reader.readTexts(path)
  }

  private func note(_ path: String) {
    if !used.contains(path) { used.append(path) }
  }

  /// What goes into the PNG.
  func texts(_ figure: Figure) throws -> [(key: String, text: String)] {
    let hashes = try used.map { path in
      "\(path) sha256=\(try reader.describe(path).sha256 ?? "not sealed yet")"
    }
    return [
      ("Title", figure.title), ("Description", figure.caption),
      ("Software", "Isotherm \(Provenance.version)"),
      ("Command", Provenance.commandLine.joined(separator: " ")),
      ("Source", "\(reader.path) run_id=\(reader.runID)"),
      ("Datasets", hashes.joined(separator: "\n")),
    ]
  }
}

extension NDArray where Element == Double {
  /// The rows of a two-axis array.
  var rows: [[Double]] { (0..<shape[0]).map { row($0).elements } }
}
