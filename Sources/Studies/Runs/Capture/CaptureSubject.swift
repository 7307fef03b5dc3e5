import Archive
import Arrays
import Kernels

/// A network with the samples that go through it: what ``NetworkCapture`` runs and archives.
protocol CaptureSubject {
  /// The archive of the network.
  var reader: RunReader { get }
  /// Step, or number, of the checkpoint that is run.
  var step: Int32 { get }
  /// The network's `config.json`; nil for one that was trained here.
  var document: String? { get }
  /// What is run over what, for people.
  var title: String { get }
  /// Number of weights.
  var parameterCount: Int { get }
  /// Names of all arrays that can be captured, in the order in which they come about.
  var taps: [String] { get }
  /// Bytes that a pass takes for a sample.
  var workingBytes: Int { get }
  /// Rows of the data that are taken.
  var samples: Range<Int> { get }
  /// Each option that names data, and what it names, as the configuration keeps them.
  var inputs: [(key: String, name: String)] { get }
  /// Files of data that are read.
  var files: [String] { get }
  /// What is known of the network where its weights are not.
  var form: NetworkForm { get }

  /// Axes of a tap's values behind those of checkpoint and sample.
  func axes(of tap: String) -> [Axis]
  /// What a tap's values are.
  func longName(of tap: String) -> String
  /// Arrays that say what a sample is, beside its index and split.
  func sampleArrays() -> [ArraySchema]
  /// Writes what is written once, not a row a sample.
  func writeOnce(to recorder: Recorder)
  /// Position of a row in its data.
  func index(_ row: Int) -> Int32
  /// Appends the rows of ``sampleArrays()``.
  func append(_ rows: Range<Int>, to recorder: Recorder) throws
  /// Network and data.
  func sources() throws -> [Provenance.Source]
  /// Values `[sample, ...]` of taps over some rows, by tap.
  func run(_ rows: Range<Int>, taps: [String], on pool: WorkerPool) throws -> [String: [Float]]
}

extension CaptureSubject {
  /// Arrays of token ids, of the mask where there is one, and of lengths where all padding is behind.
  static func textArrays(positions: Int, hasMask: Bool, padsBehind: Bool) -> [ArraySchema] {
    let sample = ArraySchema.AxisSchema.growing("sample")
    let position = ArraySchema.AxisSchema("position", positions)
    var arrays = [
      ArraySchema(Layout.Samples.token, .int32, [sample, position], longName: "token ids")
    ]
    if hasMask {
      arrays.append(
        ArraySchema(
          Layout.Samples.mask, .uint8, [sample, position],
          longName: "1 at tokens, 0 at padding, which nothing attends to"))
    }
    if hasMask, padsBehind {
      arrays.append(
        ArraySchema(
          Layout.Samples.length, .int32, [sample], longName: "tokens that are no padding"))
    }
    return arrays
  }
}
