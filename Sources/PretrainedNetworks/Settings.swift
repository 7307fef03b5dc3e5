import Checkpoints

/// The settings of a `config.json`, read with their types. A key may have an old and a new name.
struct Settings {
  /// The file, for messages.
  let path: String
  private let root: JSONValue

  /// Reads `config.json`.
  init(_ path: String) throws { (self.path, root) = (path, try JSONValue.read(path)) }

  /// Reads the text of a `config.json` that stands in the file `path`.
  init(text: String, of path: String) throws {
    (self.path, root) = (path, try JSONValue.read(text: text, of: path))
  }

  private init(path: String, root: JSONValue) { (self.path, self.root) = (path, root) }

  /// The value of the first key that is there and not null.
  private func value(_ keys: [String]) -> JSONValue? {
    for key in keys {
      if let value = root[key], value != .null { return value }
    }
    return nil
  }

  /// A value as it is written; for messages.
  func shown(_ key: String) -> String { root[key].map { "\(key) \($0.shown)" } ?? "no \(key)" }

  private func wrong(_ keys: [String], _ expected: String) -> CheckpointError {
    CheckpointError(
      .mismatch, file: path, expected: "\(keys.joined(separator: " or ")) that is \(expected)",
      found: value(keys)?.shown ?? "none", remedy: "fetch config.json again, of the same revision")
  }

  /// A whole number from 1 to 2^30.
  func count(_ keys: String..., default fallback: Int? = nil) throws -> Int {
    guard let value = value(keys) else {
      guard let fallback else { throw wrong(keys, "a whole number") }
      return fallback
    }
    guard case .number(let text) = value, let number = Int(text), 1...(1 << 30) ~= number else {
      throw wrong(keys, "a whole number from 1 to 2^30")
    }
    return number
  }

  /// A whole number that may be 0 or negative, such as a token's id; nil when there is none.
  func integer(_ key: String) throws -> Int? {
    guard let value = value([key]) else { return nil }
    guard case .number(let text) = value, let number = Int(text), abs(number) <= 1 << 30 else {
      throw wrong([key], "a whole number")
    }
    return number
  }

  /// A finite number.
  func number(_ keys: String..., default fallback: Double? = nil) throws -> Double {
    guard let value = value(keys) else {
      guard let fallback else { throw wrong(keys, "a number") }
      return fallback
    }
    guard case .number(let text) = value, let number = Double(text), number.isFinite else {
      throw wrong(keys, "a number")
    }
    return number
  }

  /// A yes or no.
  func flag(_ key: String, default fallback: Bool) throws -> Bool {
    guard let value = value([key]) else { return fallback }
    guard case .boolean(let flag) = value else { throw wrong([key], "true or false") }
    return flag
  }

  /// A text.
  func text(_ keys: String..., default fallback: String? = nil) throws -> String {
    guard let value = value(keys) else {
      guard let fallback else { throw wrong(keys, "a text") }
      return fallback
    }
    guard case .text(let text) = value else { throw wrong(keys, "a text") }
    return text
  }

  /// Number of keys.
  var memberCount: Int { if case .object(let members) = root { members.count } else { 0 } }

  /// The settings within an object; nil when there is none.
  func inner(_ key: String) throws -> Settings? {
    guard let value = value([key]) else { return nil }
    guard case .object = value else { throw wrong([key], "an object") }
    return Settings(path: path, root: value)
  }

  /// A length in two directions: one number, or two.
  func size(_ key: String, default fallback: Int) throws -> (height: Int, width: Int) {
    if case .array(let values)? = value([key]) {
      let numbers = values.compactMap { value -> Int? in
        if case .number(let text) = value { Int(text) } else { nil }
      }
      guard values.count == 2, numbers.count == 2,
        numbers.allSatisfy({ 1...(1 << 14) ~= $0 })
      else { throw wrong([key], "one or two whole numbers up to 16,384") }
      return (numbers[0], numbers[1])
    }
    let side = try count(key, default: fallback)
    guard side <= 1 << 14 else { throw wrong([key], "at most 16,384") }
    return (side, side)
  }

  /// Refuses a setting that changes what the network computes in a way that is not supported.
  func require(_ isSo: Bool, _ expected: String, _ key: String) throws {
    guard !isSo else { return }
    throw CheckpointError(
      .unsupported, file: path, expected: expected, found: shown(key),
      remedy: "this variant is not supported")
  }

  /// The non-linearity that a key names.
  func activation(_ keys: String..., default fallback: String) throws -> NetworkPlan.Activation {
    let name: String
    if case .text(let text)? = value(keys) { name = text } else { name = fallback }
    switch name {
    case "gelu", "gelu_python": return .gelu
    case "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_accurate": return .geluTanh
    case "quick_gelu": return .quickGELU
    case "relu": return .relu
    case "silu", "swish": return .silu
    default:
      throw CheckpointError(
        .unsupported, file: path, expected: "gelu, gelu_new, quick_gelu, relu or silu",
        found: "\(keys.first ?? "") \(CheckpointError.shown(name))",
        remedy: "this variant is not supported")
    }
  }

  /// Number of layers, at most 10,000.
  func layers(_ key: String) throws -> Int {
    let layers = try count(key)
    guard layers <= 10_000 else { throw wrong([key], "at most 10,000") }
    return layers
  }

  /// Number of heads, which must divide the width.
  func heads(_ key: String, width: Int) throws -> Int {
    let heads = try count(key)
    guard width % heads == 0, heads <= 1 << 16 else {
      throw wrong([key], "a divisor of the width \(width), at most 65,536")
    }
    return heads
  }
}

/// The names of a file's tensors, without the prefix that they may have.
struct SourceNames {
  private let names: Set<String>
  private let prefixes: [String]

  init(_ names: [String], prefixes: [String]) {
    (self.names, self.prefixes) = (Set(names), prefixes)
  }

  /// The file's own name of a tensor: with a prefix, without, or with `gamma` and `beta` for a norm's weight and bias; nil when
  /// it is not there.
  func resolve(_ name: String) -> String? {
    for prefix in prefixes + [""] {
      if names.contains(prefix + name) { return prefix + name }
      guard name.contains("LayerNorm.") else { continue }
      for (new, old) in [("weight", "gamma"), ("bias", "beta")] where name.hasSuffix("." + new) {
        let other = prefix + name.dropLast(new.count) + old
        if names.contains(other) { return other }
      }
    }
    return nil
  }

  /// Whether a tensor is there.
  func contains(_ name: String) -> Bool { resolve(name) != nil }

  /// A file's name without prefix.
  func bare(_ name: String) -> String {
    for prefix in prefixes where name.hasPrefix(prefix) {
      return String(name.dropFirst(prefix.count))
    }
    return name
  }
}
