import CCairo

/// A drawing surface in points, over Cairo; keeps the box of every text for checks.
public final class Canvas {
  /// Width and height in points.
  public let width: Double, height: Double
  /// Pixels a point.
  public let scale: Double
  /// Box of each text drawn so far.
  public private(set) var texts: [(text: String, box: Rectangle)] = []
  private let surface: OpaquePointer
  private let context: OpaquePointer
  /// Memory of the pixels of a raster image.
  private let memory: LargeBuffer?
  /// Whether it is made of pixels; edges are put on their raster then.
  private let isRaster: Bool

  /// Where a canvas goes.
  public enum Target: Sendable {
    /// An image in memory of that many pixels an inch; see ``pixels()``.
    case image(dpi: Double)
    /// A file of shapes and text, written when ``finish()`` is called.
    case pdf(String)
    /// The same, as SVG.
    case svg(String)
  }

  /// A canvas of `width` x `height` points filled with `background`.
  /// - Throws: ``FigureError`` when the size is impossible, or the file cannot be made.
  public init(width: Double, height: Double, _ target: Target, background: Color) throws {
    (self.width, self.height) = (width, height)
    let surface: OpaquePointer?
    var memory: LargeBuffer?
    var remedy = "choose another place with -o"
    switch target {
    case .image(let dpi):
      (scale, isRaster) = (dpi / 72, true)
      let (columns, rows) = (Int32((width * scale).rounded()), Int32((height * scale).rounded()))
      let stride = cairo_format_stride_for_width(CAIRO_FORMAT_RGB24, columns)
      memory = stride > 0 && rows > 0 ? LargeBuffer(count: Int(stride) * Int(rows)) : nil
      surface =
        memory.map {
          cairo_image_surface_create_for_data(
            $0.bytes, CAIRO_FORMAT_RGB24, columns, rows, stride)
        } ?? nil
      remedy = "\(columns) x \(rows) pixels; lower --dpi or --size"
    case .pdf(let path):
      (scale, isRaster) = (1, false)
      surface = cairo_pdf_surface_create(path, width, height)
      // An empty date leaves it out: the same figure has the same bytes on any day.
      if let surface { cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, "") }
    case .svg(let path):
      (scale, isRaster) = (1, false)
      surface = cairo_svg_surface_create(path, width, height)
    }
    guard let surface, cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS,
      let context = cairo_create(surface)
    else { throw FigureError(message: "cannot make the figure: \(remedy)") }
    (self.surface, self.context, self.memory) = (surface, context, memory)
    cairo_scale(context, scale, scale)
    set(background)
    cairo_paint(context)
    if let font = Font.bundled { cairo_set_font_face(context, font.face) }
    let options = cairo_font_options_create()
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE)
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF)
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY)
    cairo_set_font_options(context, options)
    cairo_font_options_destroy(options)
  }

  /// States what a PDF is; nothing for other targets.
  public func describe(title: String, subject: String, keywords: String) {
    guard cairo_surface_get_type(surface) == CAIRO_SURFACE_TYPE_PDF else { return }
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, title)
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_SUBJECT, subject)
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_KEYWORDS, keywords)
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, "Isotherm")
  }

  /// Writes a PDF or SVG to the end.
  /// - Throws: ``FigureError`` when the disk refuses.
  public func finish() throws {
    cairo_surface_finish(surface)
    let status = cairo_surface_status(surface)
    guard status == CAIRO_STATUS_SUCCESS else {
      throw FigureError(
        message: "cannot write the figure: \(String(cString: cairo_status_to_string(status)))")
    }
  }

  deinit {
    cairo_destroy(context)
    cairo_surface_destroy(surface)
  }

  private func set(_ color: Color) {
    cairo_set_source_rgba(context, color.red, color.green, color.blue, color.alpha)
  }

  // MARK: - Shapes

  /// Strokes a polyline; a NaN breaks it.
  public func line(
    _ points: [(x: Double, y: Double)], _ color: Color, width: Double, dash: [Double] = []
  ) {
    cairo_new_path(context)
    var pen = false
    for point in points {
      guard point.x.isFinite, point.y.isFinite else {
        pen = false
        continue
      }
      if pen {
        cairo_line_to(context, point.x, point.y)
      } else {
        cairo_move_to(context, point.x, point.y)
      }
      pen = true
    }
    set(color)
    cairo_set_line_width(context, width)
    cairo_set_dash(context, dash, Int32(dash.count), 0)
    cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND)
    cairo_stroke(context)
    cairo_set_dash(context, [], 0, 0)
  }

  /// Fills a polygon.
  public func fill(_ points: [(x: Double, y: Double)], _ color: Color) {
    guard let first = points.first else { return }
    cairo_new_path(context)
    cairo_move_to(context, first.x, first.y)
    for point in points.dropFirst() { cairo_line_to(context, point.x, point.y) }
    cairo_close_path(context)
    set(color)
    cairo_fill(context)
  }

  /// Fills a rectangle.
  public func fill(_ box: Rectangle, _ color: Color) {
    cairo_rectangle(context, box.x, box.y, box.width, box.height)
    set(color)
    cairo_fill(context)
  }

  /// Strokes a rectangle.
  public func frame(_ box: Rectangle, _ color: Color, width: Double) {
    cairo_rectangle(context, box.x, box.y, box.width, box.height)
    set(color)
    cairo_set_line_width(context, width)
    cairo_stroke(context)
  }

  /// A disc, filled, or a ring when `hollow` is the colour inside.
  public func disc(
    _ x: Double, _ y: Double, radius: Double, _ color: Color, hollow: Color? = nil
  ) {
    guard x.isFinite, y.isFinite else { return }
    cairo_new_path(context)
    cairo_arc(context, x, y, radius, 0, 2 * .pi)
    set(hollow ?? color)
    if hollow == nil {
      cairo_fill(context)
    } else {
      cairo_fill_preserve(context)
      set(color)
      cairo_set_line_width(context, radius * 0.55)
      cairo_stroke(context)
    }
  }

  /// Runs `body` with drawing limited to `box`.
  public func clipped(to box: Rectangle, _ body: () -> Void) {
    cairo_save(context)
    cairo_rectangle(context, box.x, box.y, box.width, box.height)
    cairo_clip(context)
    body()
    cairo_restore(context)
  }

  /// The nearest place on the pixel raster, so that edges of cells and axes are sharp.
  public func snap(_ value: Double) -> Double {
    isRaster ? (value * scale).rounded() / scale : value
  }

  /// Paints `rows` x `columns` cells into `box`, row 0 at the top, without smoothing.
  public func image(_ colors: [UInt32], rows: Int, columns: Int, in box: Rectangle) {
    guard rows > 0, columns > 0 else { return }
    var pixels = colors
    pixels.withUnsafeMutableBytes { bytes in
      guard
        let image = cairo_image_surface_create_for_data(
          bytes.bindMemory(to: UInt8.self).baseAddress, CAIRO_FORMAT_RGB24, Int32(columns),
          Int32(rows), Int32(columns * 4))
      else { return }
      cairo_save(context)
      cairo_translate(context, box.x, box.y)
      cairo_scale(context, box.width / Double(columns), box.height / Double(rows))
      cairo_set_source_surface(context, image, 0, 0)
      cairo_pattern_set_filter(cairo_get_source(context), CAIRO_FILTER_NEAREST)
      cairo_rectangle(context, 0, 0, Double(columns), Double(rows))
      cairo_fill(context)
      cairo_restore(context)
      cairo_surface_destroy(image)
    }
  }

  // MARK: - Text

  /// Where a text stands relative to its point.
  public enum Anchor: Sendable {
    /// The point is at the text's left, middle or right end.
    case start, middle, end
  }

  /// Advance width of a text.
  public func width(_ text: String, size: Double) -> Double {
    cairo_set_font_size(context, size)
    var extents = cairo_text_extents_t()
    cairo_text_extents(context, text, &extents)
    return extents.x_advance
  }

  /// A text and size that fit `room`: down to 0.7 of the size, then cut short.
  func fitted(_ text: String, size: Double, room: Double) -> (text: String, size: Double) {
    let width = width(text, size: size)
    guard width > room else { return (text, size) }
    let smaller = max(size * room / width, size * 0.7)
    guard self.width(text, size: smaller) > room + 1e-6 else { return (text, smaller) }
    var kept = text
    while !kept.isEmpty, self.width(kept + "…", size: smaller) > room { kept.removeLast() }
    return (kept.isEmpty ? "" : kept + "…", smaller)
  }

  /// Draws a text whose baseline passes through (x, y); turned a quarter to the left when `upright` is false.
  public func text(
    _ text: String, x: Double, y: Double, size: Double, _ color: Color, anchor: Anchor = .start,
    upright: Bool = true
  ) {
    let length = width(text, size: size)
    let shift = anchor == .start ? 0 : anchor == .middle ? -length / 2 : -length
    cairo_save(context)
    cairo_translate(context, x, y)
    if !upright { cairo_rotate(context, -.pi / 2) }
    cairo_move_to(context, shift, 0)
    set(color)
    cairo_show_text(context, VisualOrder.of(text))
    cairo_restore(context)
    let (ascent, descent) = (size * 0.76, size * 0.22)
    let box =
      upright
      ? Rectangle(x: x + shift, y: y - ascent, width: length, height: ascent + descent)
      : Rectangle(x: x - ascent, y: y - shift - length, width: ascent + descent, height: length)
    texts.append((text, box))
  }

  /// Shows the pixels of a raster image, `rows` lines of `stride` words 0xRRGGBB of which the first `columns` count.
  func withPixels<Result>(
    _ body: (
      _ pixels: UnsafePointer<UInt32>, _ stride: Int, _ columns: Int, _ rows: Int
    ) throws -> Result
  ) rethrows -> Result? {
    cairo_surface_flush(surface)
    guard let data = cairo_image_surface_get_data(surface) else { return nil }
    let stride = Int(cairo_image_surface_get_stride(surface)) / 4
    return try UnsafeRawPointer(data).withMemoryRebound(
      to: UInt32.self, capacity: stride * Int(cairo_image_surface_get_height(surface))
    ) { pixels in
      try body(
        pixels, stride, Int(cairo_image_surface_get_width(surface)),
        Int(cairo_image_surface_get_height(surface)))
    }
  }

  /// The pixels of a raster image: red, green, blue, row by row from the top; nothing for other targets.
  public func pixels() -> (bytes: [UInt8], width: Int, height: Int) {
    withPixels { pixels, stride, columns, rows in
      let bytes = [UInt8](unsafeUninitializedCapacity: rows * columns * 3) { out, initialized in
        var place = 0
        for row in 0..<rows {
          for column in 0..<columns {
            let pixel = pixels[row * stride + column]
            out[place] = UInt8(truncatingIfNeeded: pixel >> 16)
            out[place + 1] = UInt8(truncatingIfNeeded: pixel >> 8)
            out[place + 2] = UInt8(truncatingIfNeeded: pixel)
            place += 3
          }
        }
        initialized = rows * columns * 3
      }
      return (bytes, columns, rows)
    } ?? ([], 0, 0)
  }
}

/// A figure that cannot be drawn or stored.
public struct FigureError: Error, Sendable, CustomStringConvertible {
  /// What, why, and what would do.
  public let message: String
  /// A failure.
  public init(message: String) { self.message = message }
  /// The message.
  public var description: String { message }
}
