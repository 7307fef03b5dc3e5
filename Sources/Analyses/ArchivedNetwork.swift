import Archive
import Arrays
import Foundation
import Metrics

/// The parameters of a network as an archive holds them, trained here or imported, and what an analysis must know of its shape.
struct ArchivedNetwork {
  let reader: RunReader
  let layerCount: Int
  let headCount: Int
  /// Heads of keys and values; queries of several heads may share each.
  let keyValueHeadCount: Int
  /// Checkpoints that are there.
  let checkpoints: Int
  /// `model_type` of a network that others trained; nil for one of ours.
  let modelType: String?
  /// Settings by key: of `config.json`, or of the study, `model.heads`.
  private let settings: [String: String]
  private let names: Set<String>
  /// What names of a layer's parameters begin with.
  private let stem: String

  /// - Throws: ``Archive/ArchiveError`` for an archive without the parameters of layers, or whose configuration does not say how
  ///   many heads there are.
  init(_ reader: RunReader) throws {
    self.reader = reader
    let names = Set(try reader.names(in: Layout.Checkpoints.parameters))
    let isImported = reader.contains(Layout.Network.configuration)
    stem = isImported ? "layer" : "blocks"
    let stem = stem
    layerCount =
      (0..<1 << 20).first { !names.contains("\(stem).\($0).attention.query.weight") } ?? 0
    settings =
      isImported ? try Self.settings(of: reader) : try reader.configurationKeys()
    modelType = isImported ? settings["model_type"] : nil
    let settings = settings
    func number(_ keys: [String]) -> Int? {
      keys.lazy.compactMap { settings[$0].flatMap(Int.init) }.first
    }
    let heads = number(["num_attention_heads", "n_head", "n_heads", "model.heads"])
    guard layerCount > 0, let heads, heads > 0 else {
      throw ArchiveError(
        .layout,
        "\(reader.path): expected a network's layers among \(Layout.Checkpoints.parameters) and its number of heads in its "
          + "configuration, found \(layerCount) layers; pass a run, or import the folder of a checkpoint with its config.json"
      )
    }
    headCount = heads
    keyValueHeadCount = number(["num_key_value_heads", "model.kv_heads"]) ?? heads
    self.names = names
    checkpoints = try reader.writtenRows(Layout.Checkpoints.step)
  }

  /// Whether an archive holds the parameters of layers.
  static func isIn(_ reader: RunReader) throws -> Bool {
    guard reader.contains(Layout.Checkpoints.parameters) else { return false }
    let names = try reader.names(in: Layout.Checkpoints.parameters)
    return names.contains { $0.hasSuffix(".0.attention.query.weight") }
  }

  private static func settings(of reader: RunReader) throws -> [String: String] {
    let text = try reader.readTexts(Layout.Network.configuration).first ?? ""
    let object = try? JSONSerialization.jsonObject(with: Data(text.utf8))
    return (object as? [String: Any] ?? [:]).compactMapValues { $0 is NSNull ? nil : "\($0)" }
  }

  /// Whether a setting is true. In JSON it comes as the number 1.
  func flag(_ key: String) -> Bool { ["true", "1"].contains(settings[key] ?? "") }

  /// A setting; nil when the configuration does not have it.
  func setting(_ keys: String...) -> String? { keys.lazy.compactMap { settings[$0] }.first }

  /// Whether there is a parameter of this name.
  func contains(_ name: String) -> Bool { names.contains(name) }

  /// A parameter at a checkpoint; nil when the network has none of that name.
  func parameter(_ name: String, _ checkpoint: Int) throws -> NDArray<Float>? {
    guard names.contains(name) else { return nil }
    return try reader.readRow(Layout.Checkpoints.parameter(name), checkpoint)
  }

  /// A linear layer; nil when the network has none of that name.
  func linear(_ name: String, _ checkpoint: Int) throws -> Unembedding.Linear? {
    guard let weight = try parameter(name + ".weight", checkpoint), weight.rank == 2 else {
      return nil
    }
    return Unembedding.Linear(
      weight: weight.elements, bias: try parameter(name + ".bias", checkpoint)?.elements,
      outputs: weight.shape[0])
  }

  /// The heads of a layer at a checkpoint.
  func heads(layer: Int, checkpoint: Int) throws -> [HeadCircuit] {
    func matrix(_ part: String) throws -> (values: [Double], shape: [Int]) {
      let name = "\(stem).\(layer).attention.\(part).weight"
      guard let found = try parameter(name, checkpoint), found.rank == 2 else {
        throw ArchiveError(.layout, "\(reader.path): expected the matrix \(name), found none")
      }
      return (found.elements.map(Double.init), found.shape)
    }
    let (query, key, value) = (try matrix("query"), try matrix("key"), try matrix("value"))
    let output = try matrix("output")
    let width = query.shape[1]
    let headWidth = query.shape[0] / headCount
    guard query.shape[0] == headCount * headWidth, headWidth > 0,
      key.shape == [keyValueHeadCount * headWidth, width], value.shape == key.shape,
      output.shape == [width, headCount * headWidth], headCount % keyValueHeadCount == 0
    else {
      throw ArchiveError(
        .layout,
        "\(reader.path): layer \(layer): expected \(headCount) heads of queries and \(keyValueHeadCount) of keys and values, "
          + "found matrices \(query.shape), \(key.shape), \(value.shape), \(output.shape)")
    }
    let size = headWidth * width
    return (0..<headCount).map { head in
      let shared = head / (headCount / keyValueHeadCount)
      func rows(_ matrix: [Double], _ head: Int) -> [Double] {
        Array(matrix[head * size..<(head + 1) * size])
      }
      let columns = (0..<width).flatMap { row -> ArraySlice<Double> in
        let start = row * headCount * headWidth + head * headWidth
        return output.values[start..<start + headWidth]
      }
      return HeadCircuit(
        query: rows(query.values, head), key: rows(key.values, shared),
        value: rows(value.values, shared), output: columns, width: width, headWidth: headWidth)
    }
  }
}

extension RunReader {
  /// The row of a checkpoint that was asked for, from 0; the last when nil.
  func checkpointRow(_ wanted: Int?, of count: Int) throws -> Int {
    let row = wanted ?? count - 1
    guard (0..<count).contains(row) else {
      throw ArchiveError(
        .refused, "--checkpoint \(row): \(path) has \(count), numbered from 0")
    }
    return row
  }

  /// Whether the first checkpoint is of the network before training.
  func startsUntrained() throws -> Bool {
    // The steps of a network that others trained count from wherever its files began.
    guard !contains(Layout.Network.configuration), contains(Layout.Checkpoints.step) else {
      return false
    }
    return try readRow(Layout.Checkpoints.step, 0, as: Int32.self).elements.first == 0
  }
}
