import Archive
import Arrays
import Foundation
import HDF5

/// Labelled grey images of one size, with fixed splits.
public struct ImageSet: Sendable {
  /// Grey values `[sample, y, x]`, 0 black to 255 white.
  public let images: NDArray<UInt8>
  /// Class of each sample.
  public let labels: [Int32]
  /// Samples of the training split, in the file's order.
  public let trainIndices: [Int]
  /// Samples of the test split: never trained on or fitted to.
  public let testIndices: [Int]
  /// Name of each class.
  public let classNames: [String]
  /// The file as a source of provenance.
  public let source: Provenance.Source
  /// What of the file does not have the hash stored beside it; nil when all has.
  public let warning: String?
  /// Mean and standard deviation of the training pixels, scaled to 0 … 1.
  public let mean: Float, deviation: Float

  /// Reads a data set in the archive's layout.
  /// - Throws: when the file is missing, damaged, or not a labelled image set.
  public init(_ path: String) throws {
    let reader = try RunReader(path, expecting: [.dataset])
    let shape = try reader.describe(Layout.Samples.image).shape
    guard shape.count == 3, shape.allSatisfy({ $0 > 0 }) else {
      throw ArchiveError(
        .layout,
        "\(path):\(Layout.Samples.image): expected 3 axes [sample, y, x], found \(shape.count) of "
          + "lengths \(shape)")
    }
    images = try reader.readHashed(Layout.Samples.image)
    let split = try LabelledSplit(reader, count: shape[0], noun: "images")
    (labels, classNames) = (split.labels, split.classNames)
    (trainIndices, testIndices) = (split.trainIndices, split.testIndices)
    (source, warning) = (try reader.asSource(using: ["/"]), try reader.staleHashes())
    (mean, deviation) = Self.statistics(images, trainIndices)
  }

  /// Images that are all one grey are not divided by less.
  private static let smallestDeviation = 1e-6

  private static func statistics(
    _ images: NDArray<UInt8>, _ indices: [Int]
  ) -> (mean: Float, deviation: Float) {
    let size = images.shape[1] * images.shape[2]
    var histogram = [Int](repeating: 0, count: 256)
    images.elements.withUnsafeBufferPointer { pixels in
      for index in indices {
        for i in index * size..<(index + 1) * size { histogram[Int(pixels[i])] += 1 }
      }
    }
    let count = Double(indices.count * size)
    let values = (0..<256).map { Double($0) / 255 }
    let mean = zip(values, histogram).reduce(0) { $0 + $1.0 * Double($1.1) } / count
    let variance =
      zip(values, histogram).reduce(0) { $0 + ($1.0 - mean) * ($1.0 - mean) * Double($1.1) }
      / count
    return (Float(mean), Float(max(variance.squareRoot(), smallestDeviation)))
  }

  /// Height and width of an image.
  public var size: (height: Int, width: Int) { (images.shape[1], images.shape[2]) }
}
