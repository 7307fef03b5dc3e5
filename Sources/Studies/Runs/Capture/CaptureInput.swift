import Checkpoints
import Console
import PretrainedNetworks

/// What goes through an imported network: token ids with or without a mask, or images.
public struct CaptureInput {
  /// Where it lies, as the command line names it.
  public struct Names: Sendable {
    /// Token ids `[sample, position]`.
    public var tokens: String?
    /// 1 at tokens, 0 at padding, `[sample, position]`.
    public var mask: String?
    /// Pixels `[sample, channel, y, x]`, normalised.
    public var images: String?
    /// Samples that are taken, `FIRST:END`; nil for all.
    public var samples: String?

    /// Whether none is named.
    public var isEmpty: Bool { [tokens, mask, images, samples].allSatisfy { $0 == nil } }

    /// Names of arrays.
    public init(tokens: String?, mask: String?, images: String?, samples: String?) {
      (self.tokens, self.mask, self.images, self.samples) = (tokens, mask, images, samples)
    }
  }

  /// Whether it is text.
  let isText: Bool
  /// The samples that are taken.
  let samples: Range<Int>
  /// Positions in the network.
  let positions: Int
  /// Whether all padding is behind the tokens of its sample; true where there is none.
  private(set) var padsBehind = true
  /// The arrays.
  let arrays: [CapturedArray]
  private var data: CapturedArray { arrays[0] }
  /// Whether there is a mask.
  var hasMask: Bool { arrays.count > 1 }

  /// Opens the arrays, and looks once at all values that are taken.
  /// - Throws: `UsageError` or ``CheckpointError`` for input that the network does not take.
  init(_ names: Names, for network: PretrainedNetwork) throws {
    let plan = network.plan
    let takesText = { if case .tokens = plan.input { true } else { false } }()
    switch (names.tokens, names.images) {
    case (let tokens?, nil):
      guard takesText else {
        throw UsageError("--tokens: a \(plan.architecture) takes images; pass --images")
      }
      let ids = try CapturedArray(tokens, option: "--tokens")
      try ids.require(["sample", "position"], option: "--tokens", isWhole: true)
      let mask = try names.mask.map { try CapturedArray($0, option: "--mask") }
      if let mask, mask.shape != ids.shape {
        throw UsageError(
          "--mask \(mask.name): expected the shape \(ids.shape) of the tokens, found \(mask.shape)")
      }
      (isText, positions) = (true, ids.shape[1])
      arrays = [ids] + [mask].compactMap { $0 }
    case (nil, let images?):
      guard !takesText else {
        throw UsageError("--images: a \(plan.architecture) takes token ids; pass --tokens")
      }
      guard names.mask == nil else {
        throw UsageError("--mask says which tokens are padding; leave it out with --images")
      }
      let pixels = try CapturedArray(images, option: "--images")
      try pixels.require(["sample", "channel", "y", "x"], option: "--images", isWhole: false)
      if case .image(let channels, _, _, _, _) = plan.input, channels != pixels.shape[1] {
        throw UsageError(
          "--images \(pixels.name): expected \(channels) channels, found \(pixels.shape[1])")
      }
      isText = false
      positions = plan.positions(height: pixels.shape[2], width: pixels.shape[3])
      arrays = [pixels]
    default: throw UsageError("pass --tokens or --images: what goes through the network")
    }
    samples = try Self.range(names.samples, of: arrays[0].shape[0])
    try check(plan)
  }

  /// `FIRST:END` of `count` samples, either left out for the first or the last.
  static func range(_ text: String?, of count: Int) throws -> Range<Int> {
    guard let text else { return 0..<count }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let first = parts.first.flatMap { $0.isEmpty ? 0 : Int($0) }
    let end = parts.last.flatMap { $0.isEmpty ? count : Int($0) }
    guard parts.count == 2, let first, let end, 0 <= first, first < end, end <= count else {
      throw UsageError(
        "--samples \(text): expected FIRST:END from 0:1 to 0:\(count), the end not included")
    }
    return first..<end
  }

  /// Looks at all values, so that nothing is refused in the middle.
  private mutating func check(_ plan: NetworkPlan) throws {
    try input(samples.lowerBound..<samples.lowerBound + 1).check(plan, file: data.name)
    for rows in data.blocks(of: samples) {
      guard isText else {
        guard try data.read(rows).allSatisfy(\.isFinite) else {
          throw UsageError(
            "--images \(data.name): samples \(rows) hold a value that is no number; remove it")
        }
        continue
      }
      try input(rows).check(plan, file: data.name)
      guard let mask = try mask(rows) else { continue }
      for row in 0..<rows.count where padsBehind {
        let own = mask[row * positions..<(row + 1) * positions]
        padsBehind = !own.drop { $0 }.contains(true)
      }
    }
  }

  /// Token ids of some samples; nil for images.
  func tokens(_ rows: Range<Int>) throws -> [Int32]? { isText ? try data.readWhole(rows) : nil }

  /// Whether each position of some samples is a token; nil without a mask.
  /// - Throws: `UsageError` for a mask of other numbers than 0 and 1, and for a sample without a token.
  func mask(_ rows: Range<Int>) throws -> [Bool]? {
    guard hasMask else { return nil }
    let name = "--mask \(arrays[1].name)"
    let mask = try arrays[1].read(rows).map { value in
      guard value == 0 || value == 1 else {
        throw UsageError("\(name): expected 1 at tokens and 0 at padding, found \(value)")
      }
      return value == 1
    }
    for (row, sample) in rows.enumerated()
    where !mask[row * positions..<(row + 1) * positions].contains(true) {
      throw UsageError("\(name): sample \(sample) is all padding; leave it out")
    }
    return mask
  }

  /// Rows of patches of an image.
  func rows(patch: Int) -> Int { max(1, data.shape[2] / max(patch, 1)) }

  /// Some samples as the network takes them.
  func input(_ rows: Range<Int>) throws -> NetworkInput {
    if let ids = try tokens(rows) { return .tokens(ids, mask: try mask(rows), samples: rows.count) }
    return .images(
      try data.read(rows), samples: rows.count, height: data.shape[2], width: data.shape[3])
  }
}
