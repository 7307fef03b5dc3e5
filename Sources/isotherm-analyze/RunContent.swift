import Archive
import Arrays
import Foundation
import Metrics

/// What analyses need from a training run's archive.
struct RunContent {
  let reader: RunReader
  /// Optimiser steps done at each checkpoint.
  let steps: [Int32]
  private let padding: SamplePadding

  init(_ reader: RunReader) throws {
    self.reader = reader
    padding = try SamplePadding(reader)
    steps = try reader.read("/checkpoints/step", as: Int32.self).elements
    guard !steps.isEmpty else {
      throw ArchiveError(
        .layout, "\(reader.path): the run has no checkpoint yet; wait for its first commit")
    }
  }

  /// Layers whose attention maps were captured, in order.
  func attentionLayers() throws -> [Int] {
    let layers = try reader.names(in: "/attention").compactMap { name -> Int? in
      let parts = name.split(separator: ".")
      return parts.count == 3 && parts[0] == "attention" ? Int(parts[1]) : nil
    }.sorted()
    guard !layers.isEmpty else {
      throw ArchiveError(
        .layout,
        "\(reader.path): no attention maps were captured; train with capture.taps "
          + "containing \"attention.*.map\"")
    }
    return layers
  }

  /// Maps of a layer at a checkpoint, `[sample, head, query, key]`.
  func attention(_ layer: Int, checkpoint: Int) throws -> NDArray<Float> {
    let path = "/attention/attention.\(layer).map/values"
    let maps: NDArray<Float> = try reader.readRow(path, checkpoint)
    guard maps.rank == 4 else {
      throw ArchiveError(
        .layout,
        "\(reader.path):\(path): expected 5 axes [checkpoint, sample, head, query, key], "
          + "found \(maps.rank + 1)")
    }
    return maps
  }

  /// What the queries of captured maps `[sample, head, query, key]` can see.
  func attentionMask(of maps: NDArray<Float>) -> AttentionMask {
    AttentionMask(of: maps, lengths: lengths(positions: maps.shape[3]))
  }

  /// Positions of each sample that are not padding, of `positions` in all; nil for images. A class token, which makes the positions one
  /// more than the tokens, is no padding.
  func lengths(positions: Int) -> [Int]? {
    let extra = padding.positions.map { positions - $0 } ?? 0
    return padding.lengths.map { $0.map { $0 + extra } }
  }

  /// Captured states of the residual stream in the order of depth: `residual.0.pre`, then each layer's `post`.
  func residualTaps() throws -> [String] {
    let names = try reader.names(in: "/activations")
    let layers = names.compactMap { name -> Int? in
      let parts = name.split(separator: ".")
      return parts.count == 3 && parts[0] == "residual" && parts[2] == "post"
        ? Int(parts[1]) : nil
    }.sorted()
    guard names.contains("residual.0.pre"), !layers.isEmpty, layers == Array(0..<layers.count)
    else {
      throw ArchiveError(
        .layout,
        "\(reader.path): the residual stream was not captured at every depth; train with "
          + "capture.taps containing \"residual.0.pre\" and \"residual.*.post\"")
    }
    return ["residual.0.pre"] + layers.map { "residual.\($0).post" }
  }

  /// State at a tap and checkpoint, `[sample, position, channel]`; 0 at padding.
  func residual(_ tap: String, checkpoint: Int) throws -> NDArray<Float> {
    let state: NDArray<Float> = try reader.readRow("/activations/\(tap)/values", checkpoint)
    guard padding.lengths != nil else { return state }
    return NDArray(
      shape: state.shape,
      elements: padding.cleared(
        state.elements, samples: state.shape[0], of: state.shape[1], step: state.shape[1]))
  }

  /// Whether samples have positions that are padding.
  var isPadded: Bool { padding.lengths != nil }

  /// The patch grid: rows and columns of positions; one row for text, and where a class token fits no grid.
  func grid(positions: Int) throws -> (rows: Int, columns: Int) {
    guard reader.contains("/samples/image") else { return (1, positions) }
    let image = try reader.describe("/samples/image").shape
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
  /// Equations that were watched while they learned the task.
  /// - Throws: ``Archive/ArchiveError`` when the fields hold none.
  func learners() throws -> [String] {
    let models = try names(in: "/training")
    guard !models.isEmpty else {
      throw ArchiveError(
        .layout,
        "\(path): holds no equation that was watched while it learned the task; isotherm fit RUN --set "
          + "pde.objective=task --set pde.every=epoch makes one")
    }
    return models
  }
}

extension [Double] {
  /// Mean of the finite values; NaN of none.
  var finiteMean: Double {
    let finite = filter(\.isFinite)
    return finite.isEmpty ? .nan : finite.reduce(0, +) / Double(finite.count)
  }
}
