import Foundation

/// Why a file cannot be opened or made, and what mends it.
extension File {
  static func refusal(_ path: String, _ stack: [String], creating: Bool) -> HDF5Error {
    let text = stack.joined(separator: "; ")
    let refused: (HDF5Error.Code, String)
    if text.contains("unable to lock file") {
      refused = (
        .locked, "another process has it open for writing; wait until that program has ended"
      )
    } else if text.contains("No space left") {
      refused = (.refused, "the disk is full; free some space and try again")
    } else if creating {
      refused = whyNotMade(path, stack)
    } else {
      refused = whyNotOpened(path, text, stack)
    }
    return HDF5Error(refused.0, refused.1, file: path, stack: stack)
  }

  private static func whyNotMade(_ path: String, _ stack: [String]) -> (HDF5Error.Code, String) {
    let manager = FileManager.default
    let place = parentFolder(path)
    if manager.fileExists(atPath: path) {
      return (.refused, "it exists already; pass --force to replace it")
    }
    if !manager.fileExists(atPath: place) {
      return (.refused, "the folder \(place) does not exist; make it first")
    }
    if !manager.isWritableFile(atPath: place) {
      return (.refused, "no permission to write in \(place); choose another folder with -o")
    }
    return (.failed, "cannot create the file (\(stack.last ?? "no reason given"))")
  }

  private static func whyNotOpened(
    _ path: String, _ text: String, _ stack: [String]
  ) -> (HDF5Error.Code, String) {
    let manager = FileManager.default
    guard manager.fileExists(atPath: path) else {
      return (.missingFile, "no such file; check the path")
    }
    guard manager.isReadableFile(atPath: path) else {
      return (.refused, "no permission to read it; ask its owner, or chmod +r")
    }
    if text.contains("SWMR") || text.contains("already open for write") {
      return (
        .locked,
        "another program is writing it (single writer, multiple readers), or was killed while it did; "
          + "wait until it has closed the file, or mark it closed with h5clear -s"
      )
    }
    if text.contains("truncated file") {
      return (
        .notReadable, "the file is cut short; fetch or copy it again, or run recover on its run"
      )
    }
    if text.contains("file signature not found") {
      return (.notReadable, foreignFormat(path))
    }
    if text.contains("version") {
      return (
        .notReadable,
        "it is of a later HDF5 than this library (\(hdf5Version()) reads up to 1.10), or damaged; write it "
          + "anew with libver=\"v110\", or h5repack it (\(stack.last ?? "no reason given"))"
      )
    }
    return (.notReadable, "damaged HDF5 file (\(stack.last ?? "no reason given")); copy it again")
  }

  /// Formats that files called `.h5` or `.nc` turn out to be, by their first bytes.
  private static let formats: [(start: [UInt8], name: String)] = [
    (Array("CDF".utf8), "a netCDF-3 file; convert it with nccopy -k netCDF-4 IN OUT"),
    ([0x93] + Array("NUMPY".utf8), "a NumPy array; store it in HDF5 with h5py"),
    (
      [0x50, 0x4B, 3, 4],
      "a zip archive (.npz, .keras, PyTorch); store its arrays in HDF5 with h5py"
    ),
    ([0x1F, 0x8B], "compressed with gzip; unpack it first"),
    ([0x28, 0xB5, 0x2F, 0xFD], "compressed with zstd; unpack it first"),
    (Array("BZh".utf8), "compressed with bzip2; unpack it first"),
    (Array("MATLAB 5.0 MAT-file".utf8), "an old MATLAB file; save it with -v7.3"),
    ([0x0E, 0x03, 0x13, 0x01], "an HDF4 file; convert it with h4toh5"),
    ([0x80, 0x02], "a Python pickle; store its arrays in HDF5 with h5py"),
    ([0x80, 0x04], "a Python pickle; store its arrays in HDF5 with h5py"),
    (
      Array("version https://git-lfs".utf8),
      "a Git LFS pointer, not the file itself; run git lfs pull"
    ),
  ]

  private static func foreignFormat(_ path: String) -> String {
    let start = FileHandle(forReadingAtPath: path)?.readData(ofLength: 64) ?? Data()
    if start.isEmpty { return "the file is empty (0 bytes); fetch or copy it again" }
    if let format = formats.first(where: { start.starts(with: $0.start) }) {
      return "not an HDF5 file but \(format.name)"
    }
    return
      "not an HDF5 file, or its beginning is damaged; expected a run archive NAME.h5 or NAME.run; "
      + "`isotherm import FILE -o NAME` takes files of other programs"
  }
}
