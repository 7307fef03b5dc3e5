import Archive
import Checkpoints
import Console

/// How several files belong together that hold the same arrays.
public enum ArrayJoin: String, Sendable, CaseIterable {
  /// Batches: the samples of one behind those of the other.
  case samples
  /// The same samples at several checkpoints, in the order of the files.
  case checkpoints
}

/// Arrays of files, each at its place in an archive; nothing of them is read yet.
struct MappedArrays {
  let map: ArrayMap
  let files: [String]
  let slots: [MappedSlot]
  /// Arrays that no rule is about.
  let leftOver: [SavedArray]
  /// Steps of the checkpoints, or their numbers from 1.
  let steps: [Int]
  /// Whether they are steps.
  let hasSteps: Bool
  /// Arrays that stand in several files and must be the same in all: the first, and each of the others.
  let repeats: [(first: MappedArray, other: MappedArray)]

  private struct Key: Hashable {
    let slot: CaptureSlot, checkpoint: Int?, batch: Int
  }

  /// Opens `files` and maps their arrays.
  /// - Throws: `UsageError` or ``CheckpointError`` for arrays that do not fit what the map says, or two for one place.
  init(_ files: [String], _ map: ArrayMap, join: ArrayJoin?) throws {
    (self.map, self.files) = (map, files)
    var found: [Key: MappedArray] = [:]
    var repeats: [(MappedArray, MappedArray)] = []
    var (order, roles, leftOver): ([CaptureSlot], [CaptureSlot: ArrayRole], [SavedArray]) =
      ([], [:], [])
    let cache = ReadCache()
    for (number, file) in files.enumerated() {
      for array in try SavedArray.all(of: file) {
        guard let (rule, numbers) = map.rule(for: array) else {
          leftOver.append(array)
          continue
        }
        for item in try Self.items(array, rule, numbers, cache) {
          let key = Key(
            slot: item.slot,
            checkpoint: item.role.isOfSamples
              ? nil : item.checkpoint ?? (join == .checkpoints ? number + 1 : nil),
            batch: join == .samples && item.role != .parameter ? number : 0)
          if let other = found[key] {
            // What is of the samples comes with each checkpoint again, a weight with each batch.
            let isSame =
              item.role.isOfSamples && join == .checkpoints
              || item.role == .parameter && join == .samples
            if isSame, other.source.file != array.file {
              repeats.append((other, item.array))
              continue
            }
            throw Self.twice(other.source, array, item.slot)
          }
          found[key] = item.array
          if roles.updateValue(item.role, forKey: item.slot) == nil { order.append(item.slot) }
        }
      }
    }
    guard !found.isEmpty else { throw Self.nothing(files, map, leftOver) }
    (self.leftOver, self.repeats) = (leftOver, repeats.map { (first: $0, other: $1) })
    let keys = Set(found.keys.compactMap(\.checkpoint)).sorted()
    (steps, hasSteps) = (keys.isEmpty ? [1] : keys, !keys.isEmpty && join != .checkpoints)
    let batches = join == .samples ? Array(files.indices) : [0]
    let renamed = Self.placed(order)
    slots = try order.map { slot in
      let role = roles[slot] ?? .state
      let checkpoints: [Int?] = role.isOfSamples || keys.isEmpty ? [nil] : keys
      let pieces = try checkpoints.map { checkpoint in
        try (role == .parameter ? [0] : batches).map { batch in
          guard let piece = found[Key(slot: slot, checkpoint: checkpoint, batch: batch)] else {
            throw UsageError(
              "\(slot.path) is in \(found.first { $0.key.slot == slot }?.value.source.place ?? "a file"), and not "
                + (join == .samples ? "in \(files[batch])" : "of checkpoint \(checkpoint ?? 0)")
                + "; save the same arrays \(join == .samples ? "of every batch" : "at every checkpoint")"
            )
          }
          return piece
        }
      }
      return MappedSlot(renamed[slot] ?? slot, role, pieces)
    }
  }

  /// States before a layer stand where those after the layer before do, unless these were saved too.
  private static func placed(_ order: [CaptureSlot]) -> [CaptureSlot: CaptureSlot] {
    var renamed: [CaptureSlot: CaptureSlot] = [:]
    for slot in order {
      guard case .tap(let tap) = slot, tap.quantity == .residualPre, let layer = tap.layer,
        layer > 0
      else { continue }
      let after = CaptureSlot.tap(
        TapName(.residualPost, layer: layer - 1, isGradient: tap.isGradient))
      if !order.contains(after) { renamed[slot] = after }
    }
    return renamed
  }

  private struct Item {
    let slot: CaptureSlot, role: ArrayRole, checkpoint: Int?, array: MappedArray
  }

