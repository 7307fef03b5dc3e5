import Archive
import Corpora
import Foundation

extension StudyConfiguration.Data {
  /// What would be trained on now, as sources of provenance: the data set, and the vocabulary where it is a file of its own. Nil when
  /// a file is not there.
  ///
  /// Read once in the life of a process while the files stay as they are.
  func sources() throws -> [Provenance.Source]? {
    guard let path = try? RunPlace(DataLocation.resolve(file)).readable() else { return nil }
    var sources = [
      try SourceCache.shared.source(path) { path in
        try RunReader(path, expecting: [.dataset]).asSource(using: ["/"])
      }
    ]
    if case .text(let text) = modality, text.tokenizer == .wordpiece {
      let path = DataLocation.resolve(text.vocabularyFile)
      guard FileManager.default.fileExists(atPath: path) else { return nil }
      let vocabulary = try SourceCache.shared.source(path) { path in
        try WordPieceTokenizer.source(of: path)
      }
      sources.append(vocabulary)
    }
    return sources
  }
}

/// Files that were hashed, by name and by what the file system says of them.
final class SourceCache: @unchecked Sendable {
  static let shared = SourceCache()

  private struct Stamp: Hashable {
    let path: String
    let inode: UInt64, size: Int64, seconds: Int, nanoseconds: Int
  }

  private let lock = NSLock()
  private var known: [Stamp: Provenance.Source] = [:]

  /// The source that `read` makes of a file, or made of it before.
  func source(
    _ path: String, _ read: (String) throws -> Provenance.Source
  ) throws -> Provenance.Source {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw StudyError(message: "cannot read \(path): \(String(cString: strerror(errno)))")
    }
    let stamp = Stamp(
      path: path, inode: UInt64(status.st_ino), size: Int64(status.st_size),
      seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
    if let source = lock.withLock({ known[stamp] }) { return source }
    let source = try read(path)
    lock.withLock { known[stamp] = source }
    return source
  }
}
