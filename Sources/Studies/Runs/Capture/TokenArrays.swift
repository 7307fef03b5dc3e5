import Archive
import Arrays
import Console
import Transformer

/// Token ids of other people, `[sample, position]`; padding behind the tokens.
struct TokenArrays: TrainedInput {
  private let ids: CapturedArray
  private let mask: CapturedArray?
  private let positions: Int, width: Int, vocabulary: Int

  init(_ name: String, mask: String?, for study: LoadedStudy) throws {
    guard case .text(let text) = study.data else {
      throw UsageError(
        "--tokens: the network takes images; pass --images, or nothing for its own test samples")
    }
    ids = try CapturedArray(name, option: "--tokens")
    try ids.require(["sample", "position"], option: "--tokens", isWhole: true)
    self.mask = try mask.map { try CapturedArray($0, option: "--mask") }
    if let mask = self.mask, mask.shape != ids.shape {
      throw UsageError(
        "--mask \(mask.name): expected the shape \(ids.shape) of the tokens, found \(mask.shape)")
    }
    (positions, width, vocabulary) = (text.positions, ids.shape[1], text.vocabularySize)
    guard width <= positions else {
      throw UsageError(
        "--tokens \(name): expected at most \(positions) positions, which the network has, found \(width)"
      )
    }
  }

  var count: Int { ids.shape[0] }
  var title: String { inputs.map(\.name).joined(separator: ", ") }
  var inputs: [(key: String, name: String)] {
    [("tokens", ids.name)] + (mask.map { [("mask", $0.name)] } ?? [])
  }
  var files: [String] { [ids.file] + (mask.map { [$0.file] } ?? []) }

  func check(_ rows: Range<Int>) throws {
    for block in ids.blocks(of: rows) {
      let (tokens, lengths) = try read(block)
      for (row, length) in lengths.enumerated() {
        let own = tokens[row * positions..<row * positions + length]
        guard let wrong = own.first(where: { $0 < 0 || Int($0) >= vocabulary }) else { continue }
        throw UsageError(
          "--tokens \(ids.name): expected ids of 0 to \(vocabulary - 1), found \(wrong) in sample \(block.lowerBound + row)"
        )
      }
    }
  }

  func index(_ row: Int) -> Int { row }

  func sampleArrays() -> [ArraySchema] {
    TrainedCapture.textArrays(positions: positions, hasMask: true, padsBehind: true)
  }

  func writeOnce(to recorder: Recorder) {}

  func append(_ rows: Range<Int>, to recorder: Recorder) throws {
    let (tokens, lengths) = try read(rows)
    try Self.append(tokens, lengths: lengths, positions: positions, to: recorder)
  }

  static func append(
    _ tokens: [Int32], lengths: [Int], positions: Int, to recorder: Recorder
  ) throws {
    try recorder.append(Layout.Samples.token, tokens)
    try recorder.append(
      Layout.Samples.mask,
      lengths.flatMap { length in (0..<positions).map { UInt8($0 < length ? 1 : 0) } })
    try recorder.append(Layout.Samples.length, lengths.map { Int32($0) })
  }

  func sources() throws -> [Provenance.Source] {
    try CapturedArray.sources([ids] + [mask].compactMap { $0 })
  }

  func source(_ rows: Range<Int>) throws -> (any SampleSource<Float>, [Int]) {
    let (tokens, lengths) = try read(rows)
    return (
      TokenRows(tokens: tokens, lengths: lengths, positions: positions), Array(0..<rows.count)
    )
  }

  /// Ids `[sample, position]` filled up with 0, and how many of each sample are its own.
  private func read(_ rows: Range<Int>) throws -> (tokens: [Int32], lengths: [Int]) {
    let (values, marks) = (try ids.readWhole(rows), try mask?.read(rows))
    var tokens = [Int32](repeating: 0, count: rows.count * positions)
    var lengths: [Int] = []
    for row in 0..<rows.count {
      let line = row * width..<(row + 1) * width
      let length = try marks.map { try Self.length($0[line], sample: rows.lowerBound + row, mask) }
      lengths.append(length ?? width)
      for (place, value) in values[line].prefix(length ?? width).enumerated() {
        tokens[row * positions + place] = value
      }
    }
    return (tokens, lengths)
  }

  private static func length(
    _ marks: ArraySlice<Float>, sample: Int, _ mask: CapturedArray?
  ) throws -> Int {
    let name = "--mask \(mask?.name ?? "")"
    guard marks.allSatisfy({ $0 == 0 || $0 == 1 }) else {
      throw UsageError(
        "\(name): expected 1 at tokens and 0 at padding, found another number in sample \(sample)")
    }
    let length = marks.count { $0 == 1 }
    guard length > 0 else {
      throw UsageError("\(name): sample \(sample) is all padding; leave it out")
    }
    guard marks.prefix(length).allSatisfy({ $0 == 1 }) else {
      throw UsageError(
        "\(name): sample \(sample) has padding before a token; networks trained here take padding behind the tokens only"
      )
    }
    return length
  }
}

/// Rows of tokens in memory.
private struct TokenRows: SampleSource {
  let tokens: [Int32], lengths: [Int], positions: Int
  var count: Int { lengths.count }

  func write(_ index: Int, to slot: SampleSlot<Float>) {
    slot.fill(lengths[index])
    for place in 0..<positions { slot.tokens[place] = tokens[index * positions + place] }
  }
}
