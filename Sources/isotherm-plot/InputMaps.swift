import Archive
import Arrays
import Console
import Figures
import Foundation

/// A run's attention maps on one of its samples, as the sample looks to people, with an equation's beside them.
struct InputMaps {
  let input: AttentionInputFigure.Input
  let heads: [AttentionInputFigure.Head]
  /// Whose attention, in words.
  let queries: String

  /// What to show; nil for what says most.
  struct Choice {
    var sample = 0
    /// Layers and heads.
    var heads: [(layer: Int, head: Int)] = []
    /// The query whose attention is shown; nil for the mean over all.
    var query: Int?
    /// The equation beside the network; nil for the last that has maps.
    var model: String?
  }

  /// Number of heads that are shown when none are chosen.
  private static let headCount = 2

  /// - Throws: ``ArchiveError`` when the run captured no maps, or no inputs to lay them on; ``UsageError`` for a choice that is not
  ///   there.
  init(_ source: FigureSource, fields: FigureSource?, _ choice: Choice) throws {
    let reader = source.reader
    let layers = try reader.attentionLayers()
    let shape = try reader.describe(TapName(.map, layer: layers[0]).path).shape
    let (checkpoint, samples, count) = (shape[0] - 1, shape[1], shape[4])
    guard (0..<samples).contains(choice.sample) else {
      throw UsageError(
        "--sample \(choice.sample): \(reader.path) holds samples 0 to \(samples - 1)")
    }
    for (layer, head) in choice.heads
    where !layers.contains(layer) || !(0..<shape[2]).contains(head) {
      throw UsageError(
        "--head \(layer).\(head): \(reader.path) has maps of the layers \(layers.map(String.init).joined(separator: ", ")) with heads 0 to \(shape[2] - 1)"
      )
    }
    guard choice.query.map({ (0..<count).contains($0) }) ?? true else {
      throw UsageError("--query \(choice.query ?? 0): there are queries 0 to \(count - 1)")
    }
    let found = try Self.input(source, sample: choice.sample, keys: count)
    (input, queries) = (
      found.input,
      choice.query.map { "by query \($0)" } ?? "mean over queries"
    )
    /// The keys that have a place on the input, of one map `[query, key]`.
    func shown(_ map: ArraySlice<Double>) -> [Double] {
      let map = Array(map)
      let visible = 0..<found.queries
      let chosen = choice.query.map { [$0] } ?? Array(visible)
      return (found.first..<found.first + found.count).map { key in
        chosen.reduce(0) { $0 + map[$1 * count + key] } / Double(max(chosen.count, 1))
      }
    }
    /// Keys that a query gives attention to in any head of any layer, `[query, key]`: a softmax gives none at all only behind
    /// a mask, but what is far below the largest score of one head is rounded to 0 there.
    var isSeen = [Bool](repeating: false, count: count * count)
    func maps(
      _ source: FigureSource, _ path: String, _ row: Int, _ sample: Int,
      look: ([Double]) -> Void = { _ in }
    ) throws -> [[Double]] {
      let size = count * count
      let values = try source.part(
        path, start: [row, sample, 0, 0, 0], count: [1, 1, shape[2], count, count]
      ).elements
      look(values)
      return (0..<shape[2]).map { shown(values[$0 * size..<($0 + 1) * size]) }
    }
    let network = try layers.map {
      try maps(source, TapName(.map, layer: $0).path, checkpoint, choice.sample) {
        for (place, value) in $0.enumerated() where value > 0 {
          isSeen[place % (count * count)] = true
        }
      }
    }
    // What the keys would get if a query's attention were the same on all that it sees.
    let even = (0..<count).flatMap { query -> [Double] in
      let row = isSeen[query * count..<(query + 1) * count]
      let share = 1 / Double(max(row.count { $0 }, 1))
      return row.map { $0 ? share : 0 }
    }
    let null = shown(even[...])
    let chosen = choice.heads.isEmpty ? Self.telling(network, layers) : choice.heads
    var equations: [(name: String, maps: [[[Double]]])] = []
    if let fields, let place = try Self.place(choice.sample, source, fields),
      let model = try Self.model(choice.model, fields)
    {
      let path = Layout.Fields(model).attention
      let own = try fields.reader.describe(path).shape
      if place < own[1], own[0] == layers.count, own[2...] == shape[2...] {
        let values = try layers.indices.map { try maps(fields, path, $0, place) }
        equations = [(Words.candidate(model), values)]
      }
    }
    heads = chosen.compactMap { layer, head in
      layers.firstIndex(of: layer).map { row in
        .init(
          layer: layer, head: head, network: network[row][head],
          equations: equations.map { ($0.name, $0.maps[row][head]) }, null: null)
      }
    }
  }

  /// The heads whose attention differs most from key to key, of different layers where there are several.
  private static func telling(
    _ maps: [[[Double]]], _ layers: [Int]
  ) -> [(layer: Int, head: Int)] {
    func spread(_ values: [Double]) -> Double {
      let mean = values.reduce(0, +) / Double(max(values.count, 1))
      return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    }
    let best = maps.enumerated().compactMap {
      row, heads -> (spread: Double, row: Int, head: Int)? in
      heads.enumerated().map { (spread($1), row, $0) }.max { $0.0 < $1.0 }
    }
    let chosen = best.sorted { $0.spread > $1.spread }.prefix(headCount).sorted { $0.row < $1.row }
    return chosen.map { (layers[$0.row], $0.head) }
  }

