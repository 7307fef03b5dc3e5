import Arrays

/// The type of a tensor's elements as a checkpoint stores them.
public enum TensorType: Sendable, Hashable, CustomStringConvertible {
  /// Numbers that Isotherm computes with.
  case number(ElementType)
  /// One byte each, 0 or 1.
  case boolean
  /// A type that is known by name but not read: quantised, complex, of 8 bits.
  case unreadable(String)

  /// Bytes an element takes; nil for one that is not read.
  public var byteCount: Int? {
    switch self {
    case .number(let type): type.byteCount
    case .boolean: 1
    case .unreadable: nil
    }
  }

  /// The type's name.
  public var description: String {
    switch self {
    case .number(let type): type.rawValue
    case .boolean: "bool"
    case .unreadable(let name): name
    }
  }
}

/// What a checkpoint says of one tensor.
public struct TensorInfo: Sendable, Hashable {
  /// Its name in the file.
  public let name: String
  /// Lengths of the axes, slowest first; empty for a scalar.
  public let shape: [Int]
  /// Type of the elements.
  public let type: TensorType
  /// Number of elements.
  public let count: Int

  /// Lengths of the first axis; 1 for a scalar.
  public var rowCount: Int { shape.first ?? 1 }
  /// Elements of one row: everything but the first axis.
  public let rowElementCount: Int

  /// Nil when the product of the lengths, or the number of bytes, does not fit an `Int`, or a length is negative.
  public init?(name: String, shape: [Int], type: TensorType) {
    // Empty axes count as 1 here, so that the product over any of the axes fits.
    var product = type.byteCount ?? 1
    for length in shape {
      let (next, overflow) = product.multipliedReportingOverflow(by: max(length, 1))
      guard length >= 0, !overflow else { return nil }
      product = next
    }
    (self.name, self.shape, self.type) = (name, shape, type)
    count = shape.reduce(1, *)
    rowElementCount = shape.dropFirst().reduce(1, *)
  }

  /// Bytes of all elements; nil for a type that is not read.
  public var byteCount: Int? { type.byteCount.map { $0 * count } }

  /// Bytes of one row; nil for a type that is not read.
  var rowByteCount: Int? { type.byteCount.map { $0 * rowElementCount } }
}

/// Bounds on what one file may make a reader hold, whatever its size. Together they keep a reader's own memory below 64 MiB;
/// the largest checkpoints that people publish stay far below them.
enum Limits {
  /// Tensors in a file.
  static let tensors = 100_000
  /// Axes of a tensor.
  static let rank = 16
  /// Bytes of all tensor names of a file together.
  static let nameBytes = 16 << 20
  /// Bytes a packed member, or an HDF5 dataset, may have beyond the size of its file.
  static let unpackedExcess = 32 << 20
}
