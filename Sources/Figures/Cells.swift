/// Cells of a heat map on their way to pixels.
enum Cells {
  /// Rows and columns beyond which cells are averaged: two a pixel.
  static func limit(_ box: Rectangle, _ canvas: Canvas) -> (rows: Int, columns: Int) {
    let scale = 2 * max(canvas.scale, 2)
    return (max(1, Int(box.height * scale)), max(1, Int(box.width * scale)))
  }

  /// Means over blocks of whole cells, so that at most `limit` are left; a block without a number is NaN, one with an infinite number
  /// infinite.
  static func averaged(
    _ values: [Double], rows: Int, columns: Int, limit: (rows: Int, columns: Int)
  ) -> (values: [Double], rows: Int, columns: Int) {
    let down = max(1, (rows + limit.rows - 1) / limit.rows)
    let across = max(1, (columns + limit.columns - 1) / limit.columns)
    guard down > 1 || across > 1 else { return (values, rows, columns) }
    let (newRows, newColumns) = ((rows + down - 1) / down, (columns + across - 1) / across)
    var means = BlockMeans(count: newRows * newColumns)
    values.withUnsafeBufferPointer { values in
      for row in 0..<rows {
        let target = row / down * newColumns
        for column in 0..<columns {
          means.add(values[row * columns + column], to: target + column / across)
        }
      }
    }
    return (means.values, newRows, newColumns)
  }

  /// Colours as the canvas takes them; NaN has the colour `missing`, what lies beyond the domain that of its end.
  static func colors(
    _ values: [Double], _ map: ColorMap, _ domain: ClosedRange<Double>, _ missing: Color
  ) -> [UInt32] {
    let (low, high) = (domain.lowerBound, domain.upperBound)
    let span = high - low
    // A table of 1,024 colours: finer than the 8 bits a channel can show.
    let table = (0..<1024).map { map.color(Double($0) / 1023).packed }
    let none = missing.packed
    guard span.isFinite else {
      // The difference of the ends is more than a number can be: that of their halves is not.
      return values.map { value in
        guard !value.isNaN else { return none }
        let place = (value / 2 - low / 2) / (high / 2 - low / 2)
        return table[Int((min(max(place, 0), 1) * 1023).rounded())]
      }
    }
    return values.map { value in
      guard !value.isNaN else { return none }
      let place = span > 0 ? (value - low) / span : 0.5
      return table[Int((min(max(place, 0), 1) * 1023).rounded())]
    }
  }
}
