import Checkpoints
import Kernels

/// From tokens or pixels to the residual stream.
extension NetworkRun {
  func embed(_ input: NetworkInput) throws {
    switch (input, plan.input) {
    case (.tokens(let ids, _, _), _): embed(ids)
    case (.images(let pixels, _, let height, let width), .image(let channels, _, _, let patch, _)):
      embed(pixels, channels: channels, height: height, width: width, patch: patch)
    default: break
    }
    norm(stream, network.outer.norm("embedding.norm"), to: stream)
  }

  private func embed(_ ids: [Int32]) {
    guard let table = network.outer["embedding.token"], case .tokens(let vocabulary) = plan.input
    else { return }
    let inner = table.count / vocabulary
    let words = inner == plan.width ? stream : Buffer<Float>(rows * inner)
    for (row, id) in ids.enumerated() {
      (words.start + row * inner).update(from: table.start + Int(id) * inner, count: inner)
    }
    if let projection = network.outer.linear("embedding.projection", plan.width) {
      linear(projection, words, to: stream)
    }
    let types = network.outer["embedding.type"]
    let positionTable = network.outer["embedding.position"]
    for (row, position) in tablePositions(ids).enumerated() {
      let place = stream.start + row * plan.width
      if let types { Elementwise<Float>.add(types.start, to: place, count: plan.width) }
      if let positionTable {
        Elementwise<Float>.add(
          positionTable.start + position * plan.width, to: place, count: plan.width)
      }
    }
  }

  /// Row of the position table for every token.
  private func tablePositions(_ ids: [Int32]) -> [Int] {
    switch plan.positions {
    case .rotary: return ids.map { _ in 0 }
    case .table(let offset, let countsMask):
      guard countsMask, let mask else { return ids.indices.map { $0 % positions + offset } }
      return counted(ids) { mask[$0] }.map { $0 - 1 + offset }
    case .tableAfterPadding(let pad):
      return counted(ids) { Int(ids[$0]) != pad }.map { $0 + pad }
    }
  }

  /// For every token the number of those up to it that count; 0 for one that does not.
  private func counted(_ ids: [Int32], _ counts: (Int) -> Bool) -> [Int] {
    var number = 0
    return ids.indices.map { place in
      if place % positions == 0 { number = 0 }
      guard counts(place) else { return 0 }
      number += 1
      return number
    }
  }

  private func embed(_ pixels: [Float], channels: Int, height: Int, width: Int, patch: Int) {
    guard let weight = network.outer["embedding.patch.weight"] else { return }
    let (down, across) = (height / patch, width / patch)
    let (count, area) = (down * across, channels * patch * patch)
    let patches = Buffer<Float>(samples * count * area)
    for sample in 0..<samples {
      for place in 0..<count {
        let (top, left) = (place / across * patch, place % across * patch)
        var out = patches.start + (sample * count + place) * area
        for channel in 0..<channels {
          for y in 0..<patch {
            let row = ((sample * channels + channel) * height + top + y) * width + left
            for x in 0..<patch { out[x] = pixels[row + x] }
            out += patch
          }
        }
      }
    }
    let embedded = Buffer<Float>(samples * count * plan.width)
    linear(
      LinearWeights(weight, bias: network.outer["embedding.patch.bias"], outputs: plan.width),
      patches, to: embedded, rows: samples * count)
    place(embedded, count, down, across)
  }

  /// Puts class and distillation tokens before the patches, and adds positions.
  private func place(_ patches: Buffer<Float>, _ count: Int, _ down: Int, _ across: Int) {
    let d = plan.width
    let table = positionTable(down, across)
    for sample in 0..<samples {
      let first = stream.start + sample * positions * d
      for (number, name) in ["embedding.class", "embedding.distillation"].prefix(plan.prefixCount)
        .enumerated()
      {
        if let token = network.outer[name] {
          (first + number * d).update(from: token.start, count: d)
        }
      }
      (first + plan.prefixCount * d).update(
        from: patches.start + sample * count * d, count: count * d)
      if let table { Elementwise<Float>.add(table.start, to: first, count: positions * d) }
    }
  }

  /// Positions for a grid of patches: the table's own, or interpolated between them.
  private func positionTable(_ down: Int, _ across: Int) -> Buffer<Float>? {
    guard let table = network.outer["embedding.position"],
      case .image(_, let height, let width, let patch, _) = plan.input
    else { return nil }
    let (rows, columns) = (height / patch, width / patch)
    if (rows, columns) == (down, across) { return table }
    let d = plan.width
    let out = Buffer<Float>(positions * d)
    out.start.update(from: table.start, count: plan.prefixCount * d)
    BicubicGrid(rows: rows, columns: columns, channels: d).resample(
      table.start + plan.prefixCount * d, to: out.start + plan.prefixCount * d, rows: down,
      columns: across)
    return out
  }
}
