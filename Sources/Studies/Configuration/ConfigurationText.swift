import Arrays
import Console
import Foundation

/// The text of a study, problem or plan file.
enum ConfigurationText {
  /// Far more than any file written by hand; a device would be read for ever.
  private static let limit = 16 << 20

  /// Reads `path`; `what` it is stands in messages.
  /// - Throws: ``Console/UsageError`` for what is missing, no file, too large, or no UTF-8 text.
  static func read(_ path: String, what: String) throws -> String {
    func refusal(_ reason: String) -> UsageError {
      UsageError("cannot read the \(what) \(path): \(reason)")
    }
    var status = stat()
    guard stat(path, &status) == 0 else {
      let reason = String(cString: strerror(errno))
      throw refusal("\(reason); \(nearest(path).map { "did you mean \($0)?" } ?? "check the path")")
    }
    // A shell's <(command) is a pipe that is open already; one that has a name may never be written to.
    let isOpen =
      path.hasPrefix("/dev/fd/") || path.hasPrefix("/proc/self/fd/") || path == "/dev/stdin"
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFIFO where isOpen: break
    case S_IFDIR: throw refusal("it is a folder; pass a YAML file")
    default: throw refusal("it is not a file; pass a YAML file")
    }
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw refusal("\(String(cString: strerror(errno))); check the permissions")
    }
    let bytes: Data
    do {
      bytes = try handle.read(upToCount: limit + 1) ?? Data()
    } catch {
      throw refusal(error.localizedDescription)
    }
    guard bytes.count <= limit else {
      throw refusal("it is longer than \(limit >> 20) MiB; pass a YAML file")
    }
    guard let text = String(data: bytes, encoding: .utf8) else {
      throw refusal("it is not UTF-8 text; save it as UTF-8")
    }
    return text
  }

  /// The YAML file in the same folder, here or in the package, whose name is nearest; nil when none is near.
  private static func nearest(_ path: String) -> String? {
    let start = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    let (folder, last) = (String(path[..<start]), String(path[start...]))
    let place = folder.isEmpty ? "." : DataLocation.resolve(folder)
    let files = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
    let names = files.filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".yml") }.sorted()
    return NameDistance.meant(by: last, among: names).map { folder + $0 }
  }
}
