import Archive
import Foundation

/// Finds data files and study files: from the working folder, or beside the package the program was built in.
public enum DataLocation {
  /// The path to open for `name`: as given when it exists there, else below the package's root.
  public static func resolve(_ name: String) -> String {
    if name.hasPrefix("/") || FileManager.default.fileExists(atPath: name) { return name }
    var folder = URL(fileURLWithPath: "/proc/self/exe")
      .resolvingSymlinksInPath().deletingLastPathComponent()
    while folder.path != "/" {
      let candidate = folder.appendingPathComponent(name).path
      if FileManager.default.fileExists(atPath: candidate) { return candidate }
      folder.deleteLastPathComponent()
    }
    return name
  }

  /// The path of the data set `name`.
  /// - Throws: ``StudyError`` when it is one of those that are not part of the package and was not fetched yet.
  static func dataSet(_ name: String) throws -> String {
    let path = resolve(name)
    guard path.contains("data/fetched/"), !FileManager.default.fileExists(atPath: path),
      !RunPlace(path).isSealed
    else { return path }
    throw StudyError(message: "the data set \(path) is not there; tools/fetch-data --full makes it")
  }
}
