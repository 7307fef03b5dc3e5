import Foundation

extension Figure {
  /// Draws the figure as an image.
  /// - Throws: ``FigureError`` when its texts and panels find no room on the page, with the size at which they do.
  public func draw(_ theme: Theme, dpi: Double) throws -> Canvas {
    try draw(theme, .image(dpi: dpi))
  }

  /// Draws the figure.
  /// - Throws: ``FigureError`` when its texts and panels find no room on the page, with the size at which they do.
  public func draw(_ theme: Theme, _ target: Canvas.Target) throws -> Canvas {
    try Font.exclusively { try drawn(theme, target) }
  }

  private func drawn(_ theme: Theme, _ target: Canvas.Target) throws -> Canvas {
    let canvas = try Canvas(
      width: width, height: height, target, background: theme.background)
    let painter = FigurePainter(figure: noted(canvas), theme: theme, canvas: canvas)
    painter.draw()
    try canvas.check()
    if let fault = painter.fault(slack: 0.5) { throw try tooSmall(fault, theme, target) }
    return canvas
  }

  /// The figure with what its drawing leaves out in its caption.
  private func noted(_ canvas: Canvas) -> Figure {
    var figure = self
    figure.caption = ([caption] + notes(canvas)).filter { !$0.isEmpty }.joined(separator: " ")
    return figure
  }

  /// The figure on a page that holds it: its own where it does, else a higher one of the same width, or where `mayWiden` one of
  /// other proportions. Nil when there is none.
  private func fitted(_ theme: Theme, mayWiden: Bool, mayHeighten: Bool = true) throws -> Figure? {
    let whole = noted(try Canvas(width: 1, height: 1, .nowhere, background: theme.background))
    // Panels of a narrow page must not be flat because its proportions were those of a wide one.
    if try whole.isLaidOut(theme, wantedHeight: mayWiden ? 0 : 0.45) { return self }
    var found: [Figure] = []
    for grows in [(false, true), (true, true), (true, false)]
    where (mayWiden || !grows.0) && (mayHeighten || !grows.1) {
      var (draft, factor) = (whole, 1.0)
      while factor < 60 {
        factor *= factor < 3 ? 1.06 : 1.12
        draft.width = grows.0 ? width * factor : width
        draft.height = grows.1 ? height * factor : height
        guard max(draft.width, draft.height) <= Self.longest else { break }
        // Once it must grow, its panels get a shape that can be read well.
        if try draft.isLaidOut(theme, wantedHeight: grows.1 ? 0.4 : 0) {
          found.append(draft)
          break
        }
      }
    }
    guard let best = found.min(by: { $0.width * $0.height < $1.width * $1.height }) else {
      return nil
    }
    var figure = self
    (figure.width, figure.height) = (best.width, best.height)
    return figure
  }

  /// Longest side of a page in points: 2 m.
  private static let longest = 2000 * 72 / 25.4

  /// The figure with a page that holds its texts and panels: of its own width where that is fixed.
  /// - Throws: ``FigureError`` when there is none, with what to change.
  public func fitted(_ theme: Theme, isWidthFixed: Bool = false) throws -> Figure {
    if let figure = try fitted(theme, mayWiden: !isWidthFixed) { return figure }
    throw try tooSmall(isWidthFixed ? "no height is enough" : "no size is enough", theme)
  }

  /// Whether everything has its place; `noted` already.
  private func isLaidOut(_ theme: Theme, wantedHeight: Double) throws -> Bool {
    let canvas = try Canvas(
      width: width, height: height, .nowhere, background: theme.background)
    let painter = FigurePainter(
      figure: self, theme: theme, canvas: canvas, isDraft: true, wantedHeight: wantedHeight)
    painter.draw()
    // A little less than the drawing may share, which is put on its pixels.
    return painter.fault(slack: 0.1) == nil
  }

  /// Whether the page holds everything as it is drawn, not only as it is planned.
  private func isDrawn(_ theme: Theme, _ target: Canvas.Target) throws -> Bool {
    let canvas = try Canvas(
      width: width, height: height, target, background: theme.background)
    let painter = FigurePainter(figure: noted(canvas), theme: theme, canvas: canvas)
    painter.draw()
    return painter.fault(slack: 0.5) == nil
  }

  private func tooSmall(
    _ fault: String, _ theme: Theme, _ target: Canvas.Target = .nowhere
  ) throws -> FigureError {
    func millimetres(_ points: Double) -> String {
      String(format: "%.0f", (points * 25.4 / 72 - 1e-6).rounded(.up))
    }
    let panels = sections.reduce(0) { $0 + $1.rows.reduce(0) { $0 + $1.count } }
    let size = String(format: "%g", fontSize)
    let words =
      "\(String(format: "%.0f x %.0f", width * 25.4 / 72, height * 25.4 / 72)) mm is too small for "
      + "\(panels) panel\(panels == 1 ? "" : "s") with text of \(size) pt (\(fault))"
    guard let page = try drawnPage(theme, target) else {
      return FigureError(message: "\(words): pass a smaller --font-size")
    }
    return FigureError(
      message:
        "\(words): pass --size \(millimetres(page.width))x\(millimetres(page.height)) or more, or a smaller --font-size"
    )
  }

  /// A page of whole millimetres that was tried and holds the figure; nil when none of up to 2 m was found. What is planned need
  /// not be drawn the same: a little more room may break a line elsewhere.
  private func drawnPage(_ theme: Theme, _ target: Canvas.Target) throws -> Figure? {
    guard var page = try fitted(theme, mayWiden: true) else { return nil }
    while max(page.width, page.height) <= Self.longest {
      page.width = Self.wholeMillimetres(page.width)
      page.height = Self.wholeMillimetres(page.height)
      if try page.isDrawn(theme, target) { return page }
      page.width *= 1.02
      page.height *= 1.02
    }
    return nil
  }

  private static func wholeMillimetres(_ points: Double) -> Double {
    (points * 25.4 / 72 - 1e-6).rounded(.up) * 72 / 25.4
  }
}
