extension PanelPainter {
  /// Puts each level's word above or below it, at the left or right, where the panel's lines leave room.
  func drawLevelWords(_ canvas: Canvas, _ box: Rectangle) {
    for case .level(let value, let color, let words) in panel.marks where !words.isEmpty {
      let place = y(value, box)
      guard place > box.y, place < box.maxY else { continue }
      let (words, size) = fitted(words, canvas, room: box.width - 6)
      let share = canvas.width(words, size: size) / max(box.width, 1)
      let span = [1 - share...1.0, 0.0...share]
      var best = (clearance: -1.0, baseline: place - 2.5, isAtEnd: true)
      // Close to the line if its curves leave room there, else in the nearest gap between them.
      for distance in stride(from: 0, to: box.height * 0.6, by: size / 2) {
        guard best.clearance < size * 0.7 / box.height else { break }
        for baseline in [place - 2.5 - distance, place + size + distance] {
          guard baseline - size * 0.8 > box.y, baseline + size * 0.2 < box.maxY else { continue }
          let middle = panel.y.scale.place(value) + (place - (baseline - size * 0.3)) / box.height
          for isAtEnd in [true, false] {
            let found = clearance(of: middle, over: span[isAtEnd ? 0 : 1])
            if found > best.clearance { best = (found, baseline, isAtEnd) }
          }
        }
      }
      canvas.text(
        words, x: best.isAtEnd ? box.maxX - 3 : box.x + 3,
        y: best.baseline, size: size, color,
        anchor: best.isAtEnd ? .end : .start, isInside: true)
    }
  }

  /// The words, or where they would be cut what stands before their comma.
  private func fitted(
    _ words: String, _ canvas: Canvas, room: Double
  ) -> (text: String, size: Double) {
    let whole = canvas.fitted(words, size: fontSize * 0.9, room: room)
    guard whole.text.hasSuffix("…"), let comma = words.firstIndex(of: ",") else { return whole }
    return canvas.fitted(String(words[..<comma]), size: fontSize * 0.9, room: room)
  }

  /// Smallest distance of the panel's lines from a height over a part of the width, both in shares of the panel.
  private func clearance(of height: Double, over span: ClosedRange<Double>) -> Double {
    var smallest = Double.infinity
    for case .line(let xs, let ys, _) in panel.marks {
      let points = zip(xs, ys).map { (panel.x.scale.place($0), panel.y.scale.place($1)) }
      for (a, b) in zip(points, points.dropFirst()) where a.1.isFinite && b.1.isFinite {
        // The piece of the line within the span, by its ends.
        guard b.0 >= span.lowerBound, a.0 <= span.upperBound else { continue }
        for end in [max(a.0, span.lowerBound), min(b.0, span.upperBound)] {
          let share = b.0 > a.0 ? (end - a.0) / (b.0 - a.0) : 0
          smallest = min(smallest, abs(a.1 + share * (b.1 - a.1) - height))
        }
        if (a.1 - height) * (b.1 - height) < 0, a.0 >= span.lowerBound, b.0 <= span.upperBound {
          smallest = 0
        }
      }
    }
    return smallest
  }
}
