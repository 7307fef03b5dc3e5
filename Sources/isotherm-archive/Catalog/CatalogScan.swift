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
        for problem in entry.unreadable { Console.note("left out a value: \(problem)") }
        if entry.unreadable.isEmpty { fresh.append((stamp, entry)) }
      } catch {
        // Other people's HDF5 files, and damaged ones, do not spoil the list of the others.
        Console.note("left out \(path): \(Console.message(for: error))")
      }
    }
    cache?.remember(fresh, present: paths)
  }

  /// Archives in the tree. Links to folders are not followed; folders that cannot be read are named, and the others listed
  /// all the same.
  private static func archives(_ folder: String) -> [String] {
    var found: [String] = []
    var open = [folder]
    while let folder = open.popLast() {
      let names: [String]
      do {
        names = try FileManager.default.contentsOfDirectory(atPath: folder)
      } catch {
        Console.note("left out \(folder): \(error.localizedDescription)")
        continue
      }
      for name in names {
        let path = folder + "/" + name
        var status = stat()
        guard lstat(path, &status) == 0 else { continue }
        let isFolder = status.st_mode & S_IFMT == S_IFDIR
        if name.hasSuffix(".run") {
          // A folder whose sealed file is there is on its way out.
          let sealed = String(path.dropLast(4)) + ".h5"
          if !FileManager.default.fileExists(atPath: sealed) { found.append(path) }
        } else if isFolder {
          open.append(path)
        } else if name.hasSuffix(".h5") {
          found.append(path)
        }
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
