import Arrays
import Console
import Foundation

/// A study file: everything that decides a run. Each section declares its own keys.
public struct StudyConfiguration: Sendable {
  /// One line for people.
  public var title = "untitled"
  /// Seed of every random path.
  public var seed: UInt64 = 1
  /// Which data, and how samples become positions.
  public var data: Data
  /// The network, and how it is trained.
  public var model: Model, training: Training
  /// What is captured at every checkpoint.
  public var capture: Capture
  /// The PDE that is fitted.
  public var pde: PDE
  /// How information is estimated.
  public var information: Information
  /// How inputs are perturbed.
  public var perturbation: Perturbation
  /// What somebody who typed this should know: keys by their former names.
  public let notes: [String]

  /// Reads a study file, with `--set` assignments put in.
  /// - Throws: ``Console/UsageError`` naming the key, what is allowed, and the nearest known key.
  public init(path: String, settings: [String] = []) throws {
    let text = try ConfigurationText.read(path, what: "study file")
    try self.init(yaml: text, name: path, settings: settings, isTyped: true)
  }

  /// Reads a study from YAML text, an archive's for example; `name` stands in messages.
  public init(yaml: String, name: String, settings: [String] = []) throws {
    try self.init(yaml: yaml, name: name, settings: settings, isTyped: false)
  }

  private init(yaml: String, name: String, settings: [String], isTyped: Bool) throws {
    let root = try ConfigurationReader(
      yaml: yaml, name: name, settings: settings, formerNames: Self.formerNames, isTyped: isTyped)
    title = try root.text("title", title)
    seed = UInt64(try root.integer("seed", Int(seed), 0...Int.max))
    data = try Data(root.section(Data.name))
    model = try Model(root.section(Model.name), standard: .standard(for: data))
    training = try Training(root.section(Training.name))
    capture = try Capture(root.section(Capture.name))
    pde = try PDE(root.section(PDE.name))
    information = try Information(root.section(Information.name))
    perturbation = try Perturbation(root.section(Perturbation.name))
    notes = root.notes
    try root.finish()
    try model.check(data)
  }

  /// The sections after `data`, in the order of a file.
  private var sections: [any ConfigurationSection] {
    [model, training, capture, pde, information, perturbation]
  }

  /// The whole configuration with every default written out, YAML.
  public var yaml: String {
    let lines =
      ["title: \(YAMLText.quoted(title))", "seed: \(seed)", data.yaml] + sections.map { $0.yaml }
    return lines.joined(separator: "\n") + "\n"
  }

  private static let types: [any ConfigurationSection.Type] = [
    Model.self, Training.self, Capture.self, PDE.self, Information.self, Perturbation.self,
  ]

  /// Former names of keys, each with the name of today.
  static let formerNames = types.map { $0.formerNames }.reduce(into: [:]) {
    $0.merge($1) { old, _ in old }
  }

  /// Every key of a study file, for people.
  public static let keys: [ConfigurationKey] =
    [
      ConfigurationKey(
        name: "title", allowed: "text", standard: YAMLText.quoted("untitled"),
        words: "one line for people; figures show it"),
      ConfigurationKey(
        name: "seed", allowed: "whole number from 0", standard: "1",
        words: "decides every random number"),
    ] + Data.keys + types.flatMap { $0.keys }

  /// The key whose name is nearest to `name`.
  public static func nearestKey(to name: String) -> String {
    let groups = Set(keys.compactMap { $0.name.split(separator: ".").first.map(String.init) })
    return NameDistance.nearest(to: name, among: keys.map(\.name) + groups.sorted()) ?? ""
  }
}
