import Archive

/// A place of an archive that mapped arrays go to.
enum CaptureSlot: Hashable {
  /// Something that was tapped.
  case tap(TapName)
  /// Something of the samples themselves.
  case samples(ArrayRole)
  /// A weight, by the name it has in the archive.
  case parameter(String)

  /// Path of its array.
  var path: String {
    switch self {
    case .tap(let tap): tap.path
    case .parameter(let name): Layout.Checkpoints.parameter(name)
    case .samples(let role):
      switch role {
      case .tokens: Layout.Samples.token
      case .mask: Layout.Samples.mask
      case .image: Layout.Samples.pixel
      case .sampleID: Layout.Samples.index
      case .split: Layout.Samples.split
      case .label: Layout.Samples.label
      default: Layout.Samples.member(role.rawValue)
      }
    }
  }
}

/// What goes to one place: of each checkpoint the arrays of all batches, one behind the other.
final class MappedSlot {
  let slot: CaptureSlot
  let role: ArrayRole
  /// `[checkpoint][batch]`; one checkpoint for what is of the samples themselves.
  let pieces: [[MappedArray]]
  /// Number of samples, or rows of a parameter.
  let count: Int

  init(_ slot: CaptureSlot, _ role: ArrayRole, _ pieces: [[MappedArray]]) {
    (self.slot, self.role, self.pieces) = (slot, role, pieces)
    count = pieces.first?.reduce(0) { $0 + ($1.shape.first ?? 0) } ?? 0
  }

  /// The first array, which tells of all.
  var first: MappedArray { pieces[0][0] }
  /// Axes of the archive behind the checkpoint.
  var axes: [String] { first.archived }
  /// Their lengths.
  var shape: [Int] { [count] + first.shape.dropFirst() }
  /// Values of one sample.
  var rowCount: Int { first.shape.dropFirst().reduce(1, *) }
  /// Where it lies in an archive; the classes of positions are their targets.
  var path: String {
    slot == .samples(.label) && axes.count == 2 ? Layout.Samples.target : slot.path
  }

  /// Values of some samples at a checkpoint, in C order.
  func read(_ rows: Range<Int>, checkpoint: Int) throws -> [Float] {
    var (values, start) = ([Float](), 0)
    for piece in pieces[min(checkpoint, pieces.count - 1)] {
      let count = piece.shape.first ?? 0
      let part = rows.clamped(to: start..<start + count)
      if !part.isEmpty {
        values += try piece.read(part.lowerBound - start..<part.upperBound - start)
      }
      start += count
    }
    return values
  }

  /// Whole numbers of some samples.
  /// - Throws: for others, or numbers that single precision does not hold.
  func readWhole(_ rows: Range<Int>) throws -> [Int32] {
    try read(rows, checkpoint: 0).map { (value: Float) throws -> Int32 in
      guard let whole = Int32(exactly: value), abs(value) < 16_777_216 else {
        throw CaptureProblem.at(
          first.source, expected: "whole numbers below 2^24", found: "\(value)",
          remedy: role == .sampleID
            ? "number the samples from 0" : "check what the array stands for")
      }
      return whole
    }
  }

  /// Ranges of samples of about 64 MiB: of a file that is packed each is unpacked for itself.
  var blocks: [Range<Int>] {
    let step = max(1, (16 << 20) / max(rowCount, 1))
    return stride(from: 0, to: count, by: step).map { $0..<min($0 + step, count) }
  }
}
