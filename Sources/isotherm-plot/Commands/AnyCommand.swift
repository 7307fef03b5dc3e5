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
  static let needsNoChoice = false

  @OptionGroup var options: PlotOptions

  @Option(help: "Dataset to draw: its path in the archive.")
  var dataset: String

  @Option(help: "Positions along the first axes, from 0, separated by commas.")
  var at: String?

  func make(_ source: FigureSource) throws -> Figure {
    let path = dataset.hasPrefix("/") ? dataset : "/" + dataset
    try source.require(
      path,
      source.meant(by: path).map { "did you mean \($0)?" }
        ?? "`isotherm-archive ls \(options.file)` lists what it holds")
    let described = try source.reader.describe(path)
    guard described.type != .utf8 else {
      throw UsageError("--dataset \(path) holds text; expected numbers")
    }
    let fixed = try positions(described.shape, path)
    let rest = Array(described.shape.dropFirst(fixed.count))
    let place = zip(described.axes, fixed).map { "\($0.name) \($1)" }.joined(separator: ", ")
    let what = try source.reader.attribute(path, "long_name")?.text ?? path
    let units = try source.reader.attribute(path, "units")?.text ?? "1"
    let names = described.axes.dropFirst(fixed.count).map(\.name)
    let (values, axes, note) = try content(source, path, fixed, rest, names)
    return AnyFigure.make(
      values, axes: axes, quantity: units == "1" ? what : "\(what) [\(units)]", note: note,
      title: "\(path)\(place.isEmpty ? "" : " at \(place)"): \(source.reader.title)",
      theme: options.theme.theme)
  }

  /// Values and axes; what is larger than pixels can show is thinned while it is read, and the note says so.
  private func content(
    _ source: FigureSource, _ path: String, _ fixed: [Int], _ rest: [Int], _ names: [String]
  ) throws -> (values: [Double], axes: [AnyFigure.Axis], note: String) {
    guard let count = FigureSource.product(rest), count <= 1 << 32 else {
      throw UsageError(
        "--dataset \(path): the shape \(rest) is more values than a figure can be made of in minutes, 2³²; "
          + (rest.count > 1
            ? "fix some of the axes \(names.joined(separator: ", ")) with --at"
            : "export a part of it with `isotherm-archive export`"))
    }
    guard count > 0 else {
      throw ArchiveError(
        .layout, "\(source.reader.path): \(path) of the shape \(rest) holds no values yet")
    }
    if rest.count == 1, count > 1 << 20 {
      let (places, values) = try source.extremes(
        path, start: fixed, length: count, buckets: 1 << 15)
      return (
        values, [.init(name: names[0], coordinates: places)],
        "\(count) values, drawn by the lowest and highest of each \((count + (1 << 15) - 1) >> 15)."
      )
    }
    if rest.count == 2, count > 1 << 24 {
      let (values, rows, columns) = try source.averaged(
        path, start: fixed, rows: rest[0], columns: rest[1], limit: 2048)
      func axis(_ name: String, _ old: Int, _ new: Int) -> AnyFigure.Axis {
        .init(name: name, coordinates: (0..<new).map { Double($0 * ((old + new - 1) / new)) })
      }
      return (
        values, [axis(names[0], rest[0], rows), axis(names[1], rest[1], columns)],
        "\(rest[0]) x \(rest[1]) values, averaged to \(rows) x \(columns)."
      )
    }
    guard count <= 1 << 26 else {
      throw UsageError(
        "--dataset \(path): \(count) values are more than a figure shows; fix some of the axes "
          + "\(names.joined(separator: ", ")) with --at")
    }
    let values = try source.part(
      path, start: fixed + rest.map { _ in 0 }, count: fixed.map { _ in 1 } + rest)
    let axes = try names.enumerated().map { index, name in
      try AnyFigure.Axis(
        name: name, coordinates: source.coordinates(path, name, length: rest[index]))
    }
    return (values.elements, axes, "")
  }

  private func positions(_ shape: [Int], _ path: String) throws -> [Int] {
    guard let at else { return [] }
    let parts = at.split(separator: ",").map { Int($0.trimmingPrefix(" ")) }
    guard parts.count < shape.count else {
      throw UsageError(
        "--at \(at): \(path) has \(shape.count) axes; fix at most \(shape.count - 1)")
    }
    return try zip(parts, shape).map { part, length in
      guard let part, (0..<length).contains(part) else {
        throw UsageError("--at \(at): expected whole numbers from 0, below the lengths \(shape)")
      }
      return part
    }
  }
}
