import Archive
import Arrays
import Foundation

/// What a catalogue knows of one archive.
struct CatalogEntry: Codable, Sendable {
  /// Path as it was found.
  var path: String
  /// Everything one may filter and sort by: `kind`, `title`, `seed`, configuration keys such as `training.rate`, and
  /// the paths of short arrays such as `/checkpoints/test_accuracy`.
  var values: [String: String]
  /// What of it could not be read; such an entry is not remembered.
  var unreadable: [String] = []

  private enum CodingKeys: String, CodingKey { case path, values }

  /// Reads an archive.
  init(_ path: String) throws {
    self.path = path
    let reader = try RunReader(path)
    values = [
      "kind": reader.kind.rawValue, "title": reader.title, "run_id": reader.runID,
      "sealed": reader.path.hasSuffix("/index.h5") ? "no" : "yes",
    ]
    for name in ["seed", "version", "commit", "started", "finished", "processor", "blas_core"]
    where reader.contains(Layout.Provenance.member(name)) {
      values[name] = try reader.readTexts(Layout.Provenance.member(name)).first
    }
    values.merge(try reader.configurationKeys()) { _, key in key }
    for object in try reader.objects() where !object.path.isAboutArchive {
      switch object.kind {
      case .array:
        do {
          values[object.path] = try Self.summary(object.path, reader)
        } catch {
          // One damaged array does not spoil what the others say.
          unreadable.append("\(error)")
        }
      case .unreadable: unreadable.append("\(path):\(object.path): \(object.what)")
      case .foreign, .link, .scale: continue
      }
    }
  }

  /// The last value of a stream of scalars, the mean of a short fixed array of scalars, a single text.
  private static func summary(_ path: String, _ reader: RunReader) throws -> String? {
    let array = try reader.describe(path)
    guard array.axes.count == 1, array.type != .utf8, let count = array.shape.first, count > 0
    else { return nil }
    let isStream = ["step", "checkpoint", "row"].contains(array.axes[0].name)
    if isStream {
      return try reader.read(path, as: Double.self, start: [count - 1], count: [1]).elements.first
        .map { "\($0)" }
    }
    guard count <= 256 else { return nil }
    let values = try reader.read(path, as: Double.self).elements
    return "\(values.reduce(0, +) / Double(count))"
  }

  /// The value of a column; a path of an array may be given by its end, as `test_accuracy`.
  func value(_ column: String) -> String {
    if column == "path" { return path }
    if let value = values[column] { return value }
    let ends = values.keys.filter { $0.hasPrefix("/") && $0.hasSuffix("/" + column) }
    return ends.min().flatMap { values[$0] } ?? ""
  }
}
