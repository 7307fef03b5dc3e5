import CCairo
import CFont
import Foundation

/// The bundled font, loaded once a thread: figures need no font of the machine.
///
/// Cairo sets the size of a FreeType face while it draws, so that two threads with one face spoil each other's text (FreeType
/// API, «FT_Face»: one thread at a time).
final class Font: @unchecked Sendable {
  let face: OpaquePointer
  private let freetype: FT_Library?
  private let source: FT_Face?

  /// Nil when FreeType cannot read the bundled bytes, which only a damaged build can bring about.
  private init?() {
    var library: FT_Library?
    var source: FT_Face?
    guard FT_Init_FreeType(&library) == 0,
      FT_New_Memory_Face(
        library, isotherm_font_bytes(), FT_Long(isotherm_font_length()), 0, &source) == 0,
      let face = cairo_ft_font_face_create_for_ft_face(source, Int32(FT_LOAD_NO_HINTING))
    else { return nil }
    (freetype, self.source, self.face) = (library, source, face)
  }

  private static let lock = NSRecursiveLock()

  /// Runs what makes, uses or gives back a scaled font, one thread at a time: Cairo 1.16 keeps them in one table for all threads, and has
  /// been seen to give one back that another thread was using («! scaled_font->cache_frozen»), which ends the process.
  static func exclusively<Result>(_ body: () throws -> Result) rethrows -> Result {
    lock.lock()
    defer { lock.unlock() }
    return try body()
  }

  /// The font of this thread.
  static var bundled: Font? {
    let known = Thread.current.threadDictionary
    if let font = known["isotherm.font"] as? Font { return font }
    let font = Font()
    known["isotherm.font"] = font
    return font
  }

  /// Characters of `text` that the font has no glyph for, each once; spaces and line breaks are none.
  func missing(in text: String) -> [Unicode.Scalar] {
    var found: [Unicode.Scalar] = []
    for scalar in text.unicodeScalars
    where !scalar.properties.isWhitespace && FT_Get_Char_Index(source, FT_ULong(scalar.value)) == 0
    {
      if !found.contains(scalar) { found.append(scalar) }
    }
    return found
  }
}
