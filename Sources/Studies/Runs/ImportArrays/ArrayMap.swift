import Console

/// Which array stands for what: a preset, a file of rules, or both.
struct ArrayMap: Sendable {
  /// Whether the last state is the one after the network's final norm.
  enum FinalNorm: String, Sendable, CaseIterable {
    case applied
    case notApplied = "not_applied"
    /// Nobody said.
    case unknown
  }

  /// Rules, the first that matches first: those of the file, then those of the preset.
  private(set) var rules: [ArrayRule]
  private(set) var preset: ArrayPreset?
  private(set) var finalNorm = FinalNorm.unknown
  /// Whether maps are causal; nil when the maps are to tell.
  private(set) var isCausal: Bool?
  /// Positions before the grid or the text: class and distillation tokens, registers; nil when the image is to tell.
  private(set) var classTokens: Int?
  /// Rows of the grid of positions; nil when the image is to tell.
  private(set) var gridRows: Int?
  /// The file of rules.
  let path: String?

  /// - Throws: `UsageError` for a file that is no such map.
  init(preset: ArrayPreset?, path: String?) throws {
    (self.preset, self.path, rules) = (preset, path, [])
    if let path { try read(path) }
    rules += (self.preset ?? preset)?.rules ?? []
    if self.preset == .transformerlens, finalNorm == .unknown { finalNorm = .notApplied }
    guard !rules.isEmpty else {
      throw UsageError(
        "\(path ?? "--map"): names no array; write arrays: {PATTERN: {role: state}}, or preset: huggingface"
      )
    }
  }

  private mutating func read(_ path: String) throws {
    let text = try ConfigurationText.read(path, what: "map")
    do {
      let root = try ConfigurationReader(yaml: text, name: path, settings: [])
      if root.has("preset") {
        let name = try root.choice("preset", "", ArrayPreset.allCases.map(\.rawValue))
        guard preset == nil || preset?.rawValue == name else {
          throw UsageError(
            "preset: \(name), and --preset \(preset?.rawValue ?? ""); say one of them")
        }
        preset = ArrayPreset(rawValue: name)
      }
      finalNorm = try root.choice("final_norm", FinalNorm.unknown)
      if root.has("causal") { isCausal = try root.flag("causal", false) }
      if root.has("class_tokens") { classTokens = try root.integer("class_tokens", nil, 0...64) }
      if root.has("rows") { gridRows = try root.integer("rows", nil, 1...65536) }
      for (name, reader) in try root.sections("arrays") {
        rules.append(try Self.rule(name, reader))
      }
      try root.finish()
    } catch let error as UsageError {
      throw UsageError(error.message.hasPrefix(path) ? error.message : "\(path): \(error.message)")
    }
  }

  private static func rule(_ name: String, _ reader: ConfigurationReader) throws -> ArrayRule {
    let pattern: NamePattern
    do {
      pattern = try NamePattern(name)
    } catch let problem as NamePattern.Problem {
      throw UsageError(
        "arrays: \(name): expected {layer}, {depth} or {checkpoint}, each once, found {\(problem.name)}"
      )
    }
    let roles = ArrayRole.allCases.map(\.rawValue)
    guard reader.has("role") else {
      throw UsageError(
        "arrays.\(name).role: is missing; it says what the array is, one of \(roles.joined(separator: ", "))"
      )
    }
    let role = try reader.choice("role", "", roles)
    var rule = ArrayRule(pattern: pattern, role: ArrayRole(rawValue: role) ?? .state)
    rule.place = try reader.choice("at", ArrayRule.Place.post)
    if reader.has("axes") {
      let axes = try reader.texts("axes")
      rule.axes = axes
      // Rank 2 or 3 decide what some roles are, so that either list of axes is right.
      let known = (1...5).compactMap { rule.role.usualAxes(rank: $0) }.map(Set.init)
      let rest = Set(axes).subtracting(["layer", "depth", "checkpoint"])
      guard Set(axes).count == axes.count, rule.role == .parameter || known.contains(rest) else {
        throw UsageError(
          "arrays: \(name): axes: expected \(rule.role.usualAxes(rank: axes.count)?.joined(separator: ", ") ?? "") "
            + "in the order of the file, with layer, depth or checkpoint among them where there are such, found "
            + axes.joined(separator: ", "))
      }
    }
    if reader.has("layer") { rule.layer = try reader.integer("layer", nil, 0...100_000) }
    if reader.has("depth") { rule.depth = try reader.integer("depth", nil, 0...100_000) }
    if reader.has("checkpoint") {
      rule.checkpoint = try reader.integer("checkpoint", nil, 0...Int(Int32.max))
    }
    try reader.finish()
    return rule
  }

  /// The rule that an array falls under, and the numbers in its name.
  func rule(for array: SavedArray) -> (
    rule: ArrayRule, numbers: [NamePattern.Placeholder: Int]
  )? {
    for rule in rules {
      if let numbers = rule.numbers(array) { return (rule, numbers) }
    }
    return nil
  }
}
