import Archive
import ArgumentParser
import Console
import Figures
import Foundation

/// `isotherm-plot animate field|attention FILE -o OUT.png`
struct AnimateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "animate",
    abstract: "A field over time, or attention over training, as an animated PNG.",
    discussion: """
      All frames share one scale of colours. Programs that do not know animated PNG show the first frame. --frames FOLDER \
      stores numbered pictures too; --sheet puts up to 24 of them side by side on one still picture instead.
      """)

  /// What is animated.
  enum Subject: String, CaseIterable, ExpressibleByArgument { case field, attention }

  @Argument(help: "field (a solution) or attention (a training run, over its checkpoints).")
  var subject: Subject

  @OptionGroup var options: PlotOptions

  @Option(help: "Seconds of the whole animation.")
  var seconds = 6.0

  @Option(help: "Folder for the frames as numbered pictures too.")
  var frames: String?

  @Flag(help: "A contact sheet of up to 24 frames instead of an animation.")
  var sheet = false

  func validate() throws {
    guard options.output.lowercased().hasSuffix(".png") else {
      throw ValidationError("-o \(options.output): an animation is a PNG; name it NAME.png")
    }
    guard (0.1...600).contains(seconds) else {
      throw ValidationError("--seconds must be between 0.1 and 600, found \(seconds)")
    }
  }

  func run() throws {
    try OutputGuard([options.file]).check(file: options.output)
    guard options.force || !FileManager.default.fileExists(atPath: options.output) else {
      throw FigureError(
        message:
          "\(options.output) exists already; pass --force to replace it, or choose another name")
    }
    let source = try FigureSource(options.file)
    let arguments = [
      subject.rawValue, options.file, "-o", options.output, "--theme", options.theme.rawValue,
    ]
    let command = try Plot.parseAsRoot(arguments)
    try (command as? any FigureCommand)?.checkKind(source.reader)
    let all: [() throws -> Figure]
    if let field = command as? FieldCommand {
      all = try field.frames(source)
    } else if let attention = command as? AttentionCommand {
      all = try attention.frames(source)
    } else {
      all = []
    }
    let progress = ProgressLine(options.common.progress)
    progress.begin("animate")
    if let frames {
      do {
        try FileManager.default.createDirectory(atPath: frames, withIntermediateDirectories: true)
      } catch {
        throw FigureError(
          message:
            "cannot make the folder \(frames): \(error.localizedDescription); choose another place with --frames"
        )
      }
      try check(all.indices.map { frames + String(format: "/%05d.png", $0) })
    }
    if sheet { return try storeSheet(all, source, progress) }
    var animation = PNGFile.Animation()
    var texts: [(key: String, text: String)] = []
    var page: Figure?
    for (index, make) in all.enumerated() {
      try Interruption.check("no animation is written") {}
      let figure = try sized(make(), as: &page)
      let canvas = try figure.draw(options.theme.theme, dpi: options.dpi)
      try animation.add(canvas)
      if index == 0 { texts = try source.texts(figure) }
      if let frames {
        let name = String(format: "%05d.png", index)
        try PNGFile.write(canvas, to: frames + "/" + name, texts: source.texts(figure))
      }
      progress.update(index + 1, of: all.count, unit: "frames")
    }
    try animation.write(
      to: options.output, seconds: seconds / Double(max(all.count, 1)), texts: texts)
    progress.end("\(animation.count) frames")
    if options.common.json {
      try Console.output(json: Written(path: options.output, frames: animation.count))
    } else {
      Console.output(options.output)
    }
  }

  /// Refuses frames that would replace the animation, the archive, or a picture that is there already.
  private func check(_ frames: [String]) throws {
    try OutputGuard.check(distinct: frames + [options.output])
    for frame in frames {
      try OutputGuard([options.file]).check(file: frame)
      guard options.force || !FileManager.default.fileExists(atPath: frame) else {
        throw FigureError(
          message: "\(frame) exists already; pass --force to replace it, or choose another folder")
      }
    }
  }

  /// A frame on the page of the first one: all frames have one size.
  private func sized(_ frame: Figure, as page: inout Figure?) throws -> Figure {
    var figure = frame
    if let title = options.title { figure.title = title }
    guard let first = page else {
      figure = try options.sized(figure)
      page = figure
      return figure
    }
    (figure.width, figure.height, figure.fontSize) = (first.width, first.height, first.fontSize)
    return figure
  }

  private func storeSheet(
    _ frames: [() throws -> Figure], _ source: FigureSource, _ progress: ProgressLine
  ) throws {
    // More could not be read; the first and the last are always there.
    let shown = min(24, frames.count)
    let all = (0..<shown).map { frames[$0 * (frames.count - 1) / max(shown - 1, 1)] }
    var sheet: ContactSheet?
    var texts: [(key: String, text: String)] = []
    var first: Figure?
    for (index, make) in all.enumerated() {
      try Interruption.check("nothing is written") {}
      let figure = try sized(make(), as: &first)
      var page =
        try sheet
        ?? ContactSheet(
          count: all.count, width: figure.width, height: figure.height, dpi: options.dpi,
          background: options.theme.theme.background)
      page.add(
        try figure.draw(options.theme.theme, dpi: page.frameResolution(options.dpi)))
      sheet = page
      if index == 0 { texts = try source.texts(figure) }
      progress.update(index + 1, of: all.count, unit: "frames")
    }
    try sheet?.write(to: options.output, texts: texts)
    progress.end("\(all.count) frames")
    if options.common.json {
      try Console.output(json: Written(path: options.output, frames: all.count))
    } else {
      Console.output(options.output)
    }
  }

  private struct Written: Encodable {
    var path: String
    var frames: Int
  }
}
