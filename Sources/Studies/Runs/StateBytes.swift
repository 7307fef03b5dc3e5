import Archive
import Arrays

/// Numbers as bytes, exactly, for what a program keeps to go on from (`Recorder.commit(resumeState:)`): whole numbers, and arrays behind
/// their lengths.
struct StateWriter {
  private(set) var bytes: [UInt8] = []

  mutating func put(_ number: Int) { append([Int64(number)]) }

  mutating func put<Element: ArrayElement>(_ values: [Element]) {
    put(values.count)
    append(values)
  }

  private mutating func append<Element>(_ values: [Element]) {
    values.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }
}

/// Reads what ``StateWriter`` wrote, in the same order.
struct StateReader {
  private let bytes: [UInt8]
  private var place = 0
  private let folder: String

  /// `folder` is named in errors.
  init(_ bytes: [UInt8], folder: String) { (self.bytes, self.folder) = (bytes, folder) }

  mutating func number() throws -> Int { Int(try values(Int64.self, 1)[0]) }

  mutating func array<Element: ArrayElement>(_ type: Element.Type) throws -> [Element] {
    let count = try number()
    return try values(type, count)
  }

  private mutating func values<Element: ArrayElement>(
    _ type: Element.Type, _ count: Int
  ) throws -> [Element] {
    let (size, isTooLarge) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
    guard count >= 0, !isTooLarge, size <= bytes.count - place else { throw problem }
    defer { place += size }
    return bytes.withUnsafeBytes { bytes in
      (0..<count).map {
        bytes.loadUnaligned(
          fromByteOffset: place + $0 * MemoryLayout<Element>.stride, as: Element.self)
      }
    }
  }

  /// What is wrong with a state that does not fit.
  var problem: ArchiveError {
    ArchiveError(
      .layout,
      "\(folder): what the last part keeps to go on from does not fit this program; begin anew with --force"
    )
  }
}
