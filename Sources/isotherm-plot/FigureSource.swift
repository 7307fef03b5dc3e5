import Archive
import Arrays
import Console
import Figures
import Foundation

/// The archive behind a figure, and which of its arrays were read.
final class FigureSource {
  let reader: RunReader
  private(set) var used: [String] = []

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

  /// Reads a part of an array as doubles.
  func part(_ path: String, start: [Int], count: [Int]) throws -> NDArray<Double> {
    note(path)
    return try reader.read(path, start: start, count: count)
  }

  /// Values along an axis of an array: those of its scale in the same group, or 0, 1, 2 ….
  func coordinates(_ path: String, _ axis: String, length: Int) throws -> [Double] {
    let group = path.split(separator: "/").dropLast().joined(separator: "/")
    let scale = "/\(group)/\(axis)"
    if reader.contains(scale), try reader.describe(scale).shape == [length] {
      let values: NDArray<Double> = try reader.read(scale)
      return values.elements
    }
    return (0..<length).map(Double.init)
  }

  /// Reads texts.
  func texts(_ path: String) throws -> [String] {
    note(path)
    return try reader.readTexts(path)
  }

  private func note(_ path: String) {
    if !used.contains(path) { used.append(path) }
  }

  /// Fails with what to do when the archive lacks `path`.
  func require(_ path: String, _ remedy: String) throws {
    guard reader.contains(path) else {
      throw ArchiveError(.layout, "\(reader.path): holds no \(path); \(remedy)")
    }
  }

  /// What goes into the image.
  func texts(_ figure: Figure) throws -> [(key: String, text: String)] {
    let arguments = Array(CommandLine.arguments.dropFirst())
    return [
      ("Title", figure.title), ("Description", figure.caption),
      ("Software", "Isotherm \(Provenance.version)"),
      ("Command", Provenance.commandLine.joined(separator: " ")),
      ("Arguments", try Console.encode(arguments)),
      ("Source", "\(reader.path) run_id=\(reader.runID)"),
      ("Datasets", try hashes().map { "\($0.path) sha256=\($0.sha256)" }.joined(separator: "\n")),
    ]
  }

  /// Logical hash of every array that was read.
  func hashes() throws -> [(path: String, sha256: String)] {
    try used.map { ($0, try reader.describe($0).sha256 ?? "not sealed yet") }
  }
}

extension NDArray where Element == Double {
  /// The rows of a two-axis array.
  var rows: [[Double]] { (0..<shape[0]).map { row($0).elements } }
}
