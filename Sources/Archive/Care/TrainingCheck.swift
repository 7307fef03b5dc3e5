import Arrays
import HDF5

/// Says what a file lacks to be trained on: for data sets that somebody else has made.
public struct TrainingCheck {
  private let root: Group
  private var findings: [ArchiveCheck.Finding] = []

  private init(_ root: Group) { self.root = root }

  /// Checks the file `name`. The summary says what is there to be trained on; nil where anything is found.
  /// - Throws: when it cannot be opened as HDF5.
  public static func run(
    _ name: String
  ) throws -> (summary: String?, findings: [ArchiveCheck.Finding]) {
    var check = TrainingCheck(try File.open(RunPlace.readable(name)).root)
    let summary = try check.run()
    return (check.findings.isEmpty ? summary : nil, check.findings)
  }

  private mutating func add(_ path: String, _ problem: String, _ remedy: String) {
    findings.append(ArchiveCheck.Finding(path: path, problem: problem, remedy: remedy))
  }

  private mutating func run() throws -> String {
    if try root.attribute("isotherm_layout")?.integer != 1 {
      add("/@isotherm_layout", "is not 1", "set f.attrs[\"isotherm_layout\"] = 1")
    }
    if let kind = try root.attribute("kind")?.text, kind == "dataset" {
    } else {
      add("/@kind", "is not dataset", "set f.attrs[\"kind\"] = \"dataset\"")
    }
    let classes = try array(Layout.Classes.name, [.utf8], axes: ["class"], "names of the classes")
    let (count, words) = try samples()
    let label = try numbers(Layout.Samples.label, count, "class of each sample, from 0")
    let split = try numbers(Layout.Samples.split, count, "0 for training, 1 for testing")
    let classCount = classes?.first ?? 0
    if classes != nil, let bad = label?.first(where: { $0 < 0 || $0 >= Int64(classCount) }) {
      add(
        Layout.Samples.label,
        "has the class \(bad), and \(Layout.Classes.name) names \(classCount)",
        "number classes from 0, and name each")
    }
    let parts = (0...1).map { part in split?.count { $0 == Int64(part) } ?? 0 }
    if split != nil, parts.contains(0) {
      add(
        Layout.Samples.split, "has \(parts[0]) samples to train on and \(parts[1]) to test",
        "set it to 0 for some samples and to 1 for others")
    }
    return "\(words) in \(classCount) classes, \(parts[0]) to train on and \(parts[1]) to test"
  }

  /// Number of samples, and what they are in words.
  private mutating func samples() throws -> (count: Int?, words: String) {
    if root.contains(Layout.Samples.text) {
      let shape = try array(Layout.Samples.text, [.utf8], axes: ["sample"], "passages")
      return (shape?.first, "\(shape?.first ?? 0) passages")
    }
    guard root.contains(Layout.Samples.image) else {
      add(
        Layout.Samples.group, "has neither image nor text",
        "write grey images as uint8 [sample, y, x] to \(Layout.Samples.image), or passages as UTF-8 strings [sample] to "
          + Layout.Samples.text)
      return (nil, "")
    }
    let shape = try array(
      Layout.Samples.image, [.uint8], axes: ["sample", "y", "x"], "grey images")
    guard let shape else { return (nil, "") }
    return (shape[0], "\(shape[0]) images of \(shape[1]) x \(shape[2]) pixels")
  }

  private static let integers: [ElementType] = [
    .uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64,
  ]

  /// Shape of an array that should be there; nil, with a finding, when it is not as it should be.
  private mutating func array(
    _ path: String, _ types: [ElementType], axes: [String], _ what: String
  ) throws -> [Int]? {
    let form = types.count > 1 ? "whole numbers" : types[0].rawValue
    let remedy = "write \(what) as \(form) [\(axes.joined(separator: ", "))] to \(path)"
    guard root.contains(path), root.kind(path) == .dataset else {
      add(path, "is missing", remedy)
      return nil
    }
    let dataset = try root.dataset(path)
    guard let type = try? dataset.elementType, types.contains(type) else {
      add(path, "is \(try dataset.storedType)", remedy)
      return nil
    }
    let shape = try dataset.shape
    guard shape.count == axes.count, !shape.contains(0) else {
      add(path, "has the shape \(shape)", remedy)
      return nil
    }
    return shape
  }

  /// Whole numbers, one a sample.
  private mutating func numbers(
    _ path: String, _ count: Int?, _ what: String
  ) throws -> [Int64]? {
    guard let shape = try array(path, Self.integers, axes: ["sample"], what) else { return nil }
    if let count, shape != [count] {
      add(path, "has \(shape[0]) values for \(count) samples", "write one for each sample")
      return nil
    }
    return try root.dataset(path).read(Int64.self)
  }
}
