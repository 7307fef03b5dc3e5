import Archive
import Corpora

/// The samples of the first steps of training, archived so that whoever has the file can take those steps again.
struct FirstSteps {
  private let study: LoadedStudy
  /// Samples of each step; both of one epoch.
  private let sizes: [Int]

  /// Steps that are kept: the second shows what the first did to the weights.
  private static let count = 2
  /// Bytes of samples above which none are kept: batches of a large study are not copied into its archive.
  private static let limit = 16 << 20

  init(_ study: LoadedStudy) {
    self.study = study
    let size = study.configuration.training.batch * study.configuration.training.accumulate
    let all = study.trainIndices.count
    let sizes = (0..<Self.count).map { min(size, max(0, all - $0 * size)) }.filter { $0 > 0 }
    self.sizes = sizes.reduce(0, +) * Self.bytes(study) > Self.limit ? [] : sizes
  }

  private static func bytes(_ study: LoadedStudy) -> Int {
    switch study.data {
    case .images(let set, _): set.size.height * set.size.width
    case .text(let samples): 8 * samples.positions
    }
  }

  /// The arrays of the group `/first_steps`.
  var arrays: [ArraySchema] {
    guard !sizes.isEmpty else { return [] }
    let sample = ArraySchema.AxisSchema("batch_sample", sizes.reduce(0, +))
    func array(_ name: String, _ axes: [ArraySchema.AxisSchema], _ longName: String) -> ArraySchema
    {
      ArraySchema(Layout.FirstSteps.member(name), .int32, [sample] + axes, longName: longName)
    }
    let shared = [
      array("step", [], "optimiser step the sample is trained on in, from 1"),
      array("place", [], "place among the samples that are trained on, from 0"),
      array("index", [], "position in the data set"),
    ]
    switch study.data {
    case .images(let set, _):
      return shared + [
        ArraySchema(
          Layout.FirstSteps.image, .uint8,
          [sample, .init("y", set.size.height), .init("x", set.size.width)], longName: "grey image"),
        array("label", [], "class"),
      ]
    case .text(let samples):
      let position = ArraySchema.AxisSchema("position", samples.positions)
      return shared + [
        array("token", [position], "tokens, padded with 0"),
        array("length", [], "tokens that are no padding"),
        samples.predictsNext
          ? array("target", [position], "token to be predicted at each position: the one after it")
          : array("label", [], "class"),
      ]
    }
  }

  /// Writes them; `places` is the order of the first epoch, as places among the samples trained on.
  func write(_ places: [Int], _ recorder: Recorder) throws {
    guard !sizes.isEmpty else { return }
    let places = places.prefix(sizes.reduce(0, +))
    let indices = places.map { study.trainIndices[$0] }
    func append(_ name: String, _ values: [Int32]) throws {
      try recorder.append(Layout.FirstSteps.member(name), values)
    }
    try append(
      "step", sizes.enumerated().flatMap { Array(repeating: Int32($0 + 1), count: $1) })
    try append("place", places.map { Int32($0) })
    try append("index", indices.map { Int32($0) })
    switch study.data {
    case .images(let set, _):
      let size = set.size.height * set.size.width
      try recorder.append(
        Layout.FirstSteps.image,
        indices.flatMap { set.images.elements[$0 * size..<($0 + 1) * size] })
      try append("label", indices.map { study.data.label($0) })
    case .text(let samples):
      try append("token", indices.flatMap { samples.tokens($0).padded })
      try append("length", indices.map { Int32(samples.tokens($0).length) })
      if samples.predictsNext {
        try append("target", indices.flatMap { samples.nextTokens($0) })
      } else {
        try append("label", indices.map { study.data.label($0) })
      }
    }
  }
}