  /// What one array gives: itself, or each layer of it.
  private static func items(
    _ array: SavedArray, _ rule: ArrayRule, _ numbers: [NamePattern.Placeholder: Int],
    _ cache: ReadCache
  ) throws -> [Item] {
    guard !array.shape.contains(0) else {
      if rule.role == .attention || rule.role == .scores { throw CaptureProblem.noMaps(array) }
      throw CaptureProblem.at(
        array, expected: "values", found: "the shape \(array.shape)", remedy: "leave the array out")
    }
    let rank = array.shape.count
    if rule.role == .parameter {
      guard rank > 0 else { return [] }
      let axes = rule.axes ?? array.shape.indices.map { "axis_\($0)" }
      let checkpoint = numbers[.checkpoint] ?? rule.checkpoint
      return [
        Item(
          slot: .parameter(ImportedWeights.archiveName(array.name)), role: .parameter,
          checkpoint: checkpoint,
          array: MappedArray(array, axes: axes, archived: axes, fixed: [:], cache: cache))
      ]
    }
    guard let axes = rule.fileAxes(rank: rank) else {
      let usual = rule.axes ?? rule.role.usualAxes(rank: 3) ?? []
      throw CaptureProblem.at(
        array, expected: "[\(usual.joined(separator: ", "))]", found: "the shape \(array.shape)",
        remedy: rank < usual.count
          ? "save it with its axis of samples" : "say axes: [...] in a map (--map)")
    }
    let role: ArrayRole = rule.role != .input ? rule.role : rank == 2 ? .tokens : .image
    let own = axes.filter { !["layer", "depth", "checkpoint"].contains($0) }
    guard let archived = role.archivedAxes(rank: own.count) else { return [] }
    var items: [Item] = []
    let layers = axes.firstIndex { $0 == "layer" || $0 == "depth" }
    let checkpoints = axes.firstIndex(of: "checkpoint")
    if let layers, let number = numbers[.layer] ?? numbers[.depth] {
      throw CaptureProblem.at(
        array, expected: "a number in its name, or an axis of layers",
        found: "the number \(number) and \(array.shape[layers]) layers along \(axes[layers])",
        remedy: "save each layer under a name of its own, or say axes: [...] in a map (--map)")
    }
    for layer in 0..<(layers.map { array.shape[$0] } ?? 1) {
      for checkpoint in 0..<(checkpoints.map { array.shape[$0] } ?? 1) {
        var (numbers, fixed) = (numbers, [String: Int]())
        if let layers {
          fixed[axes[layers]] = layer
          numbers[axes[layers] == "layer" ? .layer : .depth] = layer
        }
        if checkpoints != nil {
          fixed["checkpoint"] = checkpoint
          numbers[.checkpoint] = checkpoint + 1
        }
        items.append(
          Item(
            slot: try slot(array, rule, role, numbers), role: role,
            checkpoint: numbers[.checkpoint] ?? rule.checkpoint,
            array: MappedArray(array, axes: axes, archived: archived, fixed: fixed, cache: cache)))
      }
    }
    return items
  }

  private static func slot(
    _ array: SavedArray, _ rule: ArrayRule, _ role: ArrayRole,
    _ numbers: [NamePattern.Placeholder: Int]
  ) throws -> CaptureSlot {
    if role.isOfSamples { return .samples(role) }
    let (layer, depth) = (numbers[.layer] ?? rule.layer, numbers[.depth] ?? rule.depth)
    func missing() -> CheckpointError {
      CaptureProblem.at(
        array, expected: "the number of its layer", found: "none in its name",
        remedy: "write {layer} or {depth} into the pattern, or layer: N beside the role")
    }
    if role == .state || role == .gradient {
      let isGradient = role == .gradient
      if let depth {
        return .tap(
          depth == 0
            ? TapName(.residualPre, layer: 0, isGradient: isGradient)
            : TapName(.residualPost, layer: depth - 1, isGradient: isGradient))
      }
      guard let layer else { throw missing() }
      switch rule.place {
      case .pre: return .tap(TapName(.residualPre, layer: layer, isGradient: isGradient))
      case .mid: return .tap(TapName(.residualMid, layer: layer, isGradient: isGradient))
      case .post: return .tap(TapName(.residualPost, layer: layer, isGradient: isGradient))
      }
    }
    guard let quantity = role.quantity else { return .samples(role) }
    // Maps may be numbered as states are, from the depth behind their layer.
    let number = layer ?? depth
    guard !role.isOfLayer || number != nil else { throw missing() }
    return .tap(TapName(quantity, layer: number))
  }

  private static func twice(
    _ first: SavedArray, _ second: SavedArray, _ slot: CaptureSlot
  ) -> UsageError {
    let isOtherFile = first.file != second.file
    return UsageError(
      "\(first.place) and \(second.place) both map to \(slot.path); "
        + (isOtherFile
          ? "pass --join samples for batches of samples, --join checkpoints for one set of samples at several "
            + "checkpoints, or tell them apart in a map (--map)"
          : "tell them apart in a map (--map)"))
  }

  private static func nothing(
    _ files: [String], _ map: ArrayMap, _ arrays: [SavedArray]
  ) -> UsageError {
    let names = arrays.map(\.name)
    let other = ArrayPreset.suggestion(for: names)
    let advice =
      other.map { "their names are those of --preset \($0.rawValue)" }
      ?? "say in a map (--map) what they are"
    return UsageError(
      "\(files.joined(separator: ", ")): no array has a name that \(map.path ?? "the preset") knows; there are "
        + (names.isEmpty ? "none at all" : names.prefix(6).joined(separator: ", "))
        + (names.count > 6 ? " and \(names.count - 6) more" : "") + "; \(advice)")
  }

  /// The slot of a role; nil when there is none.
  func slot(_ role: ArrayRole) -> MappedSlot? { slots.first { $0.role == role } }

  /// States by their depth.
  var states: [Int: MappedSlot] {
    var states: [Int: MappedSlot] = [:]
    for slot in slots {
      guard case .tap(let tap) = slot.slot, !tap.isGradient, let layer = tap.layer else { continue }
      if tap.quantity == .residualPost { states[layer + 1] = slot }
      if tap.quantity == .residualPre, states[layer] == nil { states[layer] = slot }
    }
    return states
  }

  /// Maps by their layer.
  var maps: [Int: MappedSlot] {
    var maps: [Int: MappedSlot] = [:]
    for slot in slots where slot.role == .attention {
      if case .tap(let tap) = slot.slot, let layer = tap.layer { maps[layer] = slot }
    }
    return maps
  }
}
