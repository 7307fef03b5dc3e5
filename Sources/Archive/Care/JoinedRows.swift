import Arrays
import Foundation
import HDF5

/// Reads rows of a virtual dataset from the files they lie in, as a run's index joins its parts.
///
/// Not through the library: for a part that is gone, cut short or damaged it gives the fill value, and no error. It decodes one
/// chunk at a time, too.
struct JoinedRows {
  private struct Piece {
    let file: String
    let name: String
    let dataset: String
    /// First row in the virtual dataset.
    let start: Int
    let count: Int
    /// First row in its own.
    let first: Int
  }

  private let dataset: Dataset
  private let shape: [Int]
  private var pieces: [Piece] = []

  /// Nil when the dataset is not virtual, or is joined from anything but whole rows.
  init?(_ dataset: Dataset) throws {
    guard try dataset.isVirtual else { return nil }
    (self.dataset, shape) = (dataset, try dataset.shape)
    guard !shape.isEmpty else { return nil }
    for source in try dataset.virtualSources {
      guard let target = source.target, let block = source.source, target.count == block.count,
        !source.file.contains("%"), !source.dataset.contains("%"),
        target.start.dropFirst().allSatisfy({ $0 == 0 }),
        block.start.dropFirst().allSatisfy({ $0 == 0 }),
        target.count.dropFirst() == shape.dropFirst()
      else { return nil }
      pieces.append(
        Piece(
          file: dataset.place(of: source), name: source.file, dataset: source.dataset,
          start: target.start[0], count: target.count[0], first: block.start[0]))
    }
    pieces.sort { $0.start < $1.start }
  }

  /// Fills `buffer` with the block of `count` elements an axis from `start`.
  /// - Throws: ``ArchiveError`` naming the part that cannot be read, or rows that no part holds.
  func read(
    into buffer: UnsafeMutableRawBufferPointer, as type: ElementType, start: [Int], count: [Int]
  ) throws {
    let rowBytes = count.dropFirst().reduce(type.byteCount ?? 0, *)
    let end = start[0] + count[0]
    var row = start[0]
    for piece in pieces where piece.start < end && piece.start + piece.count > row {
      guard piece.start <= row else { break }
      let rows = min(piece.start + piece.count, end) - row
      let place = (row - start[0]) * rowBytes
      let part = buffer[place..<place + rows * rowBytes]
      try read(
        piece, into: UnsafeMutableRawBufferPointer(rebasing: part), as: type,
        start: [row - piece.start + piece.first] + start.dropFirst(),
        count: [rows] + count.dropFirst())
      row += rows
    }
    guard row == end || count.contains(0) else {
      throw ArchiveError(
        .layout,
        "\(dataset.file):\(dataset.path): row \(row) lies in no part; nobody wrote it, or its part was removed"
      )
    }
  }

  private func read(
    _ piece: Piece, into buffer: UnsafeMutableRawBufferPointer, as type: ElementType, start: [Int],
    count: [Int]
  ) throws {
    do {
      let source = try File.open(piece.file, asSource: true).root.dataset(piece.dataset)
      guard try source.shape.first ?? 0 >= piece.first + piece.count else {
        throw HDF5Error(.mismatch, "it holds fewer rows than the index says")
      }
      try source.readFast(into: buffer, as: type, start: start, count: count, holes: .refused)
    } catch let error as HDF5Error where error.code == .missingFile {
      throw ArchiveError(
        .layout,
        "\(dataset.file):\(dataset.path): the part \(piece.name) is missing; when the run is still going "
          + "on, open it again; else put the file back")
    } catch let error as HDF5Error {
      throw ArchiveError(
        .layout,
        "\(dataset.file):\(dataset.path): the part \(piece.name) cannot be read: \(error.message); put a "
          + "whole copy of it back; isotherm-archive recover and seal keep what lies before it once it and "
          + "later parts are moved away")
    }
  }
}
