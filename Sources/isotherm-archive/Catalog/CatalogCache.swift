import Foundation
import GRDB

/// Remembers what archives hold, so that a tree of thousands is listed without opening each. It is never the truth: an
/// archive whose size or time has changed is read again, and a cache that cannot be read is made anew.
final class CatalogCache {
  static let name = ".isotherm-catalog.sqlite"
  private let queue: DatabaseQueue

  /// The cache of `folder`; nil where none can be kept.
  init?(_ folder: String) {
    let path = folder + "/" + Self.name
    if let queue = try? Self.open(path) {
      self.queue = queue
    } else {
      // Damaged, or of another version: nothing in it is worth keeping.
      for end in ["", "-journal", "-wal", "-shm"] {
        try? FileManager.default.removeItem(atPath: path + end)
      }
      guard let queue = try? Self.open(path) else { return nil }
      self.queue = queue
    }
  }

  private static func open(_ path: String) throws -> DatabaseQueue {
    let queue = try DatabaseQueue(path: path)
    try queue.write { db in
      try db.execute(
        sql: """
          CREATE TABLE IF NOT EXISTS archive_1
            (path TEXT PRIMARY KEY, stamp TEXT NOT NULL, entry TEXT NOT NULL)
          """)
      _ = try Row.fetchOne(db, sql: "SELECT path, stamp, entry FROM archive_1 LIMIT 1")
    }
    return queue
  }

  /// What is known of the archive at `path` with this stamp.
  func entry(_ path: String, stamp: String) -> CatalogEntry? {
    let text = try? queue.read { db in
      try String.fetchOne(
        db, sql: "SELECT entry FROM archive_1 WHERE path = ? AND stamp = ?",
        arguments: [path, stamp])
    }
    return text.flatMap { $0 }.flatMap {
      try? JSONDecoder().decode(CatalogEntry.self, from: Data($0.utf8))
    }
  }

  /// Remembers entries, and forgets all paths but `present`. A cache that cannot be written is as good as none.
  func remember(_ entries: [(stamp: String, entry: CatalogEntry)], present: [String]) {
    try? queue.write { db in
      for (stamp, entry) in entries {
        let text = String(decoding: try JSONEncoder().encode(entry), as: UTF8.self)
        try db.execute(
          sql: "INSERT OR REPLACE INTO archive_1 (path, stamp, entry) VALUES (?, ?, ?)",
          arguments: [entry.path, stamp, text])
      }
      let known = try String.fetchAll(db, sql: "SELECT path FROM archive_1")
      for path in Set(known).subtracting(present) {
        try db.execute(sql: "DELETE FROM archive_1 WHERE path = ?", arguments: [path])
      }
    }
  }
}
