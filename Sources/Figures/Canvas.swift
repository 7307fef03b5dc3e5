import CCairo

/// A drawing surface in points, over Cairo; keeps the box of every text and panel for checks.
public final class Canvas {
  /// Width and height in points.
  public let width: Double, height: Double
  /// Pixels a point.
  public let scale: Double
  /// Box of each text drawn so far.
  public internal(set) var texts: [(text: String, box: Rectangle)] = []
  /// Inner area of each panel and colour bar so far.
  public internal(set) var panels: [Rectangle] = []
  /// Which of the texts stand within a panel.
  var insideTexts: Set<Int> = []
  /// What was found wrong with the layout while it was drawn, in words.
  var faults: [String] = []
  /// Bytes of a PDF or SVG.
  private let stream = Stream()
  let surface: OpaquePointer
  let context: OpaquePointer
  /// Memory of the pixels of a raster image.
  private let memory: LargeBuffer?
  /// What a text must leave of its room while a page is only planned: its pixels may lie a little beside.
  let reserve: Double
  /// Whether it is made of pixels; edges are put on their raster then.
  private let isRaster: Bool

  /// Where a canvas goes.
  public enum Target: Sendable {
    /// An image in memory of that many pixels an inch; see ``pixels()``.
    case image(dpi: Double)
    /// A document of shapes and text, complete when ``finish()`` is called.
    case pdf
    /// The same, as SVG.
    case svg
    /// Nowhere: what is drawn is only measured.
    case nowhere
  }

  /// Most pixels along a side, which is what ``PNGFile/read(_:)`` takes, and in all: 1 GB of memory.
  private static let (longest, most) = (30_000.0, Double(1 << 28))

  /// A canvas of `width` x `height` points filled with `background`.
  /// - Throws: ``FigureError`` when the size is impossible, or the file cannot be made.
  public init(width: Double, height: Double, _ target: Target, background: Color) throws {
    (self.width, self.height) = (width, height)
    if case .nowhere = target { reserve = 1 } else { reserve = 0 }
    let surface: OpaquePointer?
    var memory: LargeBuffer?
    var remedy = "choose another place with -o"
    switch target {
    case .image(let dpi):
      (scale, isRaster) = (dpi / 72, true)
      let size = (width * scale, height * scale)
      guard size.0 >= 0.5, size.1 >= 0.5, max(size.0, size.1) <= Self.longest,
        size.0 * size.1 <= Self.most
      else {
        throw FigureError(
          message:
            "cannot make the figure: \(size.0.rounded()) x \(size.1.rounded()) pixels, and at most "
            + "\(Int(Self.longest)) a side and \(Int(Self.most) >> 20) million in all can be held; lower --dpi or --size"
        )
      }
      let (columns, rows) = (Int32((width * scale).rounded()), Int32((height * scale).rounded()))
      let stride = cairo_format_stride_for_width(CAIRO_FORMAT_RGB24, columns)
      memory = stride > 0 && rows > 0 ? LargeBuffer(count: Int(stride) * Int(rows)) : nil
      surface =
        memory.map {
          cairo_image_surface_create_for_data(
            $0.bytes, CAIRO_FORMAT_RGB24, columns, rows, stride)
        } ?? nil
      remedy = "\(columns) x \(rows) pixels; lower --dpi or --size"
    case .pdf:
      (scale, isRaster) = (1, false)
      surface = cairo_pdf_surface_create_for_stream(
        Stream.write, Unmanaged.passUnretained(stream).toOpaque(), width, height)
      // An empty date leaves it out: the same figure has the same bytes on any day.
      if let surface { cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, "") }
    case .svg:
      (scale, isRaster) = (1, false)
      surface = cairo_svg_surface_create_for_stream(
        Stream.write, Unmanaged.passUnretained(stream).toOpaque(), width, height)
    case .nowhere:
      (scale, isRaster) = (1, false)
      surface = cairo_recording_surface_create(CAIRO_CONTENT_COLOR, nil)
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

  /// The bytes of a PDF or SVG, to its end; nothing may be drawn afterwards.
  /// - Throws: ``FigureError`` when Cairo could not make it.
  public func finish() throws -> [UInt8] {
    Font.exclusively { cairo_surface_finish(surface) }
    try check()
    return stream.bytes
  }

  /// - Throws: ``FigureError`` when Cairo could not draw something: a figure without it would be wrong in silence.
  func check() throws {
    for status in [cairo_status(context), cairo_surface_status(surface)]
    where status != CAIRO_STATUS_SUCCESS && status != CAIRO_STATUS_SURFACE_FINISHED {
      throw FigureError(
        message: "cannot draw the figure: \(String(cString: cairo_status_to_string(status))); "
          + "lower --dpi or --size, or free memory")
    }
  }

  private final class Stream {
    var bytes: [UInt8] = []

    static let write: cairo_write_func_t = { context, data, count in
      guard let context, let data else { return CAIRO_STATUS_WRITE_ERROR }
      Unmanaged<Stream>.fromOpaque(context).takeUnretainedValue().bytes
        .append(contentsOf: UnsafeBufferPointer(start: data, count: Int(count)))
      return CAIRO_STATUS_SUCCESS
    }
  }

  deinit {
    Font.exclusively {
      cairo_destroy(context)
      cairo_surface_destroy(surface)
    }
  }

  func set(_ color: Color) {
    cairo_set_source_rgba(context, color.red, color.green, color.blue, color.alpha)
  }

  // MARK: - Shapes

  /// Strokes a polyline; a NaN breaks it. A piece too short to be seen, as one point between two NaN is, becomes a dot.
  public func line(
    _ points: [(x: Double, y: Double)], _ color: Color, width: Double, dash: [Double] = []
  ) {
    cairo_new_path(context)
    var dots: [(x: Double, y: Double)] = []
    var (pen, start, reach) = (false, (x: 0.0, y: 0.0), 0.0)
    func lift() {
      if pen, reach < 1.5 { dots.append(start) }
      pen = false
    }
    for point in points {
      guard point.x.isFinite, point.y.isFinite else {
        lift()
        continue
      }
      if pen {
        cairo_line_to(context, point.x, point.y)
        reach = max(reach, abs(point.x - start.x), abs(point.y - start.y))
      } else {
        cairo_move_to(context, point.x, point.y)
        (pen, start, reach) = (true, point, 0)
      }
    }
    lift()
    set(color)
    cairo_set_line_width(context, width)
    cairo_set_dash(context, dash, Int32(dash.count), 0)
    cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND)
    cairo_stroke(context)
    cairo_set_dash(context, [], 0, 0)
    for dot in dots { disc(dot.x, dot.y, radius: max(width, 1), color) }
  }

  /// Fills a polygon.
  public func fill(_ points: [(x: Double, y: Double)], _ color: Color) {
    // One point that is none would spoil all that is drawn after it.
    guard let first = points.first, points.allSatisfy({ $0.x.isFinite && $0.y.isFinite }) else {
      return
    }
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
    // Shrunk to nothing, or turned over, it would spoil all that is drawn after it.
    guard box.width > 1e-3, box.height > 1e-3, box.width.isFinite, box.height.isFinite else {
      faults.append("no room for a map")
      return
    }
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
}
