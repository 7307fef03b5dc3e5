import Archive
import ArgumentParser
import Console
import Figures
import Foundation

/// A command that draws one figure from archives: `make` reads and lays out, everything else is the same for all.
protocol FigureCommand: ParsableCommand {
  /// File, output, size, theme.
  var options: PlotOptions { get set }
  /// Further archives that it takes; empty for most.
  var companions: [String] { get set }
  /// The figure of `source`, which notes what is read.
  func make(_ source: FigureSource) throws -> Figure
  /// Kinds of archive it takes; empty for any.
  static var kinds: [RunSchema.Kind] { get }
  /// The same in words, with what makes them.
  static var takes: String { get }
  /// The command that makes them, with RUN and FIELDS for its inputs; nil where several do.
  static var madeBy: String? { get }
  /// Whether the archive alone says what to draw.
  static var needsNoChoice: Bool { get }
  /// Whether it shows what other archives hold of the same run too.
  static var takesCompanions: Bool { get }
}

extension FigureCommand {
  static var takes: String {
    let words: [RunSchema.Kind: String] = [
      .run: "a training run", .fields: "fields", .information: "information", .metrics: "metrics",
      .dataset: "a data set",
    ]
    return kinds.isEmpty ? "any archive" : kinds.compactMap { words[$0] }.joined(separator: " or ")
  }

  static var madeBy: String? {
    let commands: [RunSchema.Kind: String] = [
      .run: "isotherm train STUDY.yaml -o NAME", .fields: "isotherm fit RUN -o NAME",
      .information: "isotherm inform RUN -o NAME",
    ]
    return kinds.count == 1 ? commands[kinds[0]] : nil
  }

  static var needsNoChoice: Bool { true }
  static var takesCompanions: Bool { false }

  var companions: [String] {
    get { [] }
    set {}
  }

  func run() throws {
    try OutputGuard([options.file] + companions).check(file: options.output)
    try options.store(try drawn())
  }

  /// Refuses an archive of another kind, with the command that makes the right one of it.
  func checkKind(_ reader: RunReader) throws {
    guard !Self.kinds.isEmpty, !Self.kinds.contains(reader.kind) else { return }
    let name = Self.configuration.commandName ?? ""
    var command = Self.madeBy
    if reader.kind == .run { command = command?.replacing("RUN", with: options.file) }
    if reader.kind == .fields { command = command?.replacing("FIELDS", with: options.file) }
    throw ArchiveError(
      .layout,
      "\(reader.path): is of kind \(reader.kind.rawValue); \(name) draws \(Self.takes)"
        + (command.map { ": `\($0)` makes them" } ?? "")
        + "; `isotherm-plot \(options.file)` lists what can be drawn from this file")
  }

  /// Refuses an archive without an array that the figure shows, with the command that makes it.
  func require(_ path: String, _ source: FigureSource) throws {
    try source.require(path, Self.madeBy.map { "`\($0)` makes it" } ?? "it draws \(Self.takes)")
  }

  /// The figure at its size, and what it was drawn from.
  func drawn() throws -> (figure: Figure, source: FigureSource) {
    let source = try FigureSource(options.file, beside: companions)
    try checkKind(source.reader)
    for other in source.beside where try !other.isMade(from: source.reader) {
      throw ArchiveError(
        .layout,
        "\(other.reader.path): was not made from \(source.reader.path); `isotherm-archive ls --provenance "
          + "\(other.reader.path)` says from what")
    }
    var figure = try make(source)
    if let title = options.title { figure.title = title }
    return (try options.sized(figure), source)
  }
}

/// The arguments of every figure.
struct PlotOptions: ParsableArguments {
  @Argument(help: "Archive to read: NAME.h5 or NAME.run.")
  var file: String

  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: "Image to write: NAME.png, NAME.pdf or NAME.svg.")
  var output: String

  @Option(help: "Pixels per inch of a PNG.")
  var dpi: Double = 150

  @Option(help: "light or dark.")
  var theme: ThemeName = .light

  @Option(help: "Title over the figure (default: the archive's).")
  var title: String?

  @Option(help: "Width and height in millimetres, for example 180x120.")
  var size: PaperSize?

  @Option(help: "Width in a journal's columns of 89 mm, 5 mm apart: 1 to 6 (2 are 183 mm).")
  var columns: Int?

  @Option(help: "Size of tick labels in points.")
  var fontSize: Double?

  @Flag(help: "Replace an existing image.")
  var force = false

  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard (20...2400).contains(dpi) else {
      throw ValidationError("--dpi must be between 20 and 2400, found \(dpi)")
    }
    guard Self.suffixes.contains(where: { output.lowercased().hasSuffix($0) }) else {
      throw ValidationError("-o \(output): name it NAME.png, NAME.pdf or NAME.svg")
    }
    guard columns.map({ (1...6).contains($0) }) ?? true else {
      throw ValidationError("--columns must be between 1 and 6, found \(columns ?? 0)")
    }
    guard size == nil || columns == nil else {
      throw ValidationError("--size and --columns both set the width: pass one of them")
    }
    guard fontSize.map({ (3...36).contains($0) }) ?? true else {
      throw ValidationError("--font-size must be between 3 and 36, found \(fontSize ?? 0)")
    }
  }

  private static let suffixes = [".png", ".pdf", ".svg"]

  /// A figure of the size that was asked for; where only the width is, its height follows its own proportions as far as they hold its
  /// labels, and where nothing is, so does its width.
  /// - Throws: ``FigureError`` when no height is enough.
  func sized(_ figure: Figure) throws -> Figure {
    var figure = figure
    let point = 72 / 25.4
    if let fontSize { figure.fontSize = fontSize }
    if let size {
      // Drawing it refuses a page that is too small, with what is enough.
      (figure.width, figure.height) = (size.width * point, size.height * point)
      return figure
    }
    if let columns {
      let width = Double(94 * columns - 5) * point
      // A narrow figure keeps its height in proportion, but not below what labels need.
      figure.height = max(figure.height * width / figure.width, min(figure.height, 0.75 * width))
      figure.width = width
    }
    return try figure.fitted(theme.theme, isWidthFixed: columns != nil)
  }

  /// Draws `figure` and stores it with where it comes from.
  func store(_ drawn: (figure: Figure, source: FigureSource)) throws {
    let (figure, source) = drawn
    guard force || !FileManager.default.fileExists(atPath: output) else {
      throw FigureError(
        message: "\(output) exists already; pass --force to replace it, or choose another name")
    }
    let texts = try source.texts(figure)
    let lower = output.lowercased()
    if lower.hasSuffix(".png") {
      try PNGFile.write(figure.draw(theme.theme, dpi: dpi), to: output, texts: texts)
    } else {
      let isPDF = lower.hasSuffix(".pdf")
      let canvas = try figure.draw(theme.theme, isPDF ? .pdf : .svg)
      canvas.describe(
        title: figure.title, subject: figure.caption,
        keywords: texts.dropFirst(2).map { "\($0.key): \($0.text)" }.joined(separator: "\n"))
      let bytes = try canvas.finish()
      try OutputFile.write(isPDF ? bytes : SVGSource.inserted(texts, into: bytes), to: output)
    }
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

/// A width and height in millimetres, `180x120`.
struct PaperSize: ExpressibleByArgument {
  let width: Double, height: Double

  init?(argument: String) {
    let parts = argument.lowercased().split(separator: "x").compactMap { Double($0) }
    guard parts.count == 2, parts.allSatisfy({ (20...2000).contains($0) }) else { return nil }
    (width, height) = (parts[0], parts[1])
  }
}
