extension DiffusionOperator {
  /// ½ Σ D|∇u|² over the faces between cells, without the cells' volume: -½⟨u, ∇·(D∇u)⟩ as a sum of squares.
  ///
  /// The product with u is the same number but for rounding, of which it has as much as u² at a face: about an offset, or when the
  /// field has become even, nothing but rounding is left of it, of either sign. Squares of differences are never negative (second
  /// order) and know no offset. A Dirichlet edge is a face to a 0.
  public func energy(_ u: [Double]) -> Double {
    let (rows, columns, w) = (grid.rows, grid.columns, channels)
    let scale = 1 / (2 * spacing * spacing)
    var total = 0.0
    for (n, lines, step, stride) in [
      (columns, rows, 1, columns), (rows, columns, columns, 1),
    ] where n > 1 {
      for line in 0..<lines {
        for index in 0..<n {
          let cell = line * stride + index * step
          for c in 0..<w {
            let here = u[cell * w + c]
            func value(_ shift: Int) -> Double {
              u[(line * stride + (index + shift) % n * step) * w + c]
            }
            if order == 4 {
              let (near, far) = (value(1) - here, value(2) - here)
              total += scale * faceDiffusivity(cell, cell, c) * (16 * near * near - far * far) / 12
            } else if index + 1 < n || boundary == .periodic {
              let other = line * stride + (index + 1) % n * step
              let difference = value(1) - here
              total += scale * faceDiffusivity(cell, other, c) * difference * difference
            }
            if boundary == .dirichlet, index == 0 || index + 1 == n {
              total += scale * faceDiffusivity(cell, cell, c) * here * here
            }
          }
        }
      }
    }
    return total
  }

  /// D of the face between two cells: the mean of theirs.
  private func faceDiffusivity(_ cell: Int, _ other: Int, _ channel: Int) -> Double {
    switch diffusivity {
    case .uniform(let value): value
    case .perChannel(let values): values[channel]
    case .perPosition(let values): (values[cell] + values[other]) / 2
    }
  }
}
