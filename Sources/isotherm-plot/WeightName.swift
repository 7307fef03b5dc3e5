import Archive
import Console

/// The name of a weight matrix, taken apart: `layer.3.attention.query.weight` or `blocks.3...`.
struct WeightName: Equatable {
  /// The layer; nil for a matrix of none.
  let layer: Int?
  /// What is left of the name: `attention.query`.
  let kind: String

  init(_ name: String) {
    var parts = name.split(separator: ".").map(String.init)
    if parts.last == "weight", parts.count > 1 { parts.removeLast() }
    if parts.count > 2, ["layer", "blocks"].contains(parts[0]), let layer = Int(parts[1]) {
      self.layer = layer
      kind = parts.dropFirst(2).joined(separator: ".")
    } else {
      (layer, kind) = (nil, parts.joined(separator: "."))
    }
  }
}

extension FigureSource {
  /// Which of `names` match one of `patterns`, in which * stands for anything; all for none.
  func chosen(_ names: [String], _ patterns: [String]) throws -> [Int] {
    guard !patterns.isEmpty else { return Array(names.indices) }
    for pattern in patterns where !names.contains(where: { $0.matches(pattern: pattern) }) {
      throw UsageError(
        "--matrix \(pattern): \(reader.path) has no such matrix; there are "
          + Set(names).sorted().prefix(8).joined(separator: ", ") + (names.count > 8 ? " …" : ""))
    }
    return names.indices.filter { index in
      patterns.contains { names[index].matches(pattern: $0) }
    }
  }
}
