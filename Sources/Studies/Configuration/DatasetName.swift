import Archive
import Console
import Foundation

/// `FILE:/dataset`: a dataset of this program's archives or of anybody's HDF5 file, as the command line and problem files name it.
struct DatasetName {
  private let file: String
  private let path: String

  /// - Throws: ``Console/UsageError`` for a name of another form.
  init(_ name: String) throws {
    guard let split = name.range(of: ":/", options: .backwards) else {
      throw UsageError(
        "\(name): expected FILE:/dataset, for example run.h5:\(Layout.Samples.label)")
    }
    file = String(name[..<split.lowerBound])
    path = String(name[name.index(after: split.lowerBound)...])
  }

  /// Shape and values.
  func read() throws -> ForeignArray { try ForeignArray.read(file, path) }
}
