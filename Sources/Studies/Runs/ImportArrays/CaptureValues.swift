import Archive
import Arrays
import Console
import Foundation

/// Looks once at every value before anything is written: finite, rows of maps that sum to 1, causal triangles of zeros, masks of 0
/// and 1, samples each once.
struct CaptureValues {
  private let arrays: MappedArrays
  private let shapes: CaptureShapes
  /// Whether each position is a token, `[sample, position]`; nil without a mask, or where it is 1 everywhere.
  private(set) var mask: [Bool]?
  /// Whether queries see no later keys; false without maps.
  private(set) var isCausal = false
  /// Whether all padding lies behind the tokens of its sample.
  private(set) var padsBehind = true

  init(_ arrays: MappedArrays, _ shapes: CaptureShapes, _ tell: (Int, Int) -> Void) throws {
    (self.arrays, self.shapes) = (arrays, shapes)
    try takeMask()
    try checkIDs()
    try checkRepeats()
    var causal: [(layer: Int, slot: MappedSlot, isCausal: Bool, leak: String)] = []
    for (number, slot) in arrays.slots.enumerated() {
      try StopRequest.check()
      tell(number, arrays.slots.count)
      if slot.role.isWhole {
        for block in slot.blocks { try checkWhole(slot.readWhole(block), slot) }
        continue
      }
      let checkpoints = slot.role.isOfSamples ? 1 : arrays.steps.count
      var isCausal = shapes.positions ?? 0 > 1
      var leak = ""
      for checkpoint in 0..<checkpoints {
        for block in slot.blocks {
          let values = try slot.read(block, checkpoint: checkpoint)
          try checkFinite(values, slot, block)
          guard slot.role == .attention else { continue }
          try checkMaps(values, slot, block, &isCausal, &leak)
        }
      }
      if slot.role == .attention, case .tap(let tap) = slot.slot {
        causal.append((tap.layer ?? 0, slot, isCausal, leak))
      }
    }
    try takeCausal(causal)
  }

  // MARK: - Masks and ids

  private mutating func takeMask() throws {
    guard let slot = arrays.slot(.mask) else { return }
    let positions = slot.shape[1]
    let values = try slot.readWhole(0..<slot.count)
    if let wrong = values.first(where: { $0 != 0 && $0 != 1 }) {
      throw CaptureProblem.at(
        slot.first.source, expected: "1 at tokens and 0 at padding", found: "\(wrong)",
        remedy: "save the attention_mask that the tokenizer gives")
    }
    for sample in 0..<slot.count {
      let row = values[sample * positions..<(sample + 1) * positions]
      guard row.contains(1) else {
        throw CaptureProblem.at(
          slot.first.source, expected: "a token in every sample",
          found: "sample \(sample) all padding",
          remedy: "leave the sample out")
      }
      if row.drop(while: { $0 == 1 }).contains(1) { padsBehind = false }
    }
    if values.contains(0) { mask = values.map { $0 == 1 } }
  }

  private func checkIDs() throws {
    guard let slot = arrays.slot(.sampleID) else { return }
    var places: [Int32: Int] = [:]
    for (place, id) in try slot.readWhole(0..<slot.count).enumerated() {
      if let other = places.updateValue(place, forKey: id) {
        throw CaptureProblem.at(
          slot.first.source, expected: "each sample once",
          found: "the id \(id) at \(other) and at \(place)",
          remedy:
            "leave one of the two out: samples that stand there twice are no independent samples")
      }
    }
  }

  /// Arrays that come with every file are one array only where they are the same.
  private func checkRepeats() throws {
    for (first, other) in arrays.repeats {
      try StopRequest.check()
      let remedy = "join files of the same samples in the same order, and of the same weights"
      guard first.shape == other.shape else {
        throw CaptureProblem.at(
          other.source, expected: "the shape \(first.shape) of \(first.source.place)",
          found: "\(other.shape)", remedy: remedy)
      }
      let rows = 0..<(first.shape.first ?? 1)
      let (a, b) = (try first.read(rows), try other.read(rows))
      guard let place = zip(a, b).enumerated().first(where: { $0.element.0 != $0.element.1 }) else {
        continue
      }
      let row = place.offset / max(first.shape.dropFirst().reduce(1, *), 1)
      throw CaptureProblem.at(
        other.source, expected: "the values of \(first.source.place)",
        found: "\(place.element.1) for \(place.element.0) in row \(row)", remedy: remedy)
    }
  }

  private func checkWhole(_ values: [Int32], _ slot: MappedSlot) throws {
    let (wrong, expected, remedy): (Int32?, String, String)
    switch slot.role {
    case .split:
      (wrong, expected) = (
        values.first { $0 != 0 && $0 != 1 }, "0 for samples fitted to, 1 held out"
      )
      remedy = "leave samples out that are neither"
    case .tokens:
      (wrong, expected) = (values.first { $0 < 0 }, "token ids from 0")
      remedy = "put the padding token's id where padding is, and save attention_mask"
    default: return
    }
    guard let wrong else { return }
    throw CaptureProblem.at(
      slot.first.source, expected: expected, found: "\(wrong)", remedy: remedy)
  }

