import Archive
import ArgumentParser
import Console
import Figures
import Foundation

/// `isotherm-plot report ARCHIVE... -o FOLDER`
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "One static page with every figure that applies, tables and provenance.",
    discussion: """
      Writes FOLDER/index.html and FOLDER/figures/*.png. The page needs no network and nothing to be built; its tables sort by a \
      click on a column. Give it a run and what was made from it: fields, information, metrics, solutions, verifications.
      """)

  @Argument(help: "Archives to show: NAME.h5 or NAME.run.")
  var files: [String]

  @Option(name: [.customShort("o"), .customLong("output")], help: "Folder to write.")
  var output: String

  @Option(help: "light or dark.")
  var theme: ThemeName = .light

  @Option(help: "Pixels per inch of the figures.")
  var dpi: Double = 150

  @Option(help: "Title of the page (default: the first archive's).")
  var title: String?

  @Flag(help: "Replace an existing report.")
  var force = false

  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard !files.isEmpty else { throw ValidationError("name at least one archive") }
    guard (20...600).contains(dpi) else {
      throw ValidationError("--dpi must be between 20 and 600, found \(dpi)")
    }
  }

  func run() throws {
    let page = output + "/index.html"
    try OutputGuard(files).check(folder: output)
    guard force || !FileManager.default.fileExists(atPath: output) else {
      throw FigureError(
        message: "\(output) exists already; pass --force to replace it, or choose another folder")
    }
    let readers = try files.map { try RunReader($0, expecting: []) }
    let isNew = !FileManager.default.fileExists(atPath: output)
    do {
      try write(page, readers)
    } catch {
      // Half a report would be taken for one; one that was there before keeps what was not replaced.
      if isNew { try? FileManager.default.removeItem(atPath: output) }
      throw error
    }
  }

  private func write(_ page: String, _ readers: [RunReader]) throws {
    let progress = ProgressLine(common.progress)
    progress.begin("report")
    do {
      try FileManager.default.createDirectory(
        atPath: output + "/figures", withIntermediateDirectories: true)
    } catch {
      throw FigureError(
        message:
          "cannot make the folder \(output): \(error.localizedDescription); choose another place")
    }
    var sections: [ReportPage.Section] = []
    for (index, (file, reader)) in zip(files, readers).enumerated() {
      let figures = try figures(file, reader, index, progress)
      sections.append(
        ReportPage.Section(
          title: reader.title, kind: reader.kind.rawValue, runID: reader.runID,
          link: relative(file), figures: figures, tables: try ReportTables(reader).tables,
          provenance: try Self.provenance(reader)))
    }
    let html = ReportPage(
      title: title ?? readers[0].title, isDark: theme == .dark, sections: sections
    ).html
    try OutputFile.write(html, to: page)
    let count = sections.reduce(0) { $0 + $1.figures.count }
    progress.end("\(count) figures of \(files.count) archives")
    if common.json {
      try Console.output(
        json: Written(path: page, figures: sections.flatMap { $0.figures.map(\.file) }))
    } else {
      Console.output(page)
    }
  }

  private struct Written: Encodable {
    var path: String
    var figures: [String]
  }

  /// Draws every figure of the catalogue that the archive has the data of.
  private func figures(
    _ file: String, _ reader: RunReader, _ index: Int, _ progress: ProgressLine
  ) throws -> [ReportPage.Figure] {
    var drawn: [ReportPage.Figure] = []
    for figure in Plot.figures
    where figure.needsNoChoice && figure.kinds.contains(reader.kind) {
      let name = figure.configuration.commandName ?? ""
      let stored = "figures/\(index)-\(name).png"
      let path = output + "/" + stored
      let others =
        figure.takesCompanions
        ? try files.filter { try FigureSource($0).isMade(from: reader) } : []
      let arguments =
        [name, file] + others + ["-o", path, "--theme", theme.rawValue, "--dpi", "\(dpi)"]
      guard var command = try Plot.parseAsRoot(arguments) as? any FigureCommand else { continue }
      command.options.force = true
      try Interruption.check("no report is written") {}
      progress.update(drawn.count, of: Plot.figures.count, unit: "figures", detail: name)
      let content: (figure: Figure, source: FigureSource)
      do {
        content = try command.drawn()
      } catch let error as ArchiveError where error.code == .layout {
        // It lacks what this figure shows; what is there and cannot be read is told.
        continue
      } catch is UsageError {
        continue
      }
      let canvas = try content.figure.draw(theme.theme, dpi: dpi)
      try PNGFile.write(
        canvas, to: path, texts: content.source.texts(content.figure, arguments: arguments))
      drawn.append(
        .init(
          file: stored, title: content.figure.title, caption: content.figure.caption,
          command: (["isotherm-plot", name, file] + others + ["-o", "\(name).png"])
            .joined(separator: " "), width: canvas.width))
    }
    return drawn
  }

  /// The archive as the page names it: relative to the report's folder where both lie under the working folder.
  private func relative(_ file: String) -> String {
    let place = RunPlace(file)
    let name = place.isSealed ? place.file : place.folder
    guard !name.hasPrefix("/"), !output.hasPrefix("/"), !output.contains("..") else {
      return URL(fileURLWithPath: name).absoluteString
    }
    let depth = output.split(separator: "/").filter { $0 != "." }.count
    return String(repeating: "../", count: depth) + name
  }

  private static func provenance(_ reader: RunReader) throws -> [(String, String)] {
    let configuration = try reader.readTexts(Layout.Provenance.configuration).first ?? ""
    let command = (try? reader.readTexts(Layout.Provenance.command))?.joined(separator: " ") ?? ""
    let sources = try reader.sources().map { "\($0.path) run_id=\($0.runID) sha256=\($0.sha256)" }
    return [
      ("run id", reader.runID), ("command", command), ("sources", sources.joined(separator: "\n")),
      ("configuration", configuration),
    ].filter { !$0.1.isEmpty }
  }
}
