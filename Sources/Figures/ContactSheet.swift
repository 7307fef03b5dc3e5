/// Pictures side by side on one page, row by row: the frames of an animation at a glance.
public struct ContactSheet {
  /// Pictures a row.
  public let columns: Int
  private let canvas: Canvas
  private let cell: (width: Double, height: Double)
  private var count = 0

  /// A sheet for `count` pictures of `width` x `height` points each, shrunk so that a row is as wide as one of them was.
  /// - Throws: ``FigureError`` when there is no memory for it.
  public init(
    count: Int, width: Double, height: Double, dpi: Double, background: Color
  ) throws {
    let columns = max(1, Int(Double(count).squareRoot().rounded(.up)))
    let rows = (max(count, 1) + columns - 1) / columns
    // Twice as wide as one picture, so that labels can still be read.
    let scale = 2 / Double(columns)
    cell = (width * scale, height * scale)
    self.columns = columns
    canvas = try Canvas(
      width: cell.width * Double(columns), height: cell.height * Double(rows), .image(dpi: dpi),
      background: background)
  }

  /// Pixels an inch at which the pictures are best drawn on a sheet of `dpi`.
  public func frameResolution(_ dpi: Double) -> Double { dpi * 2 / Double(columns) }

  /// Adds the next picture.
  public mutating func add(_ picture: Canvas) {
    let (row, column) = count.quotientAndRemainder(dividingBy: columns)
    count += 1
    picture.withPixels { pixels, stride, width, height in
      let colors = (0..<height).flatMap { y in (0..<width).map { pixels[y * stride + $0] } }
      canvas.image(
        colors, rows: height, columns: width,
        in: Rectangle(
          x: Double(column) * cell.width, y: Double(row) * cell.height, width: cell.width,
          height: cell.height))
    }
  }

  /// Writes the sheet as PNG.
  public func write(to path: String, texts: [(key: String, text: String)]) throws {
    try PNGFile.write(canvas, to: path, texts: texts)
  }
}
