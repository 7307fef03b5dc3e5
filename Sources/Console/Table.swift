/// A plain-text table: left-aligned words, right-aligned numbers, a rule under the header.
public struct Table: Sendable {
  private let header: [String]
  private var rows: [[String]] = []

  /// A table with these column titles.
  public init(_ header: [String]) { self.header = header }

  /// Adds a row; one cell a column.
  public mutating func add(_ cells: [String]) { rows.append(cells) }

  /// The table as lines of text.
  public var text: String {
    let columns = header.indices
    let widths = columns.map { column in
      ([header] + rows).map { $0[column].count }.max() ?? 0
    }
    let numeric = columns.map { column in
      !rows.isEmpty
        && rows.allSatisfy { row in
          row[column].allSatisfy { "0123456789.+-–%∞e[], ".contains($0) }
        }
    }
    func line(_ cells: [String]) -> String {
      columns.map { column in
        let gap = String(repeating: " ", count: widths[column] - cells[column].count)
        return numeric[column] ? gap + cells[column] : cells[column] + gap
      }.joined(separator: "  ").trimmingTrailingSpaces
    }
    let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
    return ([line(header), rule] + rows.map(line)).joined(separator: "\n")
  }

  /// The table as comma-separated values.
  public var csv: String {
    ([header] + rows).map { row in
      row.map { cell in
        // By scalars: a carriage return and a line feed are one character, which is neither.
        cell.unicodeScalars.contains(where: { ",\"\n\r".unicodeScalars.contains($0) })
          ? "\"" + cell.replacing("\"", with: "\"\"") + "\"" : cell
      }.joined(separator: ",")
    }.joined(separator: "\n")
  }
}

extension String {
  fileprivate var trimmingTrailingSpaces: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
