/// Parts of a path. Foundation's `deletingLastPathComponent` traps on a path of one character (Swift 6.3.1).
public enum FilePath {
  /// The folder that a path lies in; `.` for a bare name.
  public static func folder(of path: String) -> String {
    guard let slash = trimmed(path).lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The last part of a path.
  public static func name(of path: String) -> String {
    let path = trimmed(path)
    guard let slash = path.lastIndex(of: "/") else { return String(path) }
    return String(path[path.index(after: slash)...])
  }

  private static func trimmed(_ path: String) -> Substring {
    var path = path[...]
    while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
    return path
  }
}
