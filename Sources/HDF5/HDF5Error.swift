import CHDF5
import Foundation

/// A failed call, or a file that is not what was expected.
public struct HDF5Error: Error, Sendable, CustomStringConvertible {
  /// What kind of failure it is; scripts and tests match on it.
  public enum Code: String, Sendable {
    /// No file of that name.
    case missingFile
    /// The file exists but is not HDF5, or its structure is damaged or cut short.
    case notReadable
    /// The operating system refused: permissions, space, an existing file.
    case refused
    /// Another process holds the file's lock.
    case locked
    /// No object of that name in the file.
    case missingObject
    /// The object exists with another type, rank or shape.
    case mismatch
    /// Any other failure of the library.
    case failed
  }

  /// The kind of failure.
  public let code: Code
  /// Action, object, reason and remedy in one sentence.
  public let message: String
  /// The file, when known.
  public let file: String?
  /// Place inside the file, when known.
  public let path: String?
  /// The library's own error stack, innermost last, copied before any other call.
  public let stack: [String]

  /// A failure with its place and the captured stack.
  public init(
    _ code: Code, _ message: String, file: String? = nil, path: String? = nil,
    stack: [String] = []
  ) {
    (self.code, self.message, self.file, self.path, self.stack) = (code, message, file, path, stack)
  }

  /// File, place and message.
  public var description: String {
    let place = [file, path].compactMap { $0 }.joined(separator: ":")
    return place.isEmpty ? message : "\(place): \(message)"
  }

  /// Copies the library's stack. «The error stack is cleared by the next call to any API function» (HDF5
  /// Reference Manual, H5E), so this comes first after a failure.
  static func capture() -> [String] {
    final class Lines { var lines: [String] = [] }
    let box = Lines()
    H5Ewalk2(
      isotherm_estack_default(), H5E_WALK_DOWNWARD,
      { _, record, data in
        guard let record, let data else { return 0 }
        let box = Unmanaged<Lines>.fromOpaque(data).takeUnretainedValue()
        let name = record.pointee.func_name.map { String(cString: $0) } ?? "?"
        let text = record.pointee.desc.map { String(cString: $0) } ?? ""
        box.lines.append("\(name): \(text)")
        return 0
      }, Unmanaged.passUnretained(box).toOpaque())
    return box.lines
  }
}

/// Checks the result of one call; negative means failure. Must run inside the lock.
@discardableResult
func check<Value: SignedInteger>(
  _ result: Value, _ message: @autoclosure () -> String, file: String? = nil, path: String? = nil,
  code: HDF5Error.Code = .failed
) throws -> Value {
  guard result < 0 else { return result }
  let stack = HDF5Error.capture()
  if stack.contains(where: { $0.contains("No space left on device") }) {
    throw HDF5Error(
      .refused, "the disk is full; free some space, then go on with --resume", file: file,
      path: path, stack: stack)
  }
  let reason = stack.last.map { " (\($0))" } ?? ""
  throw HDF5Error(code, message() + reason, file: file, path: path, stack: stack)
}
