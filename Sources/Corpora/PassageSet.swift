import Archive
import Foundation

/// Labelled passages of text, with fixed splits.
public struct PassageSet: Sendable {
  /// The passages, in the file's order.
  public let texts: [String]
  /// Class of each passage.
  public let labels: [Int32]
  /// Passages of the training split.
  public let trainIndices: [Int]
  /// Passages of the test split: never trained on or fitted to.
  public let testIndices: [Int]
  /// Name of each class.
  public let classNames: [String]
  /// Merges of the byte-pair tokenizer stored with the data, or nil.
  public let tokenizer: BytePairTokenizer?
  /// The file as a source of provenance.
  public let source: Provenance.Source
  /// What of the file does not have the hash stored beside it; nil when all has.
  public let warning: String?

  /// Reads a data set in the archive's layout.
  /// - Throws: when the file is missing, damaged, or not a labelled set of passages.
  public init(_ path: String) throws {
    let reader = try RunReader(path, expecting: [.dataset])
    guard reader.contains(Layout.Samples.text) else {
      throw ArchiveError(
        .layout,
        "\(path): expected passages in \(Layout.Samples.text), found none; is it an image set? "
          + "set data.modality accordingly")
    }
    texts = try reader.readTextsHashed(Layout.Samples.text)
    let split = try LabelledSplit(reader, count: texts.count, noun: "passages")
    (labels, classNames) = (split.labels, split.classNames)
    (trainIndices, testIndices) = (split.trainIndices, split.testIndices)
    tokenizer =
      reader.contains(Layout.Tokenizer.merges)
      ? try BytePairTokenizer(reader, Layout.Tokenizer.merges) : nil
    (source, warning) = (try reader.asSource(using: ["/"]), try reader.staleHashes())
  }
}

extension BytePairTokenizer {
  /// Reads merges `[merge, pair]`.
  /// - Throws: when a merge names a token that does not exist before it.
  public init(_ reader: RunReader, _ path: String) throws {
    let pairs: [Int32] = try reader.readHashed(path).elements
    let merges = stride(from: 0, to: pairs.count - 1, by: 2).map { (pairs[$0], pairs[$0 + 1]) }
    guard let tokenizer = BytePairTokenizer(merges: merges) else {
      throw ArchiveError(
        .layout, "\(reader.path):\(path): a merge names a token made after it; the file is damaged")
    }
    self = tokenizer
  }
}
