import Foundation
import HDF5

/// The numbers 0, 1, 2 … in a file beside the parts, for the axes of an index that only count rows.
///
/// Written into every index they would make a commit cost more the longer the run is. The file is written anew, twice
/// as long, each time the run outgrows it.
struct CountingFile {
  private let folder: String
  private var length = 0

  init(folder: String) { self.folder = folder }

  private static let name = "counting.h5"
  private static let dataset = "number"

  /// Where the numbers `0 ..< count` lie; nil for so few that they are better written out.
  mutating func source(_ count: Int) throws -> DatasetCreation.Source? {
    guard count > 256 else { return nil }
    if count > length {
      var next = max(length, 4096)
      while next < count { next *= 2 }
      try write(next)
      length = next
    }
    return DatasetCreation.Source(
      file: Self.name, dataset: "/" + Self.dataset, start: 0, count: count, available: length)
  }

  private func write(_ length: Int) throws {
    let temporary = folder + "/.\(Self.name).tmp"
    let file = try File.create(temporary, replacing: true)
    let dataset = try file.root.createDataset(
      Self.dataset, .int32, shape: [length],
      DatasetCreation(chunk: [min(length, 1 << 18)], filters: .standard))
    try dataset.write((0..<length).map { Int32($0) })
    try dataset.setAttribute("long_name", .text("numbers 0, 1, 2 … that index.h5 refers to"))
    try dataset.setAttribute("units", .text("1"))
    try file.close()
    try DurableFile.replace(folder + "/" + Self.name, with: temporary)
  }
}
