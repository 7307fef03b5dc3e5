import Archive
import Console
import Information

/// A dataset named `FILE:/dataset` as samples of a variable: the first axis counts samples, all others are one.
public struct VariableSource: Sendable {
  /// File and dataset as they were named.
  public let name: String
  /// The samples.
  public let samples: SampleMatrix
  /// What was done to the stored values, in words for people.
  public let notes: [String]

  /// Reads two datasets, of this program's archives or anybody's HDF5 file, and leaves out samples of which either has a
  /// missing value.
  /// - Throws: ``Console/UsageError`` for a name of another form, and what reading throws. Other numbers of samples are not told here.
  public static func pair(_ x: String, _ y: String) throws -> (x: VariableSource, y: VariableSource)
  {
    let (a, b) = (try Variable(x), try Variable(y))
    // Told by whoever pairs the samples.
    guard a.count == b.count else {
      return (try a.source(Array(0..<a.count), []), try b.source(Array(0..<b.count), []))
    }
    let kept = (0..<a.count).filter { !a.isMissing($0) && !b.isMissing($0) }
    let left = a.count - kept.count
    let word = left == 0 ? [] : ["\(left) of \(a.count) samples are left out: a value is missing"]
    return (try a.source(kept, []), try b.source(kept, word))
  }

  private struct Variable {
    let name: String
    let array: ForeignArray
    let count: Int
    private let width: Int

    init(_ name: String) throws {
      (self.name, array) = (name, try DatasetName(name).read())
      guard let count = array.shape.first else {
        throw UsageError("\(name): a single number has no samples; expected [sample, ...]")
      }
      (self.count, width) = (count, array.shape.dropFirst().reduce(1, *))
    }

    func isMissing(_ sample: Int) -> Bool {
      array.missing.map { $0[sample * width..<(sample + 1) * width].contains(true) } ?? false
    }

    func source(_ kept: [Int], _ more: [String]) throws -> VariableSource {
      do {
        let values =
          kept.count == count
          ? array.values : kept.flatMap { array.values[$0 * width..<($0 + 1) * width] }
        return VariableSource(
          name: name, samples: try SampleMatrix(count: kept.count, values: values),
          notes: array.notes.map { "\(name): \($0)" } + more)
      } catch {
        let shape = array.shape
        let advice =
          shape.count > 1 && shape[0] < 4
          ? "; its shape is \(shape), and the first axis counts samples" : ""
        throw UsageError("\(name): \(error)\(advice)")
      }
    }
  }
}
