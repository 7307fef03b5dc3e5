/// A part of a configuration file: a mapping whose keys its ``fields`` declare.
protocol ConfigurationSection: Sendable {
  /// The key that it stands under.
  static var name: String { get }
  /// What its keys decide, in a few words.
  static var words: String { get }
  /// Its keys, in the order in which they are read and written.
  static var fields: [ConfigurationField<Self>] { get }
  /// Every default.
  init()
  /// Refuses keys that do not go together.
  func check() throws
}

extension ConfigurationSection {
  func check() throws {}

  /// The section of a file; keys that are not there keep the values of `standard`.
  /// - Throws: ``Console/UsageError`` naming the key, what is allowed, and the nearest known key.
  init(_ reader: ConfigurationReader, standard: Self = Self()) throws {
    self = standard
    for field in Self.fields { try field.read(reader, &self) }
    try reader.finish()
    try check()
  }

  /// The section with every default written out, on one line.
  var yaml: String { "\(Self.name): {\(pairs)}" }

  /// Keys and values, separated by commas.
  var pairs: String {
    Self.fields.compactMap { field in field.write(self).map { "\(field.name): \($0)" } }
      .joined(separator: ", ")
  }

  /// Its keys, for people.
  static var keys: [ConfigurationKey] {
    let standard = Self()
    return fields.map {
      ConfigurationKey(
        name: "\(name).\($0.name)", allowed: $0.allowed, standard: $0.write(standard) ?? "",
        words: $0.words)
    }
  }

  /// Former names of its keys, each with the name of today.
  static var formerNames: [String: String] {
    var names: [String: String] = [:]
    for field in fields {
      if let former = field.formerly { names["\(name).\(former)"] = "\(name).\(field.name)" }
    }
    return names
  }
}

/// One key of a configuration file, for people.
public struct ConfigurationKey: Sendable, Codable {
  /// The key with its section, `training.rate`, as `--set` takes it.
  public let name: String
  /// What a value may be.
  public let allowed: String
  /// The default as YAML; empty where there is none.
  public let standard: String
  /// What it decides.
  public let words: String
}
