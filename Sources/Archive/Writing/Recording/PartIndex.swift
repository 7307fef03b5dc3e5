import Foundation
import HDF5

/// The parts of a run, where in them the rows of each array lie, and `index.h5`, which joins them for readers.
struct PartIndex {
  let place: RunPlace
  let schema: RunSchema
  private(set) var parts: [PartName] = []
  /// Bytes of each part's file.
  private(set) var byteCounts: [PartName: Int] = [:]
  /// Where committed rows lie, by the path of their array.
  private(set) var sources: [String: [DatasetCreation.Source]] = [:]
  /// Acknowledged rows of each array.
  private(set) var rows: [String: Int] = [:]
  /// Acknowledged text arrays.
  var texts: [String: [String]] = [:]
  private var counting: CountingFile

  /// An index without parts.
  init(_ place: RunPlace, _ schema: RunSchema) {
    (self.place, self.schema, counting) = (place, schema, CountingFile(folder: place.folder))
  }

  /// Takes in a part of `byteCount` bytes that holds `counts` rows of some arrays, after all others.
  mutating func append(_ part: PartName, _ counts: [String: Int], byteCount: Int) {
    byteCounts[part] = byteCount
    for (path, count) in counts where path != Layout.Parts.resumeState {
      let start = rows[path] ?? 0
      sources[path, default: []].append(
        DatasetCreation.Source(file: part.file, dataset: path, start: start, count: count))
      rows[path] = start + count
    }
    parts.append(part)
  }

  /// Names the merged part in place of those it was made from; false when they are not there.
  mutating func exchange(_ old: [PartName], for merged: PartName) -> Bool {
    guard let start = old.first.flatMap({ parts.firstIndex(of: $0) }) else { return false }
    parts.replaceSubrange(start..<start + old.count, with: [merged])
    byteCounts[merged] = old.reduce(0) { $0 + (byteCounts.removeValue(forKey: $1) ?? 0) }
    let files = Set(old.map(\.file))
    for (path, list) in sources {
      guard let first = list.firstIndex(where: { files.contains($0.file) }) else { continue }
      var source = list[first]
      source.file = merged.file
      source.count = list.filter { files.contains($0.file) }.map(\.count).reduce(0, +)
      var kept = list.filter { !files.contains($0.file) }
      kept.insert(source, at: first)
      sources[path] = kept
    }
    return true
  }

  /// Writes `index.h5` anew, durably: what it names is acknowledged from then on.
  mutating func write(holding lock: FolderLock) throws {
    let temporary = "\(place.folder)/.index.h5.\(lock.mark).tmp"
    let tree = TreeWriter(schema: schema, rows: rows, texts: texts) { _ in nil }
    do {
      let file = try File.create(temporary, replacing: true)
      try tree.write(to: file, finished: nil) { group, array, shape in
        var creation = DatasetCreation(sources: sources[array.path] ?? [])
        creation.marksUnwritten = tree.rowsWritten(array) != nil
        creation.leadingAxes = array.leadShape.count
        return try group.createDataset(
          array.name, array.type, shape: array.leadShape + shape, creation)
      } counting: { length in
        try counting.source(length)
      }
      try file.close()
    }
    try DurableFile.replace(place.index, with: temporary, holding: lock)
  }

  /// What went wrong, with its remedy where somebody removed what the run had written.
  func explained(_ error: any Error) -> any Error {
    let manager = FileManager.default
    guard manager.fileExists(atPath: place.folder) else {
      return ArchiveError(
        .refused,
        "\(place.folder) was removed while the run was being written; begin anew with the same command"
      )
    }
    let gone = parts.map { place.folder + "/" + $0.file }.first { !manager.fileExists(atPath: $0) }
    guard let gone else { return error }
    return ArchiveError(
      .refused,
      "\(gone) was removed while the run was being written; put it back if you can, and go on with "
        + "--resume, which computes missing rows anew")
  }
}
