import Archive
import Corpora
import Foundation

/// What becomes of a sample before the network sees it.
struct InputExplanation {
  private let data: StudyData
  private let writer = ExplanationWriter()

  init(_ data: StudyData) { self.data = data }

  /// The part of the archive.
  func part() -> Explanation.Part {
    switch data {
    case .images(let set, let grid): images(set, grid)
    case .text(let samples): text(samples)
    }
    return writer.part("input", "how a sample becomes what the network reads, and its targets")
  }

  private func images(_ set: ImageSet, _ grid: PatchGrid) {
    let w = writer
    w.put("modality", "image")
    let patch = w.put("patch", grid.patch)
    w.say(
      "A grey value g of 0 to \(w.put("largest_grey", 255)) becomes (g/255 - mean)/deviation, mean = "
        + "\(w.put("pixel_mean", Double(set.mean))) and deviation = \(w.put("pixel_deviation", Double(set.deviation))): those of g/255 "
        + "over all pixels of the images of the training split, validation samples included.")
    w.say(
      "The image is cut into squares of \(patch) x \(patch) pixels, \(grid.rows) down and \(grid.columns) across; square after "
        + "square, row by row, is a position, and its pixels row by row are the position's input x."
    )
    w.say("The target is \(Layout.Samples.label).")
  }

  private func text(_ samples: TokenSamples) {
    let w = writer
    w.put("modality", "text")
    w.put("task", samples.predictsNext ? "next" : "label")
    let count = w.put("tokens", samples.positions)
    if samples.predictsNext {
      w.say(
        "The passages of a split, in the order of the data set, each followed by «\(Self.visible(TokenSamples.separator))», are "
          + "turned into tokens passage by passage and laid end to end. Sample s of the split is tokens s·\(count) to "
          + "(s + 1)·\(count) - 1; what is left at the end is dropped (the last sample needs one token more). The "
          + "target of each position is the token after it: that of the last is the first of the next sample, and is "
          + "stored in \(Layout.Samples.target). Samples of the training split are numbered from 0, those of the test split after them."
      )
    } else {
      w.say(
        "A passage is turned into tokens, of which the first \(count) are kept; shorter ones are padded at the end "
          + "with token 0, and \(Layout.Samples.length) says how many are the passage's own (at least 1: a text without any "
          + "is token \(w.put("blank", Int(samples.tokenizer.blank)))). The target is \(Layout.Samples.label)."
      )
    }
    if let tokenizer = samples.tokenizer as? WordPieceTokenizer {
      wordPiece(tokenizer)
    } else if let tokenizer = samples.tokenizer as? BytePairTokenizer {
      bytePairs(tokenizer)
    }
  }

  private static func visible(_ text: String) -> String {
    text.replacingOccurrences(of: "\n", with: "\\n")
  }

  private func bytePairs(_ tokenizer: BytePairTokenizer) {
    let w = writer
    w.put("tokenizer", "bpe")
    w.put("vocabulary", tokenizer.vocabularySize)
    for kind in BytePairTokenizer.kinds {
      w.put(
        "bytes_\(kind.name)",
        Self.ranges(kind.ranges.map { UInt32($0.lowerBound)...UInt32($0.upperBound) }))
    }
    let kinds = BytePairTokenizer.kinds.map { kind in
      "\(kind.name) "
        + Self.ranges(kind.ranges.map { UInt32($0.lowerBound)...UInt32($0.upperBound) })
    }
    w.say(
      "Tokenizer: byte pairs over UTF-8, no normalisation. Bytes have kinds (hexadecimal): \(kinds.joined(separator: "; ")); "
        + "every other byte is a mark. Words are cut from left to right: a word is the longest run of bytes of "
        + "one kind; a single space (20) directly before a byte that is not white begins that byte's word. A run of "
        + "white bytes ends before its last byte, when that is a space and a byte that is not white follows."
    )
    guard !tokenizer.merges.isEmpty else {
      w.say("Tokens are the bytes themselves, 0 to 255; nothing is merged.")
      return
    }
    w.say(
      "Within a word tokens begin as its bytes, 0 to 255. Row m of /tokenizer/merges is the pair of tokens that "
        + "token 256 + m joins. Again and again the pair with the smallest such m is joined where it stands first, "
        + "until no two neighbours are a row.")
  }

  private func wordPiece(_ tokenizer: WordPieceTokenizer) {
    let w = writer
    w.put("tokenizer", "wordpiece")
    w.put("vocabulary", tokenizer.pieces.count)
    w.put("vocabulary_sha256", tokenizer.source?.sha256 ?? "")
    w.put("ascii_marks", Self.ranges(WordPieceTokenizer.marks))
    w.put("ideographs", Self.ranges(WordPieceTokenizer.ideographs))
    w.say(
      "Tokenizer: WordPiece with the pieces of /tokenizer/vocabulary, token 0 first; sha256 of the file they "
        + "were read from: \(tokenizer.source?.sha256 ?? "unknown"). Text is put in lower case and decomposed (Unicode NFD); "
        + "nonspacing marks (Mn), U+0000 and U+FFFD are dropped. Unicode white space separates words; other control and "
        + "format characters (Cc, Cf) are dropped. A word of its own is each character of the categories Pc, Pd, Ps, Pe, Pi, Pf, Po, "
        + "each in (hexadecimal) \(Self.ranges(WordPieceTokenizer.marks)), and each ideograph in "
        + "\(Self.ranges(WordPieceTokenizer.ideographs)).")
    w.say(
      "From the start of a word the longest piece that the vocabulary has is taken, again and again; pieces "
        + "after the first are looked up with ## before them. Where none fits, and for words of more than "
        + "\(w.put("longest_word", WordPieceTokenizer.longestWord)) characters, the whole word is the token [UNK], number "
        + "\(w.put("unknown", Int(tokenizer.blank))). No [CLS] or [SEP] is added.")
  }

  private static func ranges(_ ranges: [ClosedRange<UInt32>]) -> String {
    ranges.map { range in
      let (low, high) = (
        String(range.lowerBound, radix: 16, uppercase: true),
        String(range.upperBound, radix: 16, uppercase: true)
      )
      return low == high ? low : "\(low)-\(high)"
    }.joined(separator: ", ")
  }
}
