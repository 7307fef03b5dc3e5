/// A checkpoint that cannot be read as asked: damaged, hostile, of a kind that is not supported, or without the tensor wanted.
public struct CheckpointError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure; scripts and tests match on it.
  public enum Code: String, Sendable {
    /// There is no such file or folder, or the system does not let it be read.
    case notReadable
    /// The bytes break the rules of their format, or promise more than the file holds.
    case damaged
    /// The file asks for what a reader of data must not do: run code, open other files.
    case forbidden
    /// A format, element type or architecture that is not supported.
    case unsupported
    /// No tensor of that name.
    case missing
    /// A tensor that the network has no place for.
    case unexpected
    /// A tensor or setting is there, but not as it must be.
    case mismatch
  }

  /// The kind of failure.
  public let code: Code
  /// The file.
  public let file: String
  /// The tensor, when it is about one.
  public let tensor: String?
  /// What must be there.
  public let expected: String
  /// What is there.
  public let found: String
  /// What mends it.
  public let remedy: String

  /// A failure in all its parts; `expected` and `found` read as in "expected …, found …".
  public init(
    _ code: Code, file: String, tensor: String? = nil, expected: String, found: String,
    remedy: String
  ) {
    (self.code, self.file, self.tensor) = (code, file, tensor)
    (self.expected, self.found, self.remedy) = (expected, found, remedy)
  }

  /// One line: file, tensor, expected, found, remedy.
  public var description: String {
    let place = tensor.map { " tensor \(Self.shown($0)):" } ?? ""
    return
      "\(Self.shown(file, limit: 4096)):\(place) expected \(expected), found \(found); \(remedy)"
  }

  /// Bytes that break the format's rules.
  static func damaged(
    _ file: String, tensor: String? = nil, expected: String, found: String
  ) -> CheckpointError {
    CheckpointError(
      .damaged, file: file, tensor: tensor, expected: expected, found: found,
      remedy: "fetch or copy the file again")
  }

  /// A text from a file on one line: control characters escaped, long ones cut.
  public static func shown(_ text: String, limit: Int = 200) -> String {
    var out = ""
    for scalar in text.unicodeScalars.prefix(limit) {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
        out += "\\u{" + String(scalar.value, radix: 16) + "}"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return text.unicodeScalars.count > limit ? out + "…" : out
  }
}
