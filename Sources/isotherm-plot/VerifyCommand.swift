import Archive
import ArgumentParser
import Console
import Figures
import Foundation

/// `isotherm-plot verify OUT.png`
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Draw a figure again from the files it names and compare every pixel.",
    discussion: """
      Exit status 1 when it differs; what changed is named: the data, by their logical hashes, or the drawing. Takes PNG; \
      PDF and SVG keep their provenance, but have no pixels.
      """)

  @Argument(help: "Image that isotherm-plot made.")
  var image: String

  @Option(help: "Archive to draw it from (default: the one it names, also beside the image).")
  var source: String?

  @OptionGroup var common: CommonOptions

  func run() throws {
    let stored = try StoredFigure(image)
    var command = try stored.command()
    command.options.file = try source ?? stored.locate(command.options.file)
    command.companions = try command.companions.map(stored.locate)
    let (figure, data) = try command.drawn()
    let canvas = try figure.draw(command.options.theme.theme, dpi: command.options.dpi)
    let now = canvas.pixels()
    let changed = try stored.changes(data)
    var (different, largest) = (0, 0)
    let isSameSize = now.width == stored.content.width && now.height == stored.content.height
    if isSameSize {
      for i in stride(from: 0, to: now.bytes.count, by: 3) {
        var worst = 0
        for c in i..<i + 3 {
          worst = max(worst, abs(Int(now.bytes[c]) - Int(stored.content.bytes[c])))
        }
        if worst > 0 { different += 1 }
        largest = max(largest, worst)
      }
    }
    let result = Result(
      image: image, source: data.reader.path, matches: isSameSize && different == 0,
      pixels: now.width * now.height,
      differentPixels: isSameSize ? different : now.width * now.height, largestDifference: largest,
      changedDatasets: changed)
    if common.json { try Console.output(json: result) } else { Console.output(result.words) }
    if !result.matches { throw ExitCode(1) }
  }

  private struct Result: Encodable {
    var image: String
    var source: String
    var matches: Bool
    var pixels: Int
    var differentPixels: Int
    var largestDifference: Int
    var changedDatasets: [String]

    enum CodingKeys: String, CodingKey {
      case image, source, matches, pixels
      case differentPixels = "different_pixels"
      case largestDifference = "largest_difference"
      case changedDatasets = "changed_datasets"
    }

    var words: String {
      var lines = [
        matches
          ? "\(image): every pixel is drawn again from \(source)"
          : "\(image): differs from what \(source) gives now: \(differentPixels) of \(pixels) pixels, by up to "
            + "\(largestDifference) of 255"
      ]
      lines += changedDatasets.map { "changed: \($0)" }
      if !matches, changedDatasets.isEmpty {
        lines.append(
          "The data are those it names: another version of isotherm-plot, Cairo or FreeType draws it otherwise."
        )
      }
      return lines.joined(separator: "\n")
    }
  }
}

/// `isotherm-plot show OUT.png`
struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Print where a figure comes from.")

  @Argument(help: "Image that isotherm-plot made.")
  var image: String

  @OptionGroup var common: CommonOptions

  func run() throws {
    let stored = try StoredFigure(image)
    if common.json { return try Console.output(json: stored.content.texts) }
    for key in ["Title", "Description", "Command", "Source", "Datasets", "Software"] {
      guard let text = stored.content.texts[key] else { continue }
      Console.output("\(key): " + text.replacing("\n", with: "\n  "))
    }
  }
}

/// An image with the provenance that isotherm-plot gave it.
struct StoredFigure {
  let path: String
  let content: PNGFile.Content

  init(_ path: String) throws {
    self.path = path
    content = try PNGFile.read(path)
    guard content.texts["Software"]?.hasPrefix("Isotherm") == true else {
      throw FigureError(
        message:
          "\(path): no provenance of isotherm-plot in it; was it saved again by another program?")
    }
  }

  /// The command that drew it.
  func command() throws -> any FigureCommand {
    guard let text = content.texts["Arguments"],
      let arguments = try? JSONDecoder().decode([String].self, from: Data(text.utf8)),
      let command = try Plot.parseAsRoot(arguments) as? any FigureCommand
    else {
      throw FigureError(message: "\(path): its provenance names no figure command")
    }
    return command
  }

  /// The archive as it was named, from here or beside the image.
  func locate(_ name: String) throws -> String {
    let folder = (path as NSString).deletingLastPathComponent
    let beside = folder + (folder.isEmpty ? "" : "/") + (name as NSString).lastPathComponent
    for candidate in [name, beside] where (try? RunPlace(candidate).readable()) != nil {
      return candidate
    }
    throw FigureError(
      message: "\(path): drawn from \(name), which is not there; pass --source FILE")
  }

  /// Arrays whose logical hash is no longer the one that was drawn.
  func changes(_ source: FigureSource) throws -> [String] {
    let lines = content.texts["Datasets"]?.split(separator: "\n").map(String.init) ?? []
    let now = try source.hashes().map { "\($0.path) sha256=\($0.sha256)" }
    func name(_ line: String) -> String { line.components(separatedBy: " sha256=")[0] }
    // A run that was being written, and axes in images of earlier versions, have no hash to compare: the pixels tell.
    let unknown = Set(lines.filter { $0.hasSuffix("=not sealed yet") }.map(name))
    let (before, after) = (Set(lines), Set(now))
    return Set(before.symmetricDifference(after).map(name)).subtracting(unknown).sorted()
  }
}
