import Archive
import Arrays
import Console
import Foundation
import Metrics

/// Captures of the same network over the same samples, as they are and perturbed: what `isotherm perturb` measures where it can run the
/// network, measured from what others captured.
package struct CapturedPerturbation {
  /// `[condition]`: name, size (root mean square over samples of the change of the first state over its length).
  let names: [String]
  let sizes: [Double]
  /// `[condition][depth][sample]`: length of the change of the state over that at depth 0.
  let growth: [[[Double]]]
  /// `[condition][layer][sample]`: half the summed change of an attention row, mean over heads and queries; of a condition without maps
  /// empty.
  let attention: [[[Double]]]
  /// `[condition][sample]`: divergence of the outputs in nats, and share of answers that change; of a condition without logits empty.
  let divergence: [[Double]], flipped: [[Double]]
  let depths: Int, samples: Int

  /// Compares each of `perturbed` with `clean`, at the last checkpoint.
  /// - Throws: ``ArchiveError`` for captures of other samples or shapes.
  package init(_ clean: RunReader, _ perturbed: [RunReader]) throws {
    let (own, taps) = (try RunContent(clean), try clean.residualTaps())
    let checkpoint = own.steps.count - 1
    depths = taps.count
    let shape = try clean.describe(taps[0].path).shape
    samples = shape[1]
    let index = try Self.index(clean)
    var found: [(size: Double, growth: [[Double]], attention: [[Double]])] = []
    var outputs: [(divergence: [Double], flipped: [Double])] = []
    for reader in perturbed {
      let other = try RunContent(reader)
      for tap in taps {
        guard reader.contains(tap.path),
          try reader.describe(tap.path).shape.dropFirst()
            == clean.describe(tap.path).shape.dropFirst()
        else {
          throw ArchiveError(
            .layout,
            "\(reader.path): expected \(tap) of the shape \(shape.dropFirst()), as in \(clean.path), found "
              + (reader.contains(tap.path)
                ? "\(try reader.describe(tap.path).shape.dropFirst())" : "none")
              + "; capture the same samples of the same network")
        }
      }
      guard try Self.index(reader) == index else {
        throw ArchiveError(
          .layout,
          "\(reader.path) and \(clean.path) hold different samples (\(Layout.Samples.index)); capture the same ones, clean and perturbed"
        )
      }
      for path in [Layout.Samples.label, Layout.Samples.mask, Layout.Samples.length] {
        try Self.checkSame(path, clean, reader)
      }
      found.append(try Self.states(own, other, taps, checkpoint, other.steps.count - 1))
      outputs.append(try Self.outputs(own, other, checkpoint) ?? ([], []))
    }
    names = perturbed.map {
      RunPlace($0.path).stem.split(separator: "/").last.map(String.init) ?? ""
    }
    (sizes, growth, attention) = (found.map(\.size), found.map(\.growth), found.map(\.attention))
    divergence = outputs.map(\.divergence)
    flipped = outputs.map(\.flipped)
  }

  /// What a perturbation leaves as it is tells whether the samples are the same, in the same order.
  private static func checkSame(_ path: String, _ clean: RunReader, _ other: RunReader) throws {
    guard clean.contains(path), other.contains(path) else { return }
    let (a, b) = (
      try clean.read(path, as: Double.self).elements, try other.read(path, as: Double.self).elements
    )
    guard a != b else { return }
    let place = zip(a, b).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    throw ArchiveError(
      .layout,
      "\(other.path):\(path) differs from that of \(clean.path)"
        + (place.map { ", first in value \($0)" } ?? "")
        + "; capture the same samples in the same order, clean and perturbed")
  }

  private static func index(_ reader: RunReader) throws -> [Int32] {
    guard reader.contains(Layout.Samples.index) else { return [] }
    return try reader.read(Layout.Samples.index, as: Int32.self).elements
  }

  private static func states(
    _ clean: RunContent, _ other: RunContent, _ taps: [TapName], _ checkpoint: Int,
    _ otherCheckpoint: Int
  ) throws -> (size: Double, growth: [[Double]], attention: [[Double]]) {
    var first: [Double] = []
    var size = 0.0
    let growth = try taps.map { tap -> [Double] in
      let (a, b) = (
        try clean.residual(tap, checkpoint: checkpoint),
        try other.residual(tap, checkpoint: otherCheckpoint)
      )
      let change = NDArray(shape: a.shape, elements: zip(a.elements, b.elements).map { $1 - $0 })
      let lengths = StateComparison.norm(change)
      if first.isEmpty {
        first = lengths
        let ratios = zip(lengths, StateComparison.norm(a)).map { $1 > 0 ? $0 / $1 : 0 }
        size = (ratios.reduce(0) { $0 + $1 * $1 } / Double(max(ratios.count, 1))).squareRoot()
      }
      return zip(lengths, first).map { $1 > 0 ? $0 / $1 : .nan }
    }
    let layers = try clean.reader.layers(of: .map)
    let others = try other.reader.layers(of: .map)
    if layers.isEmpty || others.isEmpty { return (size, growth, []) }
    guard layers == others else {
      throw ArchiveError(
        .layout,
        "\(other.reader.path): holds maps of layers \(others), not \(layers) as \(clean.reader.path); capture the same ones"
      )
    }
    let attention = try layers.map { layer -> [Double] in
      let (a, b) = (
        try clean.attention(layer, checkpoint: checkpoint),
        try other.attention(layer, checkpoint: otherCheckpoint)
      )
      guard a.shape == b.shape else {
        throw ArchiveError(
          .layout,
          "\(other.reader.path): maps of layer \(layer) have the shape \(b.shape), not \(a.shape)")
      }
      let (heads, n) = (a.shape[1], a.shape[2])
      let own = clean.lengths(positions: n)
      return (0..<a.shape[0]).map { sample in
        let length = own?[sample] ?? n
        var sum = 0.0
        for head in 0..<heads {
          let start = (sample * heads + head) * n * n
          for i in start..<start + length * n { sum += Double(abs(b.elements[i] - a.elements[i])) }
        }
        return sum / 2 / Double(heads * max(length, 1))
      }
    }
    return (size, growth, attention)
  }

  /// Kullback-Leibler divergence of the perturbed output from the clean one, and whether the answer changes; means over positions.
  private static func outputs(
    _ clean: RunContent, _ other: RunContent, _ checkpoint: Int
  ) throws -> (divergence: [Double], flipped: [Double])? {
    let path = TapName(.logits).path
    guard clean.reader.contains(path), other.reader.contains(path) else { return nil }
    let a: NDArray<Float> = try clean.reader.readRow(path, checkpoint)
    let b: NDArray<Float> = try other.reader.readRow(path, other.steps.count - 1)
    guard a.shape == b.shape, let classes = a.shape.last else {
      throw ArchiveError(
        .layout,
        "\(other.reader.path):\(path) has the shape \(b.shape), not \(a.shape) as in \(clean.reader.path)"
      )
    }
    let rows = a.shape.dropFirst().dropLast().reduce(1, *)
    var (divergence, flipped) = ([Double](), [Double]())
    for sample in 0..<a.shape[0] {
      var (sum, flips, count) = (0.0, 0.0, 0)
      for row in 0..<rows where rows == 1 || clean.isToken(sample, row) {
        let start = (sample * rows + row) * classes
        let (x, y) = (a.elements[start..<start + classes], b.elements[start..<start + classes])
        let (p, q) = (logPartition(x), logPartition(y))
        for c in 0..<classes {
          let (u, v) = (Double(x[x.startIndex + c]) - p, Double(y[y.startIndex + c]) - q)
          sum += exp(u) * (u - v)
        }
        if best(x) != best(y) { flips += 1 }
        count += 1
      }
      divergence.append(sum / Double(max(count, 1)))
      flipped.append(flips / Double(max(count, 1)))
    }
    return (divergence, flipped)
  }

  private static func logPartition(_ values: ArraySlice<Float>) -> Double {
    let top = Double(values.max() ?? 0)
    return top + log(values.reduce(0) { $0 + exp(Double($1) - top) })
  }

  private static func best(_ values: ArraySlice<Float>) -> Int {
    (values.indices.max { values[$0] < values[$1] } ?? values.startIndex) - values.startIndex
  }
}
