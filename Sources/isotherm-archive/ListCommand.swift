import Archive
import ArgumentParser
import Arrays
import Console

/// `isotherm-archive ls FILE`
struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ls", abstract: "List what an archive holds: shapes, types, sizes, units.")

  @Argument(help: "Archive: NAME.h5 or NAME.run.")
  var file: String

  @Flag(help: "Print where the archive comes from instead.")
  var provenance = false

  @Flag(help: "Print what the archive says of its equations, training and random numbers instead.")
  var explanation = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    if let planned = RunPlace(file).planned { return try list(planned) }
    let reader = try RunReader(file)
    if provenance { return try printTexts(reader, below: Layout.Provenance.group) }
    if explanation { return try printTexts(reader, below: Layout.Explanation.group) }
    let objects = try reader.objects()
    var others = objects.filter { ![.array, .scale].contains($0.kind) }
    var arrays: [RunReader.StoredArray] = []
    for object in objects where object.kind == .array {
      do {
        arrays.append(try reader.describe(object.path))
      } catch {
        others.append(
          StoredObject(
            path: object.path, kind: .unreadable, what: Console.message(for: error)))
      }
    }
    if common.json {
      return try Console.output(
        json: Listing(
          path: reader.path, datasets: arrays.map(Listing.Dataset.init),
          others: others.map { Listing.Other(path: $0.path, kind: $0.kind.rawValue, what: $0.what) }
        ))
    }
    Console.output("\(reader.title) (\(reader.kind.rawValue), run id \(reader.runID))\n")
    var table = Table(["array", "axes", "type", "size", "stored", "units", "what"])
    for array in arrays where !array.path.isAboutArchive {
      let listing = Listing.Dataset(array)
      table.add([
        array.path, array.axes.map { "\($0.name) \($0.length)" }.joined(separator: ", "),
        array.type.rawValue, Format.bytes(listing.bytes), Format.bytes(listing.storedBytes),
        array.units, array.longName,
      ])
    }
    Console.output(table.text)
    guard !others.isEmpty else { return }
    Console.output("\nAlso in the file, but not to be read as an array:")
    var rest = Table(["path", "kind", "what"])
    for object in others { rest.add([object.path, object.kind.rawValue, object.what]) }
    Console.output(rest.text)
  }

  /// Lists what a run will hold that has not committed anything yet.
  private func list(_ planned: RunSchema) throws {
    let folder = RunPlace(file).folder
    guard !provenance, !explanation else {
      throw UsageError(
        "\(folder): nothing was committed yet; try again after the first commit (30 s at most while its "
          + "program runs)")
    }
    if common.json {
      return try Console.output(
        json: Listing(
          path: folder, datasets: planned.arrays.map(Listing.Dataset.init(planned:)), others: []))
    }
    Console.output("\(planned.title) (\(planned.kind.rawValue), run id \(planned.runID))\n")
    var table = Table(["array", "axes", "type", "units", "what"])
    for array in planned.arrays {
      table.add([
        array.path,
        array.axes.map { "\($0.name) \($0.length.map(String.init) ?? "?")" }.joined(
          separator: ", "), array.type.rawValue, array.units, array.longName,
      ])
    }
    Console.output(table.text)
    Console.output(
      "\n\(folder): nothing was committed yet; this is what it will hold. While its program runs, the first "
        + "commit comes within 30 s.")
  }

  private func printTexts(_ reader: RunReader, below group: String) throws {
    var items: [String: String] = [:]
    for path in try reader.paths(below: group) {
      let name = String(path.split(separator: "/").last ?? "")
      let array = try reader.describe(path)
      // What others have put there is named, not shown.
      items[name] =
        array.type == .utf8
        ? try reader.readTexts(path).joined(separator: "\n")
        : "\(array.type.rawValue) \(array.shape), not text"
    }
    for (path, what) in try reader.foreignObjects(below: group) {
      items[String(path.split(separator: "/").last ?? "")] = what
    }
    if common.json { return try Console.output(json: items) }
    for (name, text) in items.sorted(by: { $0.key < $1.key }) {
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      if lines.count > 1 {
        Console.output("\(name):\n  " + lines.joined(separator: "\n  "))
      } else {
        Console.output("\(name): \(text)")
      }
    }
  }
}

/// The listing as JSON.
private struct Listing: Encodable {
  struct Dataset: Encodable {
    var path: String
    var shape: [Int]
    var axes: [String]
    var type: String
    var bytes: Int
    var storedBytes: Int
    var sha256: String?
    var units: String
    var longName: String

    enum CodingKeys: String, CodingKey {
      case path, shape, axes, type, bytes, sha256, units
      case storedBytes = "stored_bytes"
      case longName = "long_name"
    }

    init(_ array: RunReader.StoredArray) {
      (path, shape, axes) = (array.path, array.shape, array.axes.map(\.name))
      type = array.type.rawValue
      bytes = array.shape.reduce(1, *) * (array.type.byteCount ?? 0)
      storedBytes = array.storedByteCount
      (sha256, units, longName) = (array.sha256, array.units, array.longName)
    }

    /// An array of which no row is there yet.
    init(planned array: ArraySchema) {
      (path, shape, axes) = (array.path, array.shape(rows: 0), array.axes.map(\.name))
      (type, bytes, storedBytes) = (array.type.rawValue, 0, 0)
      (sha256, units, longName) = (nil, array.units, array.longName)
    }
  }

  /// What is no array: carried along, a link, or damaged.
  struct Other: Encodable {
    var path: String
    var kind: String
    var what: String
  }

  var path: String
  var datasets: [Dataset]
  var others: [Other]
}
