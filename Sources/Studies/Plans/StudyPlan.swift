import Console
import Foundation

/// A plan of studies: which runs are made, with which seeds and variants, and what is measured on each.
///
/// A plan names cases (what is trained on what), steps (the archive each command or analysis leaves), sizes (how much of everything)
/// and studies (which steps, of which variants). Settings are `--set` assignments, by step; those of the step itself come first, then
/// those of case, study, size and variant, and the last one wins.
public struct StudyPlan: Sendable {
  /// `--set` assignments, by the name of a step.
  public typealias Settings = [String: [String]]

  /// What is trained.
  public struct Case: Sendable {
    /// Its folder's name.
    public let name: String
    /// The study file of its run.
    public let study: String
    let settings: Settings
  }

  /// One archive beside a run.
  public struct Step: Sendable {
    /// The commands.
    public enum Command: Sendable, Equatable {
      /// A command of the producer.
      case train, fit, perturb, inform
      /// An analysis.
      case analyze(String)
    }
    /// Name of its archive.
    public let name: String
    let command: Command
    /// Steps whose archives it reads.
    let inputs: [String]
    let settings: [String]
  }

  /// How much of everything.
  public struct Size: Sendable {
    /// What it is called.
    public let name: String
    let seeds: Int
    /// Names of the cases; nil for all.
    let cases: [String]?
    let settings: Settings

    /// The same for some of the plan's cases.
    public func limited(to cases: [String]) -> Size {
      Size(name: name, seeds: seeds, cases: cases, settings: settings)
    }
  }

  /// One of the networks that a study compares.
  public struct Variant: Sendable {
    /// Its folder's name.
    public let name: String
    /// Names of the cases it is made for; nil for all.
    let cases: [String]?
    /// Names of the sizes it is made at; nil for all.
    let sizes: [String]?
    let settings: Settings

    /// Whether it is part of a study of this case at this size.
    func isMade(for part: Case, _ size: Size) -> Bool {
      (cases?.contains(part.name) ?? true) && (sizes?.contains(size.name) ?? true)
    }
  }

  /// One study.
  public struct Study: Sendable {
    /// What it is called on the command line.
    public let name: String
    /// One line for people.
    public let title: String
    let steps: [String]
    let variants: [Variant]
    /// Seeds by size, where they are others than the size's own.
    let seeds: [String: Int]
    /// Arrays of the summary that are printed.
    let headline: [String]
    let settings: Settings
  }

  /// One line for people.
  public let title: String
  /// What the plan holds.
  public let cases: [Case], steps: [Step], sizes: [Size], studies: [Study]

  /// Reads a plan.
  /// - Throws: ``Console/UsageError`` naming the key, what is allowed, and the nearest known key.
  public init(path: String) throws {
    let text = try ConfigurationText.read(path, what: "plan")
    let root = try ConfigurationReader(yaml: text, name: path, settings: [])
    title = try root.text("title", "untitled")
    steps = try root.sections("steps").map { try Self.step($0.name, $0.reader) }
    let names = steps.map(\.name)
    cases = try root.sections("cases").map { name, reader in
      let part = Case(
        name: name, study: try reader.text("study", nil),
        settings: try Self.settings(reader, steps: names))
      try reader.finish()
      return part
    }
    let caseNames = cases.map(\.name)
    sizes = try root.sections("sizes").map { name, reader in
      let size = Size(
        name: name, seeds: try reader.integer("seeds", 3, 1...1000),
        cases: reader.has("cases") ? try reader.choices("cases", caseNames, caseNames) : nil,
        settings: try Self.settings(reader, steps: names))
      try reader.finish()
      return size
    }
    let sizeNames = sizes.map(\.name)
    studies = try root.sections("studies").map { name, reader in
      try Self.study(name, reader, steps: names, cases: caseNames, sizes: sizeNames)
    }
    try root.finish()
    try check()
  }

  private static func step(_ name: String, _ reader: ConfigurationReader) throws -> Step {
    let isAnalysis = reader.has("analyze")
    let word =
      isAnalysis
      ? try reader.choice(
        "analyze", "flow",
        ["attention", "flow", "bottleneck", "gradients", "perturbation", "stability"])
      : try reader.choice("command", "train", ["train", "fit", "perturb", "inform"])
    let commands: [String: Step.Command] = [
      "train": .train, "fit": .fit, "perturb": .perturb, "inform": .inform,
    ]
    let step = Step(
      name: name, command: isAnalysis ? .analyze(word) : commands[word] ?? .train,
      inputs: try reader.texts("from"), settings: try reader.texts("set"))
    try reader.finish()
    guard (step.command == .train) == step.inputs.isEmpty else {
      throw UsageError(
        "steps.\(name).from: "
          + (step.command == .train
            ? "train reads no other archive; leave it out"
            : "is missing: which steps' archives are read?"))
    }
    return step
  }

  private static func study(
    _ name: String, _ reader: ConfigurationReader, steps: [String], cases: [String],
    sizes: [String]
  ) throws -> Study {
    let variants = try reader.sections("variants").map { name, reader in
      let variant = Variant(
        name: name, cases: reader.has("cases") ? try reader.choices("cases", cases, cases) : nil,
        sizes: reader.has("sizes") ? try reader.choices("sizes", sizes, sizes) : nil,
        settings: try settings(reader, steps: steps))
      try reader.finish()
      return variant
    }
    let seeds = try reader.section("seeds")
    var counts: [String: Int] = [:]
    for size in sizes where seeds.has(size) {
      counts[size] = try seeds.integer(size, nil, 1...1000)
    }
    try seeds.finish()
    let study = Study(
      name: name, title: try reader.text("title", name),
      steps: try reader.choices("steps", [], steps),
      variants: variants.isEmpty
        ? [Variant(name: "plain", cases: nil, sizes: nil, settings: [:])] : variants,
      seeds: counts, headline: try reader.texts("headline"),
      settings: try settings(reader, steps: steps))
    try reader.finish()
    return study
  }

  /// The `set` of a section: a mapping from steps to lists of assignments.
  private static func settings(
    _ reader: ConfigurationReader, steps: [String]
  ) throws -> Settings {
    let section = try reader.section("set")
    var settings: Settings = [:]
    for step in steps where section.has(step) { settings[step] = try section.texts(step) }
    try section.finish()
    return settings
  }

  private func check() throws {
    let names = Set(steps.map(\.name))
    for step in steps {
      for input in step.inputs where !names.contains(input) {
        throw UsageError(
          "steps.\(step.name).from: there is no step \(input); known: "
            + steps.map(\.name).joined(separator: ", "))
      }
    }
    for study in studies {
      let measures = study.steps.contains {
        if case .analyze = step($0).command { true } else { false }
      }
      guard measures else {
        throw UsageError(
          "studies.\(study.name).steps: needs an analysis, whose metrics are summed up")
      }
      for name in study.steps {
        let missing = step(name).inputs.first { !study.steps.contains($0) }
        if let missing {
          throw UsageError(
            "studies.\(study.name).steps: \(name) reads \(missing), which is not there")
        }
      }
    }
  }

  /// Names of the cases that a size has.
  public func caseNames(_ size: Size) -> [String] {
    cases.map(\.name).filter { size.cases?.contains($0) ?? true }
  }

  func step(_ name: String) -> Step {
    guard let step = steps.first(where: { $0.name == name }) else {
      preconditionFailure("steps are checked when the plan is read")
    }
    return step
  }
}
