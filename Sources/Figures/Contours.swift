/// Lines of equal value through a grid, by marching squares (Lorensen & Cline 1987 in two dimensions).
package enum Contours {
  /// Pieces of the line at `level`; x to the right and y downwards in cells, the middle of the first cell at (0.5, 0.5). A square
  /// with a corner that is no number has none. A saddle is cut by the mean of its corners.
  package static func segments(
    _ values: [Double], rows: Int, columns: Int, level: Double
  ) -> [[(x: Double, y: Double)]] {
    var out: [[(x: Double, y: Double)]] = []
    for row in 0..<max(0, rows - 1) {
      for column in 0..<max(0, columns - 1) {
        let place = row * columns + column
        // Clockwise from the top left.
        let corners = [
          values[place], values[place + 1], values[place + columns + 1], values[place + columns],
        ]
        guard corners.allSatisfy({ $0.isFinite }) else { continue }
        let above = corners.map { $0 > level }
        let crossed = (0..<4).filter { above[$0] != above[($0 + 1) % 4] }
        guard !crossed.isEmpty else { continue }
        let points = crossed.map { edge -> (x: Double, y: Double) in
          let share = (level - corners[edge]) / (corners[(edge + 1) % 4] - corners[edge])
          let (x, y) = (Double(column) + 0.5, Double(row) + 0.5)
          switch edge {
          case 0: return (x + share, y)
          case 1: return (x + 1, y + share)
          case 2: return (x + 1 - share, y + 1)
          default: return (x, y + 1 - share)
          }
        }
        if points.count == 2 {
          out.append(points)
        } else {
          let isMiddleAbove = corners.reduce(0, +) / 4 > level
          let order = isMiddleAbove == above[0] ? [0, 1, 2, 3] : [3, 0, 1, 2]
          out.append([points[order[0]], points[order[1]]])
          out.append([points[order[2]], points[order[3]]])
        }
      }
    }
    return out
  }
}
