import Archive
import Console

/// The lengths that arrays of one network have in common; refuses those that disagree.
struct CaptureShapes {
  let samples: Int
  /// Positions and channels of the states, heads of the maps; nil without such.
  private(set) var positions: Int?, width: Int?, heads: Int?
  /// Layers that states or maps tell of.
  let layers: Int

  init(_ arrays: MappedArrays) throws {
    guard let any = arrays.slots.first(where: { $0.role != .parameter }) else {
      throw UsageError(
        "\(arrays.files.joined(separator: ", ")): only parameters are mapped; isotherm import --weights-only takes those"
      )
    }
    let (states, maps) = (arrays.states, arrays.maps)
    layers = max(states.keys.max() ?? 0, (maps.keys.max() ?? -1) + 1)
    // What else says how many samples there are is asked first: states may lie the wrong way round.
    let witness = arrays.slot(.tokens) ?? maps.values.first ?? arrays.slot(.label) ?? any
    samples = witness.count
    for slot in arrays.slots {
      for checkpoint in slot.pieces { try Self.checkBatches(checkpoint) }
      for checkpoint in slot.pieces.dropFirst() {
        guard checkpoint.map(\.shape) == slot.pieces[0].map(\.shape) else {
          throw CaptureProblem.at(
            checkpoint[0].source,
            expected: "\(slot.pieces[0].map(\.shape)) as at the first checkpoint",
            found: "\(checkpoint.map(\.shape))",
            remedy: "capture the same samples at every checkpoint")
        }
      }
    }
    try takeMaps(arrays, maps)
    try takeStates(arrays, states)
    if positions == nil {
      positions = arrays.slots.lazy.compactMap(Self.positions).first
    }
    try checkSamples(arrays)
    try checkHeads(arrays)
    try Self.checkLayers(states, maps)
  }

  /// Batches may differ in their number of samples only.
  private static func checkBatches(_ batches: [MappedArray]) throws {
    for batch in batches.dropFirst() {
      let (expected, found) = (batches[0].shape.dropFirst(), batch.shape.dropFirst())
      guard expected != found else { continue }
      throw CaptureProblem.at(
        batch.source, expected: "\(Array(expected)) a sample, as in \(batches[0].source.place)",
        found: "\(Array(found))",
        remedy: "pad all batches to one length, and save attention_mask beside them")
    }
  }

  private mutating func takeMaps(_ arrays: MappedArrays, _ maps: [Int: MappedSlot]) throws {
    guard let first = maps.min(by: { $0.key < $1.key })?.value else { return }
    for slot in arrays.slots where slot.role == .attention || slot.role == .scores {
      let shape = slot.shape
      guard shape[2] == shape[3] else {
        throw CaptureProblem.at(
          slot.first.source, expected: "as many queries as keys, [sample, head, query, key]",
          found: "the shape \(slot.first.source.shape)",
          remedy: Self.order(of: slot, samples: nil, positions: nil)
            ?? "capture the whole forward pass, without a cache of keys")
      }
      guard shape == first.shape else {
        throw CaptureProblem.at(
          slot.first.source, expected: "the shape \(first.shape) of \(first.first.source.name)",
          found: "\(shape)", remedy: "save the maps of the same samples, padded to one length")
      }
    }
    (positions, heads) = (first.shape[2], first.shape[1])
  }

  private mutating func takeStates(_ arrays: MappedArrays, _ states: [Int: MappedSlot]) throws {
    guard let first = states.min(by: { $0.key < $1.key })?.value else { return }
    for slot in arrays.slots where [.state, .gradient, .finalNorm].contains(slot.role) {
      guard slot.shape == first.shape else {
        throw CaptureProblem.at(
          slot.first.source, expected: "the shape \(first.shape) of \(first.first.source.name)",
          found: "\(slot.shape)",
          remedy: "save the states of the same samples, padded to one length")
      }
    }
    if let positions, [first.count, first.shape[1]] != [samples, positions] {
      throw CaptureProblem.at(
        first.first.source,
        expected:
          "[\(samples), \(positions), channel], as maps, tokens or labels have \(samples) samples, and maps \(positions) positions",
        found: "the shape \(first.first.source.shape)",
        remedy: Self.order(of: first, samples: samples, positions: positions)
          ?? "save states and maps of the same pass")
    }
    (positions, width) = (first.shape[1], first.shape[2])
  }

