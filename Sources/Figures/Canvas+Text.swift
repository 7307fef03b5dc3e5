import CCairo

extension Canvas {
  /// Where a text stands relative to its point.
  public enum Anchor: Sendable {
    /// The point is at the text's left, middle or right end.
    case start, middle, end
  }

  /// The text as it is drawn: on one line, what controls a terminal as a replacement character.
  static func visible(_ text: String) -> String {
    // Nearly all texts end here: C2 and E2 begin the other controls and the separators of lines, EF and F0 to F4 noncharacters.
    guard
      text.utf8.contains(where: {
        $0 < 32 || $0 == 127 || $0 == 0xC2 || $0 == 0xE2 || $0 >= 0xEF
      })
    else {
      return text
    }
    var out = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      let isBreak = scalar == "\u{2028}" || scalar == "\u{2029}"
      let isControl = scalar.properties.generalCategory == .control
      if isBreak || (isControl && scalar.properties.isWhitespace) {
        if out.last != " " { out.append(" ") }
      } else {
        // Cairo takes noncharacters for broken UTF-8.
        out.append(
          isControl || scalar.properties.isNoncharacterCodePoint ? "\u{FFFD}" : scalar)
      }
    }
    return String(out)
  }

  /// Advance width of a text.
  public func width(_ text: String, size: Double) -> Double {
    // A font of no size would spoil all that is drawn after it.
    guard size > 1e-3, size.isFinite else { return 0 }
    var extents = cairo_text_extents_t()
    Font.exclusively {
      cairo_set_font_size(context, size)
      cairo_text_extents(context, Self.visible(text), &extents)
    }
    return extents.x_advance
  }

  /// Words of at most so many characters are names: cut short they would say nothing.
  private static var nameLength: Int { 16 }

  /// A text and size that fit `room`: down to 0.7 of the size, then cut short. A name that would have to be cut is a fault.
  func fitted(_ text: String, size: Double, room: Double) -> (text: String, size: Double) {
    // More characters are on no line.
    let text = String(text.prefix(2000))
    let (width, room) = (width(text, size: size), room - reserve)
    guard width > room else { return (text, size) }
    let smaller = max(size * room / width, size * 0.7)
    guard self.width(text, size: smaller) > room + 1e-6 else { return (text, smaller) }
    if text.count <= Self.nameLength { faults.append("no room for «\(text)»") }
    // About as many as fit, then one by one.
    let share = max(room, 0) / self.width(text, size: smaller)
    var kept = String(text.prefix(Int(1.5 * share * Double(text.count)) + 8))
    while !kept.isEmpty, self.width(kept + "…", size: smaller) > room { kept.removeLast() }
    return (kept.isEmpty ? "" : kept + "…", smaller)
  }

  /// A text on at most two lines that are about as long as each other, broken at a space.
  func lines(_ text: String, size: Double) -> [String] {
    let words = text.split(separator: " ")
    guard words.count > 1 else { return [text] }
    let pairs = (1..<words.count).map { count in
      [words[..<count].joined(separator: " "), words[count...].joined(separator: " ")]
    }
    return pairs.min { a, b in
      a.map { width($0, size: size) }.max() ?? 0 < b.map { width($0, size: size) }.max() ?? 0
    } ?? [text]
  }

  /// A text on at most `most` lines of `room`, as few as hold it; what does not fit stands on the last one.
  func wrapped(_ text: String, size: Double, room: Double, most: Int) -> [String] {
    guard width(text, size: size) > room, most > 1 else { return [text] }
    let pair = lines(text, size: size)
    if pair.allSatisfy({ width($0, size: size) <= room }) { return pair }
    var (lines, line) = ([String](), "")
    for word in text.split(separator: " ") {
      let longer = line.isEmpty ? String(word) : line + " " + word
      if !line.isEmpty, lines.count < most - 1, width(longer, size: size) > room {
        lines.append(line)
        line = String(word)
      } else {
        line = longer
      }
    }
    return lines + [line]
  }

  /// Draws a text whose baseline passes through (x, y); turned a quarter to the left when `upright` is false. `isInside`
  /// says that it stands within a panel.
  public func text(
    _ text: String, x: Double, y: Double, size: Double, _ color: Color, anchor: Anchor = .start,
    upright: Bool = true, isInside: Bool = false
  ) {
    guard !text.isEmpty else { return }
    let text = Self.visible(text)
    guard size > 1e-3, size.isFinite else {
      faults.append("no room for «\(text)»")
      return
    }
    let length = width(text, size: size)
    let shift = anchor == .start ? 0 : anchor == .middle ? -length / 2 : -length
    cairo_save(context)
    cairo_translate(context, x, y)
    if !upright { cairo_rotate(context, -.pi / 2) }
    cairo_move_to(context, shift, 0)
    set(color)
    Font.exclusively { cairo_show_text(context, VisualOrder.of(text)) }
    cairo_restore(context)
    let (ascent, descent) = (size * 0.76, size * 0.22)
    let box =
      upright
      ? Rectangle(x: x + shift, y: y - ascent, width: length, height: ascent + descent)
      : Rectangle(x: x - ascent, y: y - shift - length, width: ascent + descent, height: length)
    if isInside { insideTexts.insert(texts.count) }
    texts.append((text, box))
  }
}
