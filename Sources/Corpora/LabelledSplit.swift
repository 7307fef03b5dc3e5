import Archive

/// Classes and splits of a data set, read and checked.
struct LabelledSplit {
  let labels: [Int32]
  let trainIndices: [Int]
  let testIndices: [Int]
  let classNames: [String]

  /// Those of `count` samples, which messages call `noun`.
  /// - Throws: when there are not as many labels and flags as samples, a label lies outside the classes, or a split is empty.
  init(_ reader: RunReader, count: Int, noun: String) throws {
    let path = reader.path
    labels = try reader.readHashed(Layout.Samples.label).elements
    let split: [UInt8] = try reader.readHashed(Layout.Samples.split).elements
    classNames = try reader.readTextsHashed(Layout.Classes.name)
    guard labels.count == count, split.count == count else {
      throw ArchiveError(
        .layout,
        "\(path): \(count) \(noun), but \(labels.count) labels and \(split.count) "
          + "split flags; the file is damaged")
    }
    let classCount = classNames.count
    guard labels.allSatisfy({ $0 >= 0 && $0 < classCount }) else {
      throw ArchiveError(
        .layout, "\(path):\(Layout.Samples.label): a label lies outside the \(classCount) classes")
    }
    trainIndices = split.indices.filter { split[$0] == 0 }
    testIndices = split.indices.filter { split[$0] == 1 }
    guard !trainIndices.isEmpty, !testIndices.isEmpty else {
      throw ArchiveError(
        .layout,
        "\(path):\(Layout.Samples.split): expected train (0) and test (1) samples, found "
          + "\(trainIndices.count) and \(testIndices.count)")
    }
  }
}
