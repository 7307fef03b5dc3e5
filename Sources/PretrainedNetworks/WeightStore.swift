import Arrays
import Checkpoints
import Kernels

/// Finds the tensors of a file for a plan's weights, and reads them as our own arrays.
struct WeightStore: Sendable {
  private let file: any TensorFile
  private let prefixed: [String: (rule: WeightRule, source: String)]

  /// Checks that every weight is there with its shape, and that nothing is left over.
  /// - Throws: ``CheckpointError`` that names the missing, extra or misshapen tensor, both shapes and the nearest name.
  init(
    _ file: any TensorFile, _ plan: NetworkPlan, _ names: SourceNames,
    isIgnored: (String) -> Bool
  ) throws {
    self.file = file
    var found: [String: (rule: WeightRule, source: String)] = [:]
    var used: Set<String> = []
    for rule in plan.weights.rules {
      guard let source = names.resolve(rule.source), let info = file.info(source) else {
        throw Self.missing(rule, file, plan, names)
      }
      guard info.shape == rule.sourceShape else {
        throw CheckpointError(
          .mismatch, file: file.path, tensor: source, expected: "the shape \(rule.sourceShape)",
          found: "\(info.shape)",
          remedy: "take config.json and weights of one revision of one \(plan.architecture)")
      }
      guard info.type.byteCount != nil else {
        _ = try file.floats(source, rows: 0..<0)
        continue
      }
      used.insert(source)
      found[rule.name] = (rule, source)
    }
    prefixed = found
    for name in file.names where !used.contains(name) && !isIgnored(names.bare(name)) {
      let nearest = NameDistance.nearest(
        to: names.bare(name), among: plan.weights.rules.map(\.source))
      throw CheckpointError(
        .unexpected, file: file.path, tensor: name,
        expected: "only weights of a \(plan.architecture)",
        found: "\(file.info(name)?.shape ?? []), nearest to \(nearest ?? "nothing")",
        remedy: "this variant of \(plan.architecture) has parts that are not supported")
    }
  }

  /// Finds weights that a file has under our own names, in our shapes.
  /// - Throws: ``CheckpointError`` that names the missing or misshapen tensor.
  init(_ file: any TensorFile, named plan: NetworkPlan) throws {
    self.file = file
    var found: [String: (rule: WeightRule, source: String)] = [:]
    for rule in plan.weights.rules {
      let info = try file.tensor(rule.name)
      guard info.shape == rule.shape else {
        throw CheckpointError(
          .mismatch, file: file.path, tensor: rule.name, expected: "the shape \(rule.shape)",
          found: "\(info.shape)", remedy: "import the \(plan.architecture) again")
      }
      found[rule.name] = (rule.own, rule.name)
    }
    prefixed = found
  }

  private static func missing(
    _ rule: WeightRule, _ file: any TensorFile, _ plan: NetworkPlan, _ names: SourceNames
  ) -> CheckpointError {
    // A name that is wrong by a letter is one that nothing else asks for.
    let used = Set(plan.weights.rules.compactMap { names.resolve($0.source) })
    let free = file.names.filter { !used.contains($0) }
    let nearest = NameDistance.nearest(to: rule.source, among: free.isEmpty ? file.names : free)
    return CheckpointError(
      .missing, file: file.path, tensor: rule.source,
      expected: "a tensor of the shape \(rule.sourceShape)",
      found: nearest.map {
        "none of that name; the nearest is \(CheckpointError.shown($0)) \(file.info($0)?.shape ?? [])"
      } ?? "none at all",
      remedy: "fetch all of the checkpoint, of the revision of config.json")
  }

  /// Names of the weights outside the layers.
  var outerNames: [String] { prefixed.keys.filter { !$0.hasPrefix("layer.") } }

  /// Whether there is a weight of ours.
  func contains(_ name: String) -> Bool { prefixed[name] != nil }

  /// A weight, in our order: `[out, in]` for matrices. Takes the memory of the weight, and where the file has it turned around or
  /// fused of what it is cut from.
  func read(_ name: String) throws -> Buffer<Float> {
    guard let (rule, source) = prefixed[name] else {
      throw CheckpointError(
        .missing, file: file.path, tensor: name, expected: "a weight of that name",
        found: "none", remedy: "ask for one of the plan's")
    }
    let out = Buffer<Float>(rule.shape.reduce(1, *))
    // Blocks of about a million elements, so that only the result takes the memory of the weight.
    let step = max(1, (1 << 20) / max(rule.sourceShape.dropFirst().reduce(1, *), 1))
    if rule.isTransposed {
      try readTransposed(rule, source, step, out)
      return out
    }
    var place = 0
    for range in rule.rows ?? [0..<(rule.sourceShape.first ?? 1)] {
      for first in stride(from: range.lowerBound, to: range.upperBound, by: step) {
        let rows = first..<min(first + step, range.upperBound)
        let values = try file.floats(source, rows: rows).elements
        for i in 0..<min(values.count, out.count - place) { out.start[place + i] = values[i] }
        place += values.count
      }
    }
    return out
  }

  /// A matrix that the file has as `[in, out]`.
  private func readTransposed(
    _ rule: WeightRule, _ source: String, _ step: Int, _ out: Buffer<Float>
  ) throws {
    let (inputs, outputs) = (rule.sourceShape[0], rule.sourceShape[1])
    let rows = Array((rule.rows ?? [0..<outputs]).joined())
    for first in stride(from: 0, to: inputs, by: step) {
      let block = first..<min(first + step, inputs)
      let values = try file.floats(source, rows: block).elements
      for (r, row) in rows.enumerated() {
        for c in block { out.start[r * inputs + c] = values[(c - first) * outputs + row] }
      }
    }
  }

  /// What a weight is called in the file, and the type it has there.
  func source(_ name: String) -> TensorInfo? {
    prefixed[name].flatMap { file.info($0.source) }
  }
}
