import Archive
import Arrays
import Console
import Corpora
import Transformer

/// Pixels of other people, `[sample, channel, y, x]` with one channel, normalised as the network wants them.
struct ImageArrays: TrainedInput {
  private let pixels: CapturedArray
  private let grid: PatchGrid

  init(_ name: String, for study: LoadedStudy) throws {
    guard case .images(let set, let grid) = study.data else {
      throw UsageError(
        "--images: the network takes text; pass --tokens, or nothing for its own test samples")
    }
    pixels = try CapturedArray(name, option: "--images")
    try pixels.require(["sample", "channel", "y", "x"], option: "--images", isWhole: false)
    let wanted = [1, set.size.height, set.size.width]
    guard Array(pixels.shape.dropFirst()) == wanted else {
      throw UsageError(
        "--images \(name): expected [sample, \(wanted.map(String.init).joined(separator: ", "))], found \(pixels.shape)"
      )
    }
    self.grid = grid
  }

  var count: Int { pixels.shape[0] }
  var title: String { pixels.name }
  var inputs: [(key: String, name: String)] { [("images", pixels.name)] }
  var files: [String] { [pixels.file] }

  func check(_ rows: Range<Int>) throws {
    for block in pixels.blocks(of: rows) {
      guard try pixels.read(block).allSatisfy(\.isFinite) else {
        throw UsageError(
          "--images \(pixels.name): samples \(block) hold a value that is no number; remove it")
      }
    }
  }

  func index(_ row: Int) -> Int { row }
  func sampleArrays() -> [ArraySchema] { [] }
  func writeOnce(to recorder: Recorder) {}
  func append(_ rows: Range<Int>, to recorder: Recorder) throws {}
  func sources() throws -> [Provenance.Source] { try CapturedArray.sources([pixels]) }

  func source(_ rows: Range<Int>) throws -> (any SampleSource<Float>, [Int]) {
    (ImageRows(pixels: try pixels.read(rows), grid: grid), Array(0..<rows.count))
  }
}

/// Rows of images in memory.
private struct ImageRows: SampleSource {
  let pixels: [Float], grid: PatchGrid
  private var size: Int { grid.positionCount * grid.inputWidth }
  var count: Int { pixels.count / max(size, 1) }

  func write(_ index: Int, to slot: SampleSlot<Float>) {
    pixels.withUnsafeBufferPointer { all in
      grid.write(
        UnsafeBufferPointer(rebasing: all[index * size..<(index + 1) * size]), to: slot.input)
    }
  }
}
