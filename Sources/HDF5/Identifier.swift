import CHDF5

/// The one owner of an HDF5 identifier; closes it when it goes.
final class Identifier: @unchecked Sendable {
  /// The library's number.
  let value: hid_t
  private var open = true
  private let closing: (hid_t) -> herr_t

  /// Adopts `value`, which must already have passed ``check(_:_:file:path:code:)``.
  init(_ value: hid_t, closing: @escaping (hid_t) -> herr_t) {
    self.value = value
    self.closing = closing
  }

  /// Closes now and reports a failure, which for a file is a failure to write it out.
  func close(_ message: @autoclosure () -> String, file: String? = nil) throws {
    try HDF5Library.synchronized {
      guard open else { return }
      open = false
      try check(closing(value), message(), file: file)
    }
  }

  deinit {
    guard open else { return }
    let (value, closing) = (value, closing)
    // Closing a file closes the identifiers of its objects too (H5F_CLOSE_STRONG).
    HDF5Library.synchronized { if H5Iis_valid(value) > 0 { _ = closing(value) } }
  }
}
