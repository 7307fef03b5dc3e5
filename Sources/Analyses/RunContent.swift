import Archive
import Arrays
import Console
import Foundation
import Metrics

/// What analyses need from a training run's archive.
package struct RunContent {
  let reader: RunReader
  /// Optimiser steps done at each checkpoint that every captured array has: while a run goes on some may be a row ahead.
  let steps: [Int32]
  private let padding: SamplePadding
  /// Samples that are looked at, in the order of the fields beside the run; nil for all.
  private(set) var rows: [Int]?
  /// Whether the first checkpoint is the network before training.
  let beginsUntrained: Bool
  /// Whether isotherm train made it: captures that were made elsewhere need not hold everything.
  let isTrained: Bool

  package init(_ reader: RunReader) throws {
    self.reader = reader
    padding = try SamplePadding(reader)
    steps = Array(
      try reader.read(Layout.Checkpoints.step, as: Int32.self).elements.prefix(
        reader.sharedRows(along: "checkpoint")))
    guard !steps.isEmpty else {
      throw ArchiveError(
        .layout, "\(reader.path): the run has no checkpoint yet; wait for its first commit")
    }
    isTrained = try reader.configurationKeys().keys.contains { $0.hasPrefix("training.") }
    // Where checkpoints are only numbered, the first is trained like the others.
    let isNumbered = try reader.attribute(Layout.Checkpoints.step, "is_step")?.integer == 0
    beginsUntrained = steps.first == 0 && (isTrained || (steps.count > 1 && !isNumbered))
  }

  /// Looks at the samples that `fields` are of, told by their place in the data.
  /// - Throws: ``ArchiveError`` where fields are of other samples than the run has, or of different ones.
  mutating func choose(_ fields: [RunReader]) throws {
    guard reader.contains(Layout.Samples.index) else { return }
    let own = try reader.read(Layout.Samples.index, as: Int32.self).elements
    var wanted: [Int32]?
    for archive in fields where archive.contains(Layout.Samples.index) {
      let index = try archive.read(Layout.Samples.index, as: Int32.self).elements
      guard wanted == nil || wanted == index else {
        throw UsageError(
          "\(archive.path) and \(fields[0].path) were judged on different samples; fit both with the same "
            + "settings of capture.samples, pde.samples and seed")
      }
      wanted = index
    }
    guard let wanted, wanted != Array(own.prefix(wanted.count)) else { return }
    let places = Dictionary(
      own.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    rows = try wanted.map { index in
      guard let place = places[index] else {
        throw ArchiveError(
          .layout,
          "\(fields[0].path): sample \(index) is not among those that \(reader.path) holds; fit it anew"
        )
      }
      return place
    }
  }

  /// One array at a checkpoint, of the samples that are looked at: `[sample, ...]`.
  private func values(_ path: String, _ checkpoint: Int) throws -> NDArray<Float> {
    guard let rows else { return try reader.readRow(path, checkpoint) }
    let rest = try reader.describe(path).shape.dropFirst(2)
    var elements: [Float] = []
    elements.reserveCapacity(rows.count * rest.reduce(1, *))
    for row in rows {
      elements += try reader.read(
        path, as: Float.self, start: [checkpoint, row] + rest.map { _ in 0 }, count: [1, 1] + rest
      ).elements
    }
    return NDArray(shape: [rows.count] + rest, elements: elements)
  }

  /// Places of the first `count` samples that are looked at.
  private func places(_ count: Int) -> [Int] { rows ?? Array(0..<count) }

  /// Maps of a layer at a checkpoint, `[sample, head, query, key]`.
  func attention(_ layer: Int, checkpoint: Int) throws -> NDArray<Float> {
    let path = TapName(.map, layer: layer).path
    let maps = try values(path, checkpoint)
    guard maps.rank == 4 else {
      throw ArchiveError(
        .layout,
        "\(reader.path):\(path): expected 5 axes [checkpoint, sample, head, query, key], "
          + "found \(maps.rank + 1)")
    }
    guard padding.mask != nil else { return maps }
    return NDArray(
      shape: maps.shape,
      elements: padding.tokensFirst(maps: maps.elements, of: places(maps.shape[0])))
  }

  /// What the queries of captured maps `[sample, head, query, key]` can see.
  func attentionMask(of maps: NDArray<Float>) -> AttentionMask {
    AttentionMask(of: maps, lengths: lengths(positions: maps.shape[3]))
  }

  /// Positions of each sample that are not padding, of `positions` in all; nil for images. A class token, which makes the positions one
  /// more than the tokens, is no padding.
  func lengths(positions: Int) -> [Int]? {
    let extra = padding.positions.map { positions - $0 } ?? 0
    return padding.lengths.map { lengths in
      places(lengths.count).map { lengths[$0] + extra }
    }
  }

  /// State at a tap and checkpoint, `[sample, position, channel]`; 0 at padding.
  func residual(_ tap: TapName, checkpoint: Int) throws -> NDArray<Float> {
    let state = try values(tap.path, checkpoint)
    guard let lengths = lengths(positions: state.shape[1]) else { return state }
    if padding.mask != nil {
      return NDArray(
        shape: state.shape,
        elements: padding.tokensFirst(states: state.elements, of: places(state.shape[0])))
    }
    var elements = state.elements
    let (positions, width) = (state.shape[1], state.shape[2])
    for sample in 0..<min(state.shape[0], lengths.count) {
      for i in (sample * positions + lengths[sample]) * width..<(sample + 1) * positions * width {
        elements[i] = 0
      }
    }
    return NDArray(shape: state.shape, elements: elements)
  }

  /// Whether a position of a sample is no padding.
  func isToken(_ sample: Int, _ position: Int) -> Bool { padding.isToken(sample, position) }

  /// Whether samples have positions that are padding.
  var isPadded: Bool { padding.lengths != nil }

  /// The columns of the grid that positions lie on, and the first position on it: 1 where a class token stands before the patches.
  func placing(positions: Int) throws -> (columns: Int, first: Int, isGrid: Bool) {
    let whole = try grid(positions: positions)
    if whole.rows > 1 { return (whole.columns, 0, true) }
    let rest = positions > 1 ? try grid(positions: positions - 1) : whole
    guard reader.contains(Layout.Samples.image), rest.rows > 1 else {
      return (whole.columns, 0, false)
    }
    return (rest.columns, 1, true)
  }

  /// The patch grid: rows and columns of positions; one row for text, and where a class token fits no grid.
  func grid(positions: Int) throws -> (rows: Int, columns: Int) {
    guard reader.contains(Layout.Samples.image) else {
      let rows = try reader.configurationKeys()["network.rows"].flatMap { Int($0) } ?? 1
      return rows > 0 && positions % rows == 0 ? (rows, positions / rows) : (1, positions)
    }
    let image = try reader.describe(Layout.Samples.image).shape
    let patch = (Double(image[1] * image[2]) / Double(positions)).squareRoot()
    let rows = Int((Double(image[1]) / patch).rounded())
    return rows > 0 && positions % rows == 0 ? (rows, positions / rows) : (1, positions)
  }
}

extension NDArray {
  /// The first `count` positions of the first axis.
  func prefix(_ count: Int) -> NDArray {
    let size = shape.dropFirst().reduce(1, *)
    let rows = Swift.min(count, shape[0])
    return NDArray(
      shape: [rows] + shape.dropFirst(), elements: Array(elements.prefix(rows * size)))
  }

  /// As many positions of the first axis as `count`: the one there is, again and again, or those there are.
  func repeated(_ count: Int) -> NDArray {
    guard shape[0] == 1, count > 1 else { return self }
    return NDArray(
      shape: [count] + shape.dropFirst(),
      elements: (0..<count).flatMap { _ in elements })
  }
}

extension RunReader {
  /// Rows of a growing array that were written; 0 for one that is not there.
  func writtenRows(_ path: String) throws -> Int {
    guard contains(path) else { return 0 }
    let length = try describe(path).shape.first ?? 0
    return min(length, Int(try attribute(path, "rows_written")?.integer ?? Int64(length)))
  }

  /// Rows that all arrays have whose first axis is `axis`: what is beyond them is not a row of the archive yet.
  func sharedRows(along axis: String) throws -> Int {
    try paths().reduce(Int.max) { shortest, path in
      try describe(path).axes.first?.name == axis
        ? min(shortest, try writtenRows(path)) : shortest
    }
  }

  /// Equations that were watched while they learned the task, and those that have not finished.
  /// - Throws: ``Archive/ArchiveError`` when the fields hold none.
  func learners() throws -> (models: [String], unfinished: [String]) {
    let absent = Set(try absentArrays())
    let planned = Set(
      try names(in: Layout.Training.group) + absent.compactMap { Self.model($0, below: "training") }
    )
    let models = planned.sorted()
    let finished = models.filter { model in
      [
        Layout.Training(model).u, Layout.Training(model).gradientNorm,
        Layout.Fields(model).testAccuracy,
      ]
      .allSatisfy { contains($0) && !absent.contains($0) }
    }
    guard !models.isEmpty else {
      throw ArchiveError(
        .layout,
        "\(path): holds no equation that was watched while it learned the task; isotherm fit RUN --set "
          + "pde.objective=task --set pde.every=epoch makes one")
    }
    return (finished, models.filter { !finished.contains($0) })
  }

  /// The model in a path `/GROUP/MODEL/...`.
  static func model(_ path: String, below group: String) -> String? {
    let parts = path.split(separator: "/").map(String.init)
    return parts.count > 2 && parts[0] == group ? parts[1] : nil
  }
}

extension [Double] {
  /// How many are not finite.
  var brokenCount: Int { filter { !$0.isFinite }.count }

  /// Mean of the finite values; NaN of none.
  var finiteMean: Double {
    let finite = filter(\.isFinite)
    return finite.isEmpty ? .nan : finite.reduce(0, +) / Double(finite.count)
  }
}
