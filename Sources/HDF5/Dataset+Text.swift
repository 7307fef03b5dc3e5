import Arrays
import CHDF5

/// Text.
extension Dataset {
  /// All strings, in C order. Both fixed-length and variable-length text is read, and fixed-length text without its padding.
  /// - Throws: ``HDF5Error/Code/mismatch`` for numbers, and for bytes that are no UTF-8: which letters they stand for is not
  ///   said in the file.
  public func readStrings() throws -> [String] {
    guard try elementType == .utf8 else {
      throw HDF5Error(.mismatch, "expected text, found numbers", file: file, path: path)
    }
    return try readTextBytes().map { bytes in
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw HDF5Error(
          .mismatch,
          "the text «\(StoredName(Array(bytes.prefix(40))).shown)» is not UTF-8; convert it, for "
            + "example with Python's bytes.decode(\"latin-1\")", file: file, path: path)
      }
      return text
    }
  }

  /// Writes all strings, in C order.
  public func writeStrings(_ texts: [String]) throws {
    try HDF5Library.synchronized {
      let count = try shape.reduce(1, *)
      guard texts.count == count else {
        throw HDF5Error(
          .mismatch, "expected \(count) strings, found \(texts.count)", file: file, path: path)
      }
      if let text = texts.first(where: { $0.utf8.contains(0) }) {
        throw HDF5Error(
          .mismatch,
          "the text «\(text.prefix { $0 != "\0" })…» holds a zero byte, where text ends in HDF5; remove it",
          file: file, path: path)
      }
      // One block of memory for all strings: HDF5 takes pointers and copies.
      var bytes: [CChar] = []
      var places: [Int] = []
      for text in texts {
        places.append(bytes.count)
        bytes += text.utf8.map { CChar(bitPattern: $0) } + [0]
      }
      try bytes.withUnsafeBufferPointer { bytes in
        guard let base = bytes.baseAddress else { return }
        let pointers: [UnsafePointer<CChar>?] = places.map { base + $0 }
        _ = try ElementType.utf8.with { type in
          try check(
            H5Dwrite(
              identifier.value, type, isotherm_space_all(), isotherm_space_all(),
              isotherm_plist_default(), pointers), "cannot write the text", file: file, path: path)
        }
      }
    }
  }
}
