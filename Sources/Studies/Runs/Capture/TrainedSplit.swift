import Archive
import Arrays
import Transformer

/// A split of the data set that a network was trained on.
struct TrainedSplit: TrainedInput {
  private let study: LoadedStudy
  private let split: DataSplit
  private let indices: [Int]

  init(_ study: LoadedStudy, _ split: DataSplit) {
    (self.study, self.split) = (study, split)
    indices = split == .test ? study.data.testIndices : study.data.trainIndices
  }

  var count: Int { indices.count }
  var title: String { "the \(split.rawValue) samples of \(study.configuration.data.file)" }
  var inputs: [(key: String, name: String)] { [("split", split.rawValue)] }
  var files: [String] { study.data.sources.map(\.path) }

  func check(_ rows: Range<Int>) throws {}

  func index(_ row: Int) -> Int { indices[row] }

  func sampleArrays() -> [ArraySchema] {
    let sample = ArraySchema.AxisSchema.growing("sample")
    let shared = [
      ArraySchema(Layout.Samples.label, .int32, [sample], longName: "class"),
      ArraySchema(
        Layout.Classes.name, .utf8, [.init("class", study.data.classNames.count)],
        longName: "name of each class"),
    ]
    switch study.data {
    case .images(let set, _):
      let (height, width) = set.size
      return shared + [
        ArraySchema(
          Layout.Samples.image, .uint8, [sample, .init("y", height), .init("x", width)],
          longName: "grey image")
      ]
    case .text(let text):
      let target = ArraySchema(
        Layout.Samples.target, .int32, [sample, .init("position", text.positions)],
        longName: "token to be predicted at each position: the one after it")
      return shared + (text.predictsNext ? [target] : [])
        + TrainedCapture.textArrays(positions: text.positions, hasMask: true, padsBehind: true)
    }
  }

  func writeOnce(to recorder: Recorder) {
    recorder.write(Layout.Classes.name, study.data.classNames)
  }

  func append(_ rows: Range<Int>, to recorder: Recorder) throws {
    let chosen = indices[rows]
    try recorder.append(Layout.Samples.label, chosen.map(study.data.label))
    switch study.data {
    case .images(let set, _):
      let size = set.size.height * set.size.width
      try recorder.append(
        Layout.Samples.image, chosen.flatMap { set.images.elements[$0 * size..<($0 + 1) * size] })
    case .text(let text):
      if text.predictsNext {
        try recorder.append(Layout.Samples.target, chosen.flatMap(text.nextTokens))
      }
      let tokens = chosen.map(text.tokens)
      try TokenArrays.append(
        tokens.flatMap(\.padded), lengths: tokens.map(\.length), positions: text.positions,
        to: recorder)
    }
  }

  func sources() throws -> [Provenance.Source] { study.data.sources }

  func source(_ rows: Range<Int>) throws -> (any SampleSource<Float>, [Int]) {
    (study.source, Array(indices[rows]))
  }
}
