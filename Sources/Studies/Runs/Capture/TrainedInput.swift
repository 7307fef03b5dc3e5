import Archive
import Arrays
import Transformer

/// Samples for a network that was trained here.
protocol TrainedInput {
  /// Number of samples.
  var count: Int { get }
  /// What they are, for people.
  var title: String { get }
  /// Each option that names them, and what it names.
  var inputs: [(key: String, name: String)] { get }
  /// Files that are read.
  var files: [String] { get }
  /// Looks at all values that are taken, so that nothing is refused in the middle.
  func check(_ rows: Range<Int>) throws
  /// Position of a row in its data.
  func index(_ row: Int) -> Int
  /// Arrays that say what a sample is.
  func sampleArrays() -> [ArraySchema]
  /// Writes what is written once.
  func writeOnce(to recorder: Recorder)
  /// Appends rows of ``sampleArrays()``.
  func append(_ rows: Range<Int>, to recorder: Recorder) throws
  /// Where they come from.
  func sources() throws -> [Provenance.Source]
  /// Some rows as passes take them, and their places there.
  func source(_ rows: Range<Int>) throws -> (any SampleSource<Float>, [Int])
}
