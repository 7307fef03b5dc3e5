import Arrays
import Console
import Foundation
import Yams

/// Reads a mapping of a study file strictly: an unknown key, a wrong type or an impossible value is refused with the
/// key's path, what is allowed and the nearest known key.
final class ConfigurationReader {
  private let node: Node.Mapping
  private let path: String
  private var known: [String] = []
  /// Keys that were given by their former names, for the person who typed them.
  private(set) var notes: [String] = []

  init(_ node: Node, path: String = "") throws {
    guard let mapping = node.mapping else {
      throw UsageError("\(path.nonEmptyOr("study file")): expected keys and values")
    }
    self.node = mapping
    self.path = path
  }

  /// The whole of a YAML text with `--set` assignments put in; `name` stands in messages, `formerNames` are keys of today by the names
  /// they had before. Notes name those of the text only where a person typed it.
  convenience init(
    yaml: String, name: String, settings: [String], formerNames: [String: String] = [:],
    isTyped: Bool = true
  ) throws {
    var node: Node
    do {
      guard let parsed = try Yams.compose(yaml: yaml) else {
        throw UsageError("\(name): the file is empty")
      }
      node = parsed
    } catch let error as YamlError {
      throw UsageError("\(name): not YAML: \(error)")
    }
    var notes: [String] = []
    if let pair = formerNames.first(where: {
      node[path: $0.key] != nil && node[path: $0.value] != nil
    }) {
      throw UsageError("\(name): \(pair.key) is the former name of \(pair.value); keep one of them")
    }
    func rename() {
      for (former, today) in formerNames.sorted(by: { $0.key < $1.key }) {
        guard let value = node[path: former] else { continue }
        let note = "\(former) is called \(today) now"
        if !notes.contains(note) { notes.append(note) }
        node = node.removing(former.split(separator: ".").map(String.init)[...])
          .setting(today.split(separator: ".").map(String.init)[...], value)
      }
    }
    rename()
    if !isTyped { notes = [] }
    // A setting by either name replaces what the file has by the other.
    for setting in settings {
      node = try node.setting(setting)
      rename()
    }
    try self.init(node)
    self.notes = notes
  }

  /// Whether `key` was given.
  func has(_ key: String) -> Bool {
    known.append(key)
    return node[Node(key)] != nil
  }

  /// A list of numbers, a single number counting as a list of one; nil when the key is missing.
  func numbers(_ key: String, _ range: ClosedRange<Double>) throws -> [Double]? {
    known.append(key)
    guard let node = node[Node(key)] else { return nil }
    let texts = (node.sequence.map(Array.init) ?? [node]).map { $0.scalar?.string ?? "?" }
    return try texts.map { text in
      guard let number = Double(text), range.contains(number) else {
        throw UsageError(
          "\(place(key)): expected numbers from \(range.lowerBound) to \(range.upperBound), found \(text)"
        )
      }
      return number
    }
  }

  /// The section `key`, empty when missing.
  func section(_ key: String) throws -> ConfigurationReader {
    known.append(key)
    return try ConfigurationReader(
      node[Node(key)] ?? Node.mapping(Node.Mapping([])), path: place(key))
  }

  /// The sections below `key`, in the order of the file; none when it is missing.
  func sections(_ key: String) throws -> [(name: String, reader: ConfigurationReader)] {
    let reader = try section(key)
    return try reader.node.map { name, node in
      let name = name.scalar?.string ?? "?"
      let empty = node.scalar?.string.isEmpty == true
      return (
        name,
        try ConfigurationReader(
          empty ? Node.mapping(Node.Mapping([])) : node, path: "\(place(key)).\(name)")
      )
    }
  }

  /// A list of texts, empty when the key is missing.
  func texts(_ key: String) throws -> [String] {
    known.append(key)
    guard let node = node[Node(key)] else { return [] }
    guard let sequence = node.sequence else {
      throw UsageError("\(place(key)): expected a list")
    }
    return try sequence.map { item in
      guard let text = item.scalar?.string else {
        throw UsageError("\(place(key)): expected texts; quote what has brackets or colons")
      }
      return text
    }
  }

  func integer(_ key: String, _ fallback: Int?, _ range: ClosedRange<Int>) throws -> Int {
    guard let value = try scalar(key, fallback.map(String.init)) else { throw missing(key) }
    guard let number = Int(value), range.contains(number) else {
      throw UsageError(
        "\(place(key)): expected a whole number from \(range.lowerBound) to "
          + "\(range.upperBound), found \(value)")
    }
    return number
  }

  func number(_ key: String, _ fallback: Double, _ range: ClosedRange<Double>) throws -> Double {
    guard let value = try scalar(key, "\(fallback)") else { throw missing(key) }
    guard let number = Double(value), range.contains(number) else {
      throw UsageError(
        "\(place(key)): expected a number from \(range.lowerBound) to \(range.upperBound), "
          + "found \(value)")
    }
    return number
  }

  func text(_ key: String, _ fallback: String?) throws -> String {
    guard let value = try scalar(key, fallback) else { throw missing(key) }
    return value
  }

  func choice(_ key: String, _ fallback: String, _ allowed: [String]) throws -> String {
    let value = try text(key, fallback)
    try check(value, allowed, key)
    return value
  }

  /// One of an enumeration's cases, by its raw value.
  func choice<Choice: CaseIterable & RawRepresentable<String>>(
    _ key: String, _ fallback: Choice
  ) throws -> Choice {
    let allowed = Choice.allCases.map(\.rawValue)
    let value = try choice(key, fallback.rawValue, allowed)
    return Choice(rawValue: value) ?? fallback
  }