  /// The place of a sample of the run among those of the fields, told by where it lies in the data; nil for none.
  private static func place(
    _ sample: Int, _ source: FigureSource, _ fields: FigureSource
  ) throws -> Int? {
    try fields.reader.checkMade(from: source.reader)
    guard source.reader.contains(Layout.Samples.index), fields.reader.contains(Layout.Samples.index)
    else { return sample }
    let index = try source.integers(Layout.Samples.index)
    return try fields.integers(Layout.Samples.index).firstIndex(of: index[sample])
  }

  private static func model(_ wanted: String?, _ fields: FigureSource) throws -> String? {
    let models = try fields.reader.names(in: Layout.Fields.group).filter {
      fields.reader.contains(Layout.Fields($0).attention)
    }
    guard let wanted else { return models.first { $0 == "modulated" } ?? models.last }
    guard models.contains(wanted) else {
      throw UsageError(
        "--model \(wanted): no attention of that model; \(fields.reader.path) holds \(models.joined(separator: ", "))"
      )
    }
    return wanted
  }

  /// The sample, which of the keys lie on it, and how many queries are no padding.
  private static func input(
    _ source: FigureSource, sample: Int, keys: Int
  ) throws -> (input: AttentionInputFigure.Input, first: Int, count: Int, queries: Int) {
    let reader = source.reader
    if let image = try image(source, sample) {
      for first in 0...1 {
        guard let grid = grid(image.rows, image.columns, keys - first) else { continue }
        return (
          .image(pixels: image.pixels, rows: image.rows, columns: image.columns, grid: grid),
          first, keys - first, keys
        )
      }
    }
    guard reader.contains(Layout.Samples.token) else {
      throw ArchiveError(
        .layout,
        "\(reader.path): holds no images or tokens of its samples to lay maps on; `isotherm-plot attention \(reader.path) -o OUT.png` draws the maps alone"
      )
    }
    let width = try reader.describe(Layout.Samples.token).shape[1]
    let tokens = try source.part(Layout.Samples.token, start: [sample, 0], count: [1, width])
    let length =
      reader.contains(Layout.Samples.length)
      ? try source.integers(Layout.Samples.length)[sample] : width
    // A class token of ours stands before the text.
    let extra = max(0, keys - width)
    let ids = tokens.elements.prefix(length).map { Int($0) }
    let words = try TokenWords(reader).words(of: ids)
    return (.tokens(words), extra, length, length + extra)
  }

  /// Pixels from 0, black, to 1; channels are averaged. Nil without images.
  private static func image(
    _ source: FigureSource, _ sample: Int
  ) throws -> (pixels: [Double], rows: Int, columns: Int)? {
    let path = [Layout.Samples.image, Layout.Samples.pixel].first { source.reader.contains($0) }
    guard let path else { return nil }
    let shape = try source.reader.describe(path).shape
    guard shape.count >= 3, sample < shape[0] else { return nil }
    let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
    let values = try source.part(
      path, start: [sample] + shape.dropFirst().map { _ in 0 }, count: [1] + shape.dropFirst()
    ).elements
    let channels = values.count / max(rows * columns, 1)
    let means = (0..<rows * columns).map { place in
      (0..<channels).reduce(0) { $0 + values[$1 * rows * columns + place] }
        / Double(max(channels, 1))
    }
    let (low, high) = (means.min() ?? 0, means.max() ?? 1)
    return (means.map { high > low ? ($0 - low) / (high - low) : 0 }, rows, columns)
  }

  /// Rows and columns of square patches, `count` in all, on an image; nil when they do not fill it.
  private static func grid(_ rows: Int, _ columns: Int, _ count: Int) -> (rows: Int, columns: Int)?
  {
    for down in 1...max(count, 1) where count % down == 0 && rows % down == 0 {
      let across = count / down
      if columns % across == 0, rows / down == columns / across { return (down, across) }
    }
    return nil
  }
}

/// What tokens look like to people.
struct TokenWords {
  /// By token; empty without a tokenizer.
  private let pieces: [String]

  /// The tokenizer of an archive: a vocabulary of words, or merges of pairs above the 256 bytes.
  init(_ reader: RunReader) throws {
    if reader.contains(Layout.Tokenizer.vocabulary) {
      pieces = try reader.readTexts(Layout.Tokenizer.vocabulary)
      return
    }
    var bytes = (0..<256).map { [UInt8($0)] }
    if reader.contains(Layout.Tokenizer.merges) {
      let merges = try reader.read(Layout.Tokenizer.merges, as: Int32.self).elements
      for pair in stride(from: 0, to: merges.count - 1, by: 2) {
        let (left, right) = (Int(merges[pair]), Int(merges[pair + 1]))
        guard bytes.indices.contains(left), bytes.indices.contains(right) else { break }
        bytes.append(bytes[left] + bytes[right])
      }
    }
    pieces = bytes.map { String(decoding: $0, as: UTF8.self) }
  }

  /// Words of tokens, a space shown as ␣ where a token is nothing else.
  func words(of tokens: [Int]) -> [String] {
    tokens.map { token in
      guard pieces.indices.contains(token) else { return String(token) }
      let word = pieces[token].trimmingCharacters(in: .whitespacesAndNewlines)
      return word.isEmpty ? "␣" : word
    }
  }
}
