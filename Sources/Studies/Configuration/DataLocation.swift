import Archive
import Foundation

/// Finds data files and study files: from the working folder, or among those that come with the programs.
public enum DataLocation {
  /// The path to open for `name`: as given when it exists there, else among the files that come with the programs.
  public static func resolve(_ name: String) -> String {
    if name.hasPrefix("/") || FileManager.default.fileExists(atPath: name) { return name }
    return ProgramHome.path(of: name) ?? name
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
