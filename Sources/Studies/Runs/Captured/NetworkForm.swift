import Archive
import Foundation

/// What is known of a network whose weights are not there: as much of its form as an equation takes over.
///
/// Makers of captures write it into their configuration, below `network`; of captures that say nothing the arrays tell.
struct NetworkForm: Sendable, Hashable {
  /// Whether queries see no later keys.
  var isCausal = false
  /// Positions before the grid or the text: class and distillation tokens, registers.
  var classTokens = 0
  /// Rows of the grid of the other positions; 1 for text.
  var rows = 1
  /// Whether attention and MLP of a layer read the same state.
  var isParallel = false
  /// Width of the MLP; nil when nobody said.
  var mlp: Int?
  /// Heads of keys and values; nil for as many as of queries.
  var keyValueHeads: Int?
  /// `layer` or `rms`; nil when nobody said.
  var norm: String?
  /// `gelu`, `relu` or `swiglu`, the nearest there is; nil when nobody said.
  var activation: String?
  /// Whether queries and keys are turned by their positions, all channels of a head, base 10,000.
  var isRotary = false
  /// Whether the last state is behind the final norm: `applied`, `not_applied` or `unknown`.
  var finalNorm = "unknown"

  /// As lines of a configuration.
  var yaml: String {
    var items = [
      "causal: \(isCausal)", "class_tokens: \(classTokens)", "rows: \(rows)",
      "parallel: \(isParallel)", "rotary: \(isRotary)", "final_norm: \(finalNorm)",
    ]
    if let mlp { items.append("mlp: \(mlp)") }
    if let keyValueHeads { items.append("kv_heads: \(keyValueHeads)") }
    if let norm { items.append("norm: \(norm)") }
    if let activation { items.append("activation: \(activation)") }
    return "network: {\(items.joined(separator: ", "))}\n"
  }

  init() {}

  /// Reads what the archive `reader` says; nil for what it does not.
  init(_ reader: RunReader) throws {
    let keys = try reader.configurationKeys()
    func value(_ name: String) -> String? { keys["network.\(name)"] }
    isCausal = try value("causal").map { $0 == "true" } ?? Self.isCausal(reader)
    classTokens = value("class_tokens").flatMap { Int($0) } ?? 0
    rows = max(1, value("rows").flatMap { Int($0) } ?? 1)
    isParallel = value("parallel") == "true"
    isRotary = value("rotary") == "true"
    finalNorm = value("final_norm") ?? "unknown"
    mlp = value("mlp").flatMap { Int($0) }
    keyValueHeads = value("kv_heads").flatMap { Int($0) }
    (norm, activation) = (value("norm"), value("activation"))
  }

  /// Whether the maps of the first layer have nothing on later keys.
  private static func isCausal(_ reader: RunReader) throws -> Bool {
    guard let layer = try reader.layers(of: .map).first else { return false }
    let path = TapName(.map, layer: layer).path
    let shape = try reader.describe(path).shape
    guard shape.count == 5, shape[4] > 1 else { return false }
    // As many samples as make about 16 MiB tell.
    let samples = min(shape[1], max(1, (4 << 20) / max(shape[2] * shape[3] * shape[4], 1)))
    let maps = try reader.read(
      path, as: Float.self, start: [shape[0] - 1, 0, 0, 0, 0],
      count: [1, samples] + shape.dropFirst(2)
    ).elements
    let n = shape[4]
    return maps.indices.allSatisfy { $0 % n <= $0 / n % n || maps[$0] == 0 }
  }
}

extension RunReader {
  /// Whether it is a run of `isotherm train`, whose configuration is a study's: data, network and training.
  func isStudy() throws -> Bool {
    try configurationKeys().keys.contains { $0.hasPrefix("training.") }
  }
}