  func flag(_ key: String, _ fallback: Bool) throws -> Bool {
    try choice(key, "\(fallback)", ["true", "false"]) == "true"
  }

  func choices(_ key: String, _ fallback: [String], _ allowed: [String]) throws -> [String] {
    known.append(key)
    guard let node = node[Node(key)] else { return fallback }
    guard let sequence = node.sequence else {
      throw UsageError("\(place(key)): expected a list, for example [\(allowed[0])]")
    }
    let values = try sequence.map { item in
      guard let value = item.scalar?.string else {
        throw UsageError(
          "\(place(key)): expected \(allowed.joined(separator: ", ")), found a "
            + (item.sequence == nil ? "mapping" : "list"))
      }
      try check(value, allowed, key)
      return value
    }
    if let twice = values.indices.first(where: { values[..<$0].contains(values[$0]) }) {
      throw UsageError("\(place(key)): \(values[twice]) stands there twice; name each once")
    }
    return values
  }

  /// Some of an enumeration's cases, or of those that are `allowed`, by their raw values; none only where the fallback is none.
  func choices<Choice: CaseIterable & RawRepresentable<String>>(
    _ key: String, _ fallback: [Choice], of allowed: [Choice] = Array(Choice.allCases)
  ) throws -> [Choice] {
    let names = allowed.map(\.rawValue)
    let values = try choices(key, fallback.map(\.rawValue), names)
    guard !values.isEmpty || fallback.isEmpty else {
      throw UsageError("\(place(key)): expected one at least, for example [\(names[0])]")
    }
    return values.compactMap { Choice(rawValue: $0) }
  }

  /// The items of a list, each a text or a mapping; nil when the key is missing.
  func items(_ key: String) throws -> [(text: String?, reader: ConfigurationReader?)]? {
    known.append(key)
    guard let node = node[Node(key)] else { return nil }
    guard let sequence = node.sequence else { throw UsageError("\(place(key)): expected a list") }
    return try sequence.enumerated().map { index, item in
      if let text = item.scalar?.string { return (text, nil) }
      return (nil, try ConfigurationReader(item, path: "\(place(key))[\(index)]"))
    }
  }

  /// Refuses keys that nothing has asked for.
  func finish() throws {
    for (key, _) in node {
      let name = key.scalar?.string ?? "?"
      guard !known.contains(name) else { continue }
      let nearest = NameDistance.nearest(to: name, among: known) ?? ""
      let hint =
        NameDistance.between(name, nearest) <= max(2, name.count / 2)
        ? "did you mean \(nearest)?" : "known: \(listed(known).joined(separator: ", "))"
      throw UsageError("\(place(name)): unknown key; \(hint)")
    }
  }

  private func listed(_ names: [String]) -> [String] {
    names.indices.filter { !names[..<$0].contains(names[$0]) }.map { names[$0] }
  }

  private func check(_ value: String, _ allowed: [String], _ key: String) throws {
    guard allowed.contains(value) else {
      throw UsageError(
        "\(place(key)): expected \(allowed.joined(separator: ", ")), found \(value)")
    }
  }

  private func scalar(_ key: String, _ fallback: String?) throws -> String? {
    known.append(key)
    guard let node = node[Node(key)] else { return fallback }
    guard let scalar = node.scalar else { throw UsageError("\(place(key)): expected one value") }
    return scalar.string
  }

  private func missing(_ key: String) -> UsageError { UsageError("\(place(key)): is missing") }
  private func place(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}

extension String {
  fileprivate func nonEmptyOr(_ other: String) -> String { isEmpty ? other : self }
}

extension Node {
  /// This tree with `a.b=c` put in.
  func setting(_ assignment: String) throws -> Node {
    guard let split = assignment.firstIndex(of: "="), split != assignment.startIndex else {
      throw UsageError("--set \(assignment): expected KEY.KEY=VALUE, for example training.epochs=2")
    }
    let keys = assignment[..<split].split(separator: ".").map(String.init)
    let text = String(assignment[assignment.index(after: split)...])
    do {
      guard !keys.isEmpty, let value = try Yams.compose(yaml: text) else {
        throw UsageError("--set \(assignment): the \(keys.isEmpty ? "key" : "value") is empty")
      }
      return setting(keys[...], value)
    } catch let error as YamlError {
      throw UsageError("--set \(assignment): the value is not YAML: \(error)")
    }
  }

  /// What stands under `a.b`; nil when nothing does.
  fileprivate subscript(path path: String) -> Node? {
    path.split(separator: ".").reduce(Optional(self)) { $0?.mapping?[Node(String($1))] }
  }

  /// This tree without what stands under `keys`.
  fileprivate func removing(_ keys: ArraySlice<String>) -> Node {
    guard let key = keys.first, var mapping, let below = mapping[Node(key)] else { return self }
    mapping[Node(key)] = keys.count == 1 ? nil : below.removing(keys.dropFirst())
    return .mapping(mapping)
  }

  fileprivate func setting(_ keys: ArraySlice<String>, _ value: Node) -> Node {
    guard let key = keys.first else { return value }
    var mapping = mapping ?? Node.Mapping([])
    let below = mapping[Node(key)] ?? Node.mapping(Node.Mapping([]))
    mapping[Node(key)] = below.setting(keys.dropFirst(), value)
    return .mapping(mapping)
  }
}
