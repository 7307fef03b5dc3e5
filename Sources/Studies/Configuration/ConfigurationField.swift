import Foundation

/// One key of a configuration file. Its name, type, default, range and meaning are declared here and nowhere else: reading, the YAML that
/// is archived, `isotherm keys`, the reference page and the refusal of unknown keys follow from it.
struct ConfigurationField<Owner>: Sendable {
  /// A property of the section.
  typealias Property<Value> = any WritableKeyPath<Owner, Value> & Sendable

  /// The key as it is typed.
  let name: String
  /// The name that it had before; still read, with a note.
  var formerly: String?
  /// What a value may be, in words.
  let allowed: String
  /// What it decides, in a few words.
  let words: String
  /// Takes the key's value from a file, or leaves the default.
  let read: @Sendable (ConfigurationReader, inout Owner) throws -> Void
  /// The value as YAML; nil where the key is left out.
  let write: @Sendable (Owner) -> String?

  init(
    _ name: String, allowed: String, _ words: String,
    read: @escaping @Sendable (ConfigurationReader, inout Owner) throws -> Void,
    write: @escaping @Sendable (Owner) -> String?
  ) {
    (self.name, self.allowed, self.words) = (name, allowed, words)
    (self.read, self.write) = (read, write)
  }

  /// This key, once called `name`.
  func formerly(_ name: String) -> Self {
    var field = self
    field.formerly = name
    return field
  }
}

extension ConfigurationField {
  /// A whole number.
  static func integer(
    _ name: String, _ property: Property<Int>, _ range: ClosedRange<Int>, _ words: String
  ) -> Self {
    let upper = range.upperBound == .max ? "" : " to \(range.upperBound)"
    return Self(
      name, allowed: "whole number from \(range.lowerBound)\(upper)", words,
      read: { $1[keyPath: property] = try $0.integer(name, $1[keyPath: property], range) },
      write: { "\($0[keyPath: property])" })
  }

  /// A number.
  static func number(
    _ name: String, _ property: Property<Double>, _ range: ClosedRange<Double>, _ words: String
  ) -> Self {
    Self(
      name, allowed: "number from \(short(range.lowerBound)) to \(short(range.upperBound))", words,
      read: { $1[keyPath: property] = try $0.number(name, $1[keyPath: property], range) },
      write: { "\($0[keyPath: property])" })
  }

  /// Numbers; one alone counts as a list of one.
  static func numbers(
    _ name: String, _ property: Property<[Double]>, _ range: ClosedRange<Double>, _ words: String
  ) -> Self {
    Self(
      name, allowed: "numbers from \(short(range.lowerBound)) to \(short(range.upperBound))", words,
      read: { $1[keyPath: property] = try $0.numbers(name, range) ?? $1[keyPath: property] },
      write: { "\($0[keyPath: property])" })
  }

  /// True or false.
  static func flag(_ name: String, _ property: Property<Bool>, _ words: String) -> Self {
    Self(
      name, allowed: "true, false", words,
      read: { $1[keyPath: property] = try $0.flag(name, $1[keyPath: property]) },
      write: { "\($0[keyPath: property])" })
  }

  /// Any text.
  static func text(_ name: String, _ property: Property<String>, _ words: String) -> Self {
    Self(
      name, allowed: "text", words,
      read: { $1[keyPath: property] = try $0.text(name, $1[keyPath: property]) },
      write: { YAMLText.quoted($0[keyPath: property]) })
  }

  /// One of some texts.
  static func choice(
    _ name: String, _ property: Property<String>, _ choices: [String], _ words: String
  ) -> Self {
    Self(
      name, allowed: choices.joined(separator: ", "), words,
      read: { $1[keyPath: property] = try $0.choice(name, $1[keyPath: property], choices) },
      write: { $0[keyPath: property] })
  }

  /// One of an enumeration's cases.
  static func choice<Choice: CaseIterable & RawRepresentable<String> & Sendable>(
    _ name: String, _ property: Property<Choice>, _ words: String
  ) -> Self {
    Self(
      name, allowed: Choice.allCases.map(\.rawValue).joined(separator: ", "), words,
      read: { $1[keyPath: property] = try $0.choice(name, $1[keyPath: property]) },
      write: { $0[keyPath: property].rawValue })
  }

  /// Some of an enumeration's cases, or of those that are `allowed`; none only where that is the default.
  static func choices<Choice: CaseIterable & RawRepresentable<String> & Sendable>(
    _ name: String, _ property: Property<[Choice]>, of allowed: [Choice] = Array(Choice.allCases),
    _ words: String
  ) -> Self {
    Self(
      name, allowed: "list of \(allowed.map(\.rawValue).joined(separator: ", "))", words,
      read: {
        $1[keyPath: property] = try $0.choices(name, $1[keyPath: property], of: allowed)
      },
      write: { "[\($0[keyPath: property].map(\.rawValue).joined(separator: ", "))]" })
  }

  /// Bounds as people write them: 1000, not 1000.0.
  private static func short(_ value: Double) -> String { String(format: "%g", value) }
}