  /// What a map should say, where the lengths fit in another order of axes only.
  private static func order(of slot: MappedSlot, samples: Int?, positions: Int?) -> String? {
    let shape = slot.first.source.shape
    let usual = slot.role.usualAxes(rank: shape.count) ?? []
    guard usual.count == shape.count, shape.count >= 3 else { return nil }
    if slot.role == .state {
      guard let samples, let positions else { return nil }
      for (s, p, c) in [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
      where shape[s] == samples && shape[p] == positions {
        var axes = usual
        (axes[s], axes[p], axes[c]) = ("sample", "position", "channel")
        return "its axes seem to be [\(axes.joined(separator: ", "))]; say so in a map (--map)"
      }
      return nil
    }
    let equal = shape.indices.filter { a in
      shape.indices.contains { $0 != a && shape[$0] == shape[a] }
    }
    guard equal.count == 2, equal != [2, 3] else { return nil }
    let rest = shape.indices.filter { !equal.contains($0) }
    var axes = usual
    (axes[equal[0]], axes[equal[1]]) = ("query", "key")
    (axes[rest[0]], axes[rest[1]]) = ("sample", "head")
    return "its axes seem to be [\(axes.joined(separator: ", "))]; say so in a map (--map)"
  }

  private func checkSamples(_ arrays: MappedArrays) throws {
    for slot in arrays.slots where slot.role != .parameter {
      let what =
        "\(samples) samples, as \(arrays.slot(.tokens)?.first.source.name ?? arrays.slots[0].first.source.name) has"
      guard slot.count == samples else {
        throw CaptureProblem.at(
          slot.first.source, expected: what, found: "the shape \(slot.first.source.shape)",
          remedy:
            "save the same samples everywhere, with the sample as first axis, or say axes: [...] in a map (--map)"
        )
      }
      if let positions, let own = Self.positions(slot), own != positions {
        throw CaptureProblem.at(
          slot.first.source, expected: "\(positions) positions, as the others have",
          found: "\(own) in the shape \(slot.first.source.shape)",
          remedy: slot.role == .label
            ? "one class a sample is an array [sample]; targets are padded to the length of the others"
            : "pad everything to one length, or say axes: [...] in a map (--map)")
      }
    }
  }

  private static func positions(_ slot: MappedSlot) -> Int? {
    slot.axes.firstIndex(of: "position").map { slot.shape[$0] }
  }

  /// Queries have the heads of the maps; keys and values as many, or fewer that groups of them share.
  private func checkHeads(_ arrays: MappedArrays) throws {
    for slot in arrays.slots {
      guard case .tap(let tap) = slot.slot else { continue }
      if let layer = tap.layer, layer >= layers, slot.role.isOfLayer, layers > 0 {
        throw CaptureProblem.at(
          slot.first.source, expected: "a layer of 0 to \(layers - 1), as states and maps tell",
          found: "layer \(layer)", remedy: "leave it out, or save the states of its layer too")
      }
      guard let heads, let axis = slot.axes.firstIndex(of: "head") else { continue }
      let own = slot.shape[axis]
      let isShared = slot.role == .keys || slot.role == .values
      guard isShared ? heads % max(own, 1) == 0 : own == heads else {
        throw CaptureProblem.at(
          slot.first.source,
          expected: "\(heads) heads, as the maps have" + (isShared ? ", or a divisor of them" : ""),
          found: "\(own) in the shape \(slot.first.source.shape)",
          remedy: "say axes: [...] in a map (--map)")
      }
    }
  }

  /// A map without the states around it says nothing of what flows.
  private static func checkLayers(_ states: [Int: MappedSlot], _ maps: [Int: MappedSlot]) throws {
    for (layer, map) in maps.sorted(by: { $0.key < $1.key }) {
      for depth in [layer, layer + 1] where states[depth] == nil {
        let found = states.keys.sorted().map(String.init).joined(separator: ", ")
        throw CaptureProblem.at(
          map.first.source,
          expected: "the states before and after layer \(layer), depths \(layer) and \(layer + 1)",
          found: states.isEmpty ? "no states at all" : "states at depths \(found)",
          remedy: "save them too (output_hidden_states=True), or leave the map out")
      }
    }
  }
}