  // MARK: - Numbers

  private func isToken(_ sample: Int, _ position: Int) -> Bool {
    guard let mask, let positions = shapes.positions, mask.count == shapes.samples * positions
    else { return true }
    return mask[sample * positions + position]
  }

  private func checkFinite(_ values: [Float], _ slot: MappedSlot, _ block: Range<Int>) throws {
    // Scores are -∞ where a mask lies.
    let takesInfinity = slot.role == .scores
    guard
      let place = values.firstIndex(where: {
        takesInfinity ? $0.isNaN || $0 == .infinity : !$0.isFinite
      })
    else { return }
    let size = slot.rowCount
    let sample = block.lowerBound + place / size
    var index: [Int] = [sample]
    var rest = place % size
    for axis in 1..<slot.shape.count {
      let step = slot.shape[(axis + 1)...].reduce(1, *)
      index.append(rest / step)
      rest %= step
    }
    let position = slot.axes.firstIndex { $0 == "position" || $0 == "query" }.map { index[$0] }
    let isPadding = position.map { !isToken(sample, $0) } ?? false
    throw CaptureProblem.at(
      slot.first.source, expected: "finite numbers",
      found: "\(values[place]) at \(index) of [\(slot.axes.joined(separator: ", "))]"
        + (isPadding ? ", which is padding" : ""),
      remedy: isPadding
        ? "set what stands at padding to 0 before saving"
        : "capture in float32 or bfloat16, or leave the sample out")
  }

  private func checkMaps(
    _ values: [Float], _ slot: MappedSlot, _ block: Range<Int>, _ isCausal: inout Bool,
    _ leak: inout String
  ) throws {
    let (heads, n) = (slot.shape[1], slot.shape[3])
    let tolerance = 10 * slot.first.source.rounding
    for sample in block {
      for head in 0..<heads {
        let start = ((sample - block.lowerBound) * heads + head) * n * n
        for query in 0..<n where isToken(sample, query) {
          let row = values[start + query * n..<start + (query + 1) * n]
          let sum = row.reduce(0.0) { $0 + Double($1) }
          func place() -> String { "sample \(sample), head \(head), query \(query)" }
          guard abs(sum - 1) <= tolerance, !row.contains(where: { $0 < 0 }) else {
            throw CaptureProblem.at(
              slot.first.source, expected: "rows of weights that sum to 1",
              found: "\(Self.shown(sum)) at \(place())",
              remedy: advice(values[start..<start + n * n], sample, n, tolerance, sum))
          }
          if mask != nil,
            let key = (0..<n).first(where: {
              !isToken(sample, $0) && row[row.startIndex + $0] > Float(tolerance)
            })
          {
            throw CaptureProblem.at(
              slot.first.source, expected: "no weight on padding",
              found: "\(row[row.startIndex + key]) on key \(key) at \(place())",
              remedy: "pass attention_mask to the model too, or save the mask that it was given")
          }
          guard isCausal || leak.isEmpty else { continue }
          if let key = (query + 1..<max(n, query + 1)).first(where: {
            row[row.startIndex + $0] != 0
          }) {
            isCausal = false
            leak = "\(row[row.startIndex + key]) on key \(key) at \(place())"
          }
        }
      }
    }
  }

  /// What may be the matter with a map whose rows do not sum to 1.
  private func advice(
    _ map: ArraySlice<Float>, _ sample: Int, _ n: Int, _ tolerance: Double, _ sum: Double
  ) -> String {
    let columns = (0..<n).allSatisfy { key in
      let total = (0..<n).reduce(0.0) { $0 + Double(map[map.startIndex + $1 * n + key]) }
      return abs(total - 1) <= tolerance || !isToken(sample, key)
    }
    if columns {
      return
        "its columns do: its axes seem to be [sample, head, key, query]; say so in a map (--map)"
    }
    return sum < 0 || map.contains { $0 < 0 }
      ? "save the maps after softmax, not the scores (role: scores)"
      : "capture with model.eval(), so that dropout takes nothing out; at padding save attention_mask"
  }

  private static func shown(_ value: Double) -> String { String(format: "%.6g", value) }

  private mutating func takeCausal(
    _ found: [(layer: Int, slot: MappedSlot, isCausal: Bool, leak: String)]
  ) throws {
    guard !found.isEmpty else { return }
    let open = found.filter { !$0.isCausal }.sorted { $0.layer < $1.layer }
    isCausal = arrays.map.isCausal ?? open.isEmpty
    guard isCausal || (arrays.map.isCausal == nil && open.count < found.count) else { return }
    guard let first = open.first else { return }
    throw CaptureProblem.at(
      first.slot.first.source,
      expected: arrays.map.isCausal == true
        ? "no weight on later keys, as causal: true says"
        : "no weight on later keys, as in \(found.count - open.count) of \(found.count) layers",
      found: first.leak, remedy: "say causal: false in a map (--map) where that is right")
  }
}
