import Archive
import ArgumentParser
import Arrays
import Console
import Figures

/// `isotherm-plot any ARCHIVE --dataset /PATH -o OUT.png`
struct AnyCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "any", abstract: "A plot of any labelled dataset by its axes.",
    discussion: """
      One axis is a line and a histogram, two are a map, more a grid of maps. --at fixes positions of the first axes, for example \
      --at 5,0 for checkpoint 5 and sample 0.
      """)
  static let kinds: [RunSchema.Kind] = []

  @OptionGroup var options: PlotOptions

  @Option(help: "Dataset to draw: its path in the archive.")
  var dataset: String

  @Option(help: "Positions along the first axes, from 0, separated by commas.")
  var at: String?

  func make(_ source: FigureSource) throws -> Figure {
    let path = dataset.hasPrefix("/") ? dataset : "/" + dataset
    try source.require(path, "`isotherm-archive ls` lists what it holds")
    let described = try source.reader.describe(path)
    guard described.type != .utf8 else {
      throw UsageError("--dataset \(path) holds text; expected numbers")
    }
    let fixed = try positions(described.shape, path)
    let rest = Array(described.shape.dropFirst(fixed.count))
    let values = try source.part(
      path, start: fixed + rest.map { _ in 0 }, count: fixed.map { _ in 1 } + rest)
    let axes = try described.axes.dropFirst(fixed.count).enumerated().map { index, axis in
      try AnyFigure.Axis(
        name: axis.name, coordinates: source.coordinates(path, axis.name, length: rest[index]))
    }
    let place = zip(described.axes, fixed).map { "\($0.name) \($1)" }.joined(separator: ", ")
    let what = try source.reader.attribute(path, "long_name")?.text ?? path
    let units = try source.reader.attribute(path, "units")?.text ?? "1"
    return AnyFigure.make(
      values.elements, axes: axes, quantity: units == "1" ? what : "\(what) [\(units)]",
      title: "\(path)\(place.isEmpty ? "" : " at \(place)"): \(source.reader.title)",
      theme: options.theme.theme)
  }

  private func positions(_ shape: [Int], _ path: String) throws -> [Int] {
    guard let at else { return [] }
    let parts = at.split(separator: ",").map { Int($0.trimmingPrefix(" ")) }
    guard parts.count < shape.count else {
      throw UsageError("--at \(at): \(path) has \(shape.count) axes; fix at most \(shape.count - 1)")
    }
    return try zip(parts, shape).map { part, length in
      guard let part, (0..<length).contains(part) else {
        throw UsageError("--at \(at): expected whole numbers from 0, below the lengths \(shape)")
      }
      return part
    }
  }
}
