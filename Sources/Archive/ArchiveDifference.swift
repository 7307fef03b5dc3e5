import Arrays
import Foundation
import HDF5

/// How two archives differ: provenance, arrays, values.
public struct ArchiveDifference: Encodable, Sendable {
  /// One array or provenance item.
  public struct Item: Encodable, Sendable {
    /// How the two sides compare.
    public enum Verdict: String, Encodable, Sendable {
      /// The same bits.
      case equal
      /// Every value within the tolerance.
      case close
      /// Other values, or another type or shape.
      case different
      /// Only the first archive has it.
      case onlyFirst = "only in the first"
      /// Only the second archive has it.
      case onlySecond = "only in the second"
    }

    /// Path.
    public var path: String
    /// Comparison.
    public var verdict: Verdict
    /// Largest absolute difference of a value, where there is one.
    public var largest: Double?
    /// Where it is, an index an axis.
    public var place: [Int]?
    /// What differs, in words.
    public var detail: String
  }

  /// All items, provenance first.
  public private(set) var items: [Item] = []

  /// Whether all arrays are equal or close. Provenance and wall-clock seconds do not count: two runs
  /// of one computation differ there.
  public var agrees: Bool {
    items.allSatisfy {
      $0.path.hasPrefix("/provenance/") || $0.path.contains("seconds") || $0.verdict == .equal
        || $0.verdict == .close
    }
  }

  /// Compares two archives; values within `tolerance` (absolute) of each other are close.
  public init(_ first: RunReader, _ second: RunReader, tolerance: Double) throws {
    let (a, b) = (try first.paths(), try second.paths())
    let known = Set(b)
    for path in a {
      guard known.contains(path) else {
        items.append(Item(path: path, verdict: .onlyFirst, detail: ""))
        continue
      }
      items.append(try Self.compare(path, first, second, tolerance))
    }
    for path in b where !Set(a).contains(path) {
      items.append(Item(path: path, verdict: .onlySecond, detail: ""))
    }
    items.sort {
      ($0.path.hasPrefix("/provenance/") ? 0 : 1, $0.path)
        < ($1.path.hasPrefix("/provenance/") ? 0 : 1, $1.path)
    }
  }

  private static func compare(
    _ path: String, _ first: RunReader, _ second: RunReader, _ tolerance: Double
  ) throws -> Item {
    let (a, b) = (try first.describe(path), try second.describe(path))
    guard a.type == b.type, a.shape == b.shape else {
      return Item(
        path: path, verdict: .different,
        detail: "\(a.type.rawValue) \(a.shape) against \(b.type.rawValue) \(b.shape)")
    }
    if a.type == .utf8 {
      let (x, y) = (try first.readTexts(path), try second.readTexts(path))
      guard let index = x.indices.first(where: { x[$0] != y[$0] }) else {
        return Item(path: path, verdict: .equal, detail: "")
      }
      return Item(
        path: path, verdict: .different, detail: "«\(short(x[index]))» against «\(short(y[index]))»"
      )
    }
    if let hash = a.sha256, hash == b.sha256 {
      return Item(path: path, verdict: .equal, detail: "")
    }
    return try compareNumbers(a, first, second, tolerance)
  }

  private static func short(_ text: String) -> String {
    let line = text.replacing("\n", with: " ")
    return line.count > 60 ? line.prefix(60) + "…" : line
  }

  private static func compareNumbers(
    _ array: RunReader.StoredArray, _ first: RunReader, _ second: RunReader, _ tolerance: Double
  ) throws -> Item {
    let shape = array.shape
    let rowCount = max(shape.dropFirst().reduce(1, *), 1)
    let step = max(1, (2 << 20) / rowCount)
    var (largest, place, same) = (0.0, 0, true)
    for row in stride(from: 0, to: shape.first ?? 0, by: step) {
      let count = [min(step, shape[0] - row)] + shape.dropFirst()
      let start = [row] + shape.dropFirst().map { _ in 0 }
      let x = try first.read(array.path, as: Double.self, start: start, count: count).elements
      let y = try second.read(array.path, as: Double.self, start: start, count: count).elements
      for i in x.indices where x[i].bitPattern != y[i].bitPattern {
        if x[i].isNaN && y[i].isNaN { continue }
        same = false
        let difference = abs(x[i] - y[i])
        if !(difference <= largest) {
          largest = difference.isNaN ? .infinity : difference
          place = row * rowCount + i
        }
      }
    }
    if same { return Item(path: array.path, verdict: .equal, detail: "") }
    var (index, rest) = ([Int](), place)
    for length in shape.reversed() {
      index.insert(rest % length, at: 0)
      rest /= length
    }
    return Item(
      path: array.path, verdict: largest <= tolerance ? .close : .different, largest: largest,
      place: index, detail: "largest difference \(largest) at \(index)")
  }
}
