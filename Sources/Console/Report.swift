import Foundation

/// A result that is told three ways: as a table, as JSON, as CSV.
public struct Report: Sendable, Encodable {
  /// One cell.
  public enum Cell: Sendable, Encodable {
    /// Words.
    case text(String)
    /// A number and the digits after the point that a table shows.
    case number(Double, digits: Int)
    /// A whole number.
    case integer(Int)

    /// As a table shows it.
    var table: String {
      switch self {
      case .text(let text): text
      case .number(let value, let digits): Format.fixed(value, digits)
      case .integer(let value): String(value)
      }
    }

    /// With all digits.
    var exact: String {
      switch self {
      case .text(let text): text
      case .number(let value, _): value.isNaN ? "" : String(value)
      case .integer(let value): String(value)
      }
    }

    /// Text as text, numbers as numbers, not-a-number as null.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .text(let text): try container.encode(text)
      case .number(let value, _):
        if value.isFinite { try container.encode(value) } else { try container.encodeNil() }
      case .integer(let value): try container.encode(value)
      }
    }
  }

  /// What was analysed.
  public let name: String
  /// Key of each column in JSON and CSV, and its title in a table.
  public let columns: [(key: String, title: String)]
  /// Cells, one a column.
  public private(set) var rows: [[Cell]] = []
  /// Sentences under the table.
  public var notes: [String] = []
  /// The metrics file, when one was written.
  public var path: String?

  /// An empty report.
  public init(_ name: String, _ columns: [(key: String, title: String)]) {
    (self.name, self.columns) = (name, columns)
  }

  /// Adds a row; one cell a column.
  public mutating func add(_ cells: [Cell]) {
    precondition(cells.count == columns.count, "one cell a column")
    rows.append(cells)
  }

  /// As a table with its notes.
  public var text: String {
    var table = Table(columns.map(\.title))
    for row in rows { table.add(row.map(\.table)) }
    return ([table.text] + notes).joined(separator: "\n")
  }

  /// As comma-separated values.
  public var csv: String {
    var table = Table(columns.map(\.key))
    for row in rows { table.add(row.map(\.exact)) }
    return table.csv
  }

  private struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(_ text: String) { stringValue = text }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// `{"analysis", "path", "notes", "rows": [{key: value}]}`
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(name, forKey: Key("analysis"))
    try container.encode(notes, forKey: Key("notes"))
    if let path { try container.encode(path, forKey: Key("path")) }
    var list = container.nestedUnkeyedContainer(forKey: Key("rows"))
    for row in rows {
      var item = list.nestedContainer(keyedBy: Key.self)
      for (column, cell) in zip(columns, row) { try item.encode(cell, forKey: Key(column.key)) }
    }
  }
}
