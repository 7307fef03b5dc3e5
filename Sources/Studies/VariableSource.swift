import Console
import Information

/// A dataset named `FILE:/dataset` as samples of a variable: the first axis counts samples, all others are one.
public struct VariableSource: Sendable {
  /// File and dataset as they were named.
  public let name: String
  /// The samples.
  public let samples: SampleMatrix

  /// Reads the dataset, of this program's archives or anybody's HDF5 file.
  /// - Throws: ``Console/UsageError`` for a name of another form, and what reading throws.
  public init(_ name: String) throws {
    self.name = name
    let (shape, values) = try DatasetName(name).read()
    guard let count = shape.first else {
      throw UsageError("\(name): a single number has no samples; expected [sample, ...]")
    }
    do {
      samples = try SampleMatrix(count: count, values: values)
    } catch {
      throw UsageError("\(name): \(error)")
    }
  }
}
