extension PanelPainter {
  /// Marks at the edge of a panel, one a pixel, where points are beyond an axis: infinite, or not positive on a logarithmic one.
  func drawBeyond(_ mark: Panel.Mark, _ canvas: Canvas, _ box: Rectangle) {
    let (xs, ys, color): ([Double], [Double], Color)
    switch mark {
    case .line(let a, let b, let style): (xs, ys, color) = (a, b, style.color)
    case .points(let a, let b, let c, _, _): (xs, ys, color) = (a, b, c)
    default: return
    }
    var last = (x: -1.0, y: -1.0)
    for (a, b) in zip(xs, ys) {
      guard let beyond = panel.beyond(a, b) else { continue }
      let x = box.x + min(max(beyond.x, 0), 1) * box.width
      let y = box.maxY - min(max(beyond.y, 0), 1) * box.height
      guard abs(x - last.x) > 0.5 || abs(y - last.y) > 0.5 else { continue }
      last = (x, y)
      let size = min(3.2, box.height / 3)
      if beyond.y > 1 || beyond.y < 0 {
        let inward = beyond.y > 1 ? size : -size
        canvas.fill([(x, y), (x - size * 0.7, y + inward), (x + size * 0.7, y + inward)], color)
      } else {
        let inward = beyond.x > 1 ? -size : size
        canvas.fill([(x, y), (x + inward, y - size * 0.7), (x + inward, y + size * 0.7)], color)
      }
    }
  }
}

extension Panel {
  /// The place of a point that lies beyond an axis, in shares of the panel; nil for one within it, or without a number.
  func beyond(_ x: Double, _ y: Double) -> (x: Double, y: Double)? {
    let (across, up) = (self.x.scale, self.y.scale)
    // Nearly all points end here.
    if across.domain.contains(x), up.domain.contains(y) { return nil }
    guard !x.isNaN, !y.isNaN else { return nil }
    func place(_ scale: Scale, _ value: Double) -> Double {
      scale.kind.isLog && value <= 0 ? -.infinity : scale.place(value)
    }
    let found = (x: place(across, x), y: place(up, y))
    // A little beyond is where the edge of a mark still shows.
    let near = -0.02...1.02
    return near.contains(found.x) && near.contains(found.y) ? nil : found
  }

  /// Whether a mark has a number to show; cells show their gaps.
  var hasInk: Bool {
    marks.contains { mark in
      switch mark {
      case .line(let xs, let ys, _), .points(let xs, let ys, _, _, _), .polygon(let xs, let ys, _):
        zip(xs, ys).contains { !$0.isNaN && !$1.isNaN }
      case .band(let xs, let lower, let upper, _), .errors(let xs, let lower, let upper, _):
        zip(xs, zip(lower, upper)).contains { !$0.isNaN && !$1.0.isNaN && !$1.1.isNaN }
      case .bars(_, _, let top, _, _): top.contains { !$0.isNaN }
      case .boxes(let boxes, _, _): !boxes.isEmpty
      case .arrows(let xs, _, _, _, _): !xs.isEmpty
      case .contours(let values, _, _, _, _), .cells(let values, _, _, _, _): !values.isEmpty
      case .picture(let pixels, _, _): !pixels.isEmpty
      case .words: true
      case .level, .vertical: false
      }
    }
  }
}
