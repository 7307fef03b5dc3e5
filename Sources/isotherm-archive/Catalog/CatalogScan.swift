import Archive
import Console
import Foundation

/// Finds the archives of a folder tree.
struct CatalogScan {
  /// In the order of their paths.
  private(set) var entries: [CatalogEntry] = []

  init(_ folder: String, cached: Bool) throws {
    let paths = Self.archives(folder)
    let cache = cached ? CatalogCache(folder) : nil
    var fresh: [(stamp: String, entry: CatalogEntry)] = []
    for path in paths {
      let stamp = Self.stamp(path)
      if let known = cache?.entry(path, stamp: stamp) {
        entries.append(known)
        continue
      }
      do {
        let entry = try CatalogEntry(path)
        entries.append(entry)
        fresh.append((stamp, entry))
      } catch {
        // Other people's HDF5 files, and damaged ones, do not spoil the list of the others.
        Console.note("left out \(path): \(Console.message(for: error))")
      }
    }
    cache?.remember(fresh, present: paths)
  }

  private static func archives(_ folder: String) -> [String] {
    guard let walk = FileManager.default.enumerator(atPath: folder) else { return [] }
    var found: [String] = []
    for case let name as String in walk {
      if name.hasSuffix(".run") {
        walk.skipDescendants()
        // A folder whose sealed file is there is on its way out.
        let sealed = folder + "/" + name.dropLast(4) + ".h5"
        if !FileManager.default.fileExists(atPath: sealed) { found.append(folder + "/" + name) }
      } else if name.hasSuffix(".h5") {
        found.append(folder + "/" + name)
      }
    }
    return found.sorted()
  }

  /// Size and time of the file, or of the index of a run that goes on.
  private static func stamp(_ path: String) -> String {
    let file = path.hasSuffix(".run") ? path + "/index.h5" : path
    var status = stat()
    guard stat(file, &status) == 0 else { return "" }
    return "\(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
  }
}
