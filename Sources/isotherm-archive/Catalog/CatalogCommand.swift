import Archive
import ArgumentParser
import Console
import Foundation

/// `isotherm-archive catalog FOLDER`
struct CatalogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "catalog",
    abstract: "List the archives of a folder tree as a table.",
    discussion: """
      Columns, filters and the order name configuration keys (training.rate), provenance (seed, commit, processor), \
      kind, title, sealed, or arrays (/checkpoints/test_accuracy, or just test_accuracy): the last value of a stream, \
      the mean of a short array. What was read is kept in \(CatalogCache.name) in the folder; it may be removed at \
      any time.
      """)

  @Argument(help: "Folder.")
  var folder: String

  @Option(help: "Columns beside the path, separated by commas.")
  var columns = "kind,title,seed,finished"

  @Option(
    name: .customLong("where"),
    help:
      "Keep archives with KEY=VALUE, KEY!=VALUE, KEY<VALUE or KEY>VALUE. May be given several times."
  )
  var filters: [String] = []

  @Option(parsing: .unconditional, help: "Column to sort by; -KEY for descending.")
  var sort = "path"

  @Flag(help: "Print comma-separated values.")
  var csv = false

  @Flag(help: "Read every archive again and keep no cache.")
  var noCache = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    let conditions = try filters.map(Condition.init)
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue
    else { throw ArchiveError(.refused, "\(folder) is not a folder; check the path") }
    var entries = try CatalogScan(folder, cached: !noCache).entries
    var names: [String] = []
    for name in columns.split(separator: ",").map(String.init)
    where name != "path" && !names.contains(name) { names.append(name) }
    try checkColumns(names + conditions.map(\.key) + [sortKey], entries)
    entries = entries.filter { entry in conditions.allSatisfy { $0.holds(entry.value($0.key)) } }
    let descending = sort.hasPrefix("-")
    entries.sort {
      let order = Condition.compare($0.value(sortKey), $1.value(sortKey))
      return order == .orderedSame ? $0.path < $1.path : (order == .orderedAscending) != descending
    }
    if common.json {
      return try Console.output(
        json: entries.map { entry in
          Dictionary((["path"] + names).map { ($0, entry.value($0)) }) { first, _ in first }
        })
    }
    var table = Table(["path"] + names)
    for entry in entries { table.add((["path"] + names).map { entry.value($0) }) }
    Console.output(csv ? table.csv : table.text)
  }

  private var sortKey: String { sort.hasPrefix("-") ? String(sort.dropFirst()) : sort }

  /// A column that no archive has is a typing error.
  private func checkColumns(_ names: [String], _ entries: [CatalogEntry]) throws {
    guard !entries.isEmpty else { return }
    for name in names where name != "path" && entries.allSatisfy({ $0.value(name).isEmpty }) {
      let keys = Set(entries.flatMap(\.values.keys)).sorted()
      if keys.contains(name) { continue }
      let near = keys.filter { $0.lowercased().contains(name.lowercased().suffix(4)) }.prefix(5)
      throw UsageError(
        "no archive below \(folder) has «\(name)»"
          + (near.isEmpty ? "" : "; there is \(near.joined(separator: ", "))"))
    }
  }

  /// One `--where`.
  struct Condition {
    let key: String
    private let relation: String
    private let value: String

    init(_ text: String) throws {
      for relation in ["!=", "<", ">", "="] {
        if let place = text.range(of: relation), place.lowerBound != text.startIndex {
          key = String(text[..<place.lowerBound])
          (self.relation, value) = (relation, String(text[place.upperBound...]))
          return
        }
      }
      throw UsageError("--where \(text): expected KEY=VALUE, KEY!=VALUE, KEY<VALUE or KEY>VALUE")
    }

    func holds(_ found: String) -> Bool {
      let order = Self.compare(found, value)
      switch relation {
      case "=": return order == .orderedSame
      case "!=": return order != .orderedSame
      case "<": return !found.isEmpty && order == .orderedAscending
      default: return !found.isEmpty && order == .orderedDescending
      }
    }

    /// Numbers by value, anything else by its letters.
    static func compare(_ a: String, _ b: String) -> ComparisonResult {
      guard let x = Double(a), let y = Double(b) else { return a.compare(b) }
      return x == y ? .orderedSame : x < y ? .orderedAscending : .orderedDescending
    }
  }
}
