import Foundation
import HDF5

/// Brings what a crash left into order.
public enum ArchiveRecovery {
  /// What was found and done; empty when all was in order.
  public static func run(_ place: RunPlace) throws -> [String] {
    let manager = FileManager.default
    var done: [String] = []
    // Whoever writes or seals holds the folder: what is theirs is not tidied away under their hands.
    let lock = place.hasFolder ? try FolderLock(place.folder) : nil
    defer { lock?.release() }
    let half = place.file + ".sealing"
    if manager.fileExists(atPath: half) {
      try manager.removeItem(atPath: half)
      done.append("removed \(half), a seal that was cut off; the parts it was made from are whole")
    }
    if place.isSealed {
      // The file gets its name after its fsync: once it is there, the folder is no longer needed.
      _ = try RunReader(place.file)
      if place.hasFolder {
        try place.removeParts(releasing: lock)
        done.append("removed \(place.folder): \(place.file) was sealed from it and is whole")
      }
      return done
    }
    guard place.hasFolder else {
      throw ArchiveError(
        .refused, "neither \(place.file) nor \(place.folder) exists; check the path")
    }
    for name in try manager.contentsOfDirectory(atPath: place.folder).sorted()
    where name.hasSuffix(".tmp") {
      try manager.removeItem(atPath: place.folder + "/" + name)
      done.append("removed \(place.folder)/\(name), which was never acknowledged")
    }
    let before = (try? RunReader(place.folder))?.acknowledgedRows ?? [:]
    lock?.release()
    let recorder = try Recorder.takeOver(place)
    let after = try RunReader(place.folder).acknowledgedRows
    if before != after {
      done.append(
        "wrote \(place.index) anew from \(recorder.earlierPartCount) whole parts")
    }
    return done
  }
}

extension RunReader {
  /// Length of the first axis of every array.
  var acknowledgedRows: [String: Int] {
    var rows: [String: Int] = [:]
    for path in (try? paths()) ?? [] where !path.isAboutArchive {
      rows[path] = (try? describe(path))?.shape.first ?? 0
    }
    return rows
  }
}
