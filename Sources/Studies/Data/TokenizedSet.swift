import Archive
import Arrays
import Console
import Corpora
import Foundation
import Kernels

/// A set of passages with the byte-pair tokenizer learned from its training split, as a new data file.
public struct TokenizedSet {
  private let reader: RunReader
  private let set: PassageSet
  private let tokenizer: BytePairTokenizer

  /// What was written.
  public struct Outcome: Encodable, Sendable {
    /// The new file.
    public var path: String
    /// Tokens there are.
    public var vocabulary: Int
    /// Characters that a token stands for, mean over the test split.
    public var charactersPerToken: Double

    enum CodingKeys: String, CodingKey {
      case path, vocabulary
      case charactersPerToken = "characters_per_token"
    }
  }

  /// Reads the data set `path` and learns a tokenizer of up to `vocabulary` tokens.
  public init(_ path: String, vocabulary: Int) throws {
    reader = try RunReader(path, expecting: [.dataset])
    set = try PassageSet(path)
    let texts = set.texts
    tokenizer = BytePairTokenizer(
      training: set.trainIndices.lazy.map { texts[$0] }, vocabularySize: vocabulary)
  }

  /// Writes `out` with all samples of the source.
  public func write(out: String, force: Bool) throws -> Outcome {
    let sample = ArraySchema.AxisSchema("sample", set.texts.count)
    var arrays = [
      ArraySchema(Layout.Samples.text, .utf8, [sample], longName: "passage"),
      ArraySchema(
        Layout.Classes.name, .utf8, [.init("class", set.classNames.count)],
        longName: "name of each class"),
      ArraySchema(
        Layout.Tokenizer.merges, .int32,
        [.init("merge", tokenizer.merges.count), .init("pair", 2)],
        longName: "the two tokens that token 256 + merge joins; tokens below 256 are bytes"),
      ArraySchema(
        Layout.Samples.split, .uint8, [sample], longName: "0 train, 1 test",
        attributes: ["flag_meanings": .text("train test")]),
    ]
    let others = try reader.names(in: Layout.Samples.group).filter {
      let array = try reader.describe(Layout.Samples.member($0))
      return array.type == .int32 && array.shape == [set.texts.count] && $0 != "sample"
    }
    for name in others {
      let longName = try reader.attribute(Layout.Samples.member(name), "long_name")
      var words = name
      if case .text(let text)? = longName { words = text }
      arrays.append(ArraySchema(Layout.Samples.member(name), .int32, [sample], longName: words))
    }
    let schema = RunSchema(
      .dataset, title: reader.title, arrays: arrays,
      provenance: Provenance(
        configuration:
          "byte-pair tokens: \(tokenizer.vocabularySize), learned from the training split",
        seed: 0, blasCore: BLASCore.name, sources: [set.source]))
    let recorder = try Recorder(RunPlace(out), schema, replacing: force)
    do {
      return try write(recorder, others)
    } catch {
      recorder.abandon()
      throw error
    }
  }

  private func write(_ recorder: Recorder, _ others: [String]) throws -> Outcome {
    recorder.write(Layout.Samples.text, set.texts)
    recorder.write(Layout.Classes.name, set.classNames)
    try recorder.append(Layout.Tokenizer.merges, tokenizer.merges.flatMap { [$0.0, $0.1] })
    try recorder.append(
      Layout.Samples.split, reader.read(Layout.Samples.split, as: UInt8.self).elements)
    for name in others {
      try recorder.append(
        Layout.Samples.member(name),
        reader.read(Layout.Samples.member(name), as: Int32.self).elements)
    }
    let test = set.testIndices.map { set.texts[$0] }
    let tokens = test.reduce(0) { $0 + tokenizer.encode($1).count }
    return Outcome(
      path: try recorder.seal(), vocabulary: tokenizer.vocabularySize,
      charactersPerToken: Double(test.reduce(0) { $0 + $1.count }) / Double(max(tokens, 1)))
  }
}
