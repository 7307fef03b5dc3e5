import Analyses
import Archive
import Console
import Foundation
import Testing

/// Analyses of networks, on networks made by hand, against plain loops and known answers.
@Suite struct NetworkAnalysisTests {
  private let made: MadeArchive

  init() throws { made = try MadeArchive() }

  private static let configuration =
    "{\"model_type\": \"gpt2\", \"n_head\": 2, \"layer_norm_epsilon\": 1e-5, \"tie_word_embeddings\": true}"
  private static let width = 8, head = 4, vocabulary = 11

  /// A network of two layers: random but for head 0 of layer 0, which copies.
  private static func parameters(checkpoints: Int = 1) -> [MadeArchive.Item] {
    func each(_ name: String, _ shape: [Int], _ seed: UInt64) -> MadeArchive.Item {
      let values = (0..<checkpoints).flatMap {
        MadeArchive.gaussian(shape.reduce(1, *), seed: seed + UInt64(1000 * $0))
      }
      return .init("/checkpoints/parameters/" + name, [checkpoints] + shape, values)
    }
    var items: [MadeArchive.Item] = []
    for layer in 0..<2 {
      for (number, part) in ["query", "key", "value", "output"].enumerated() {
        var item = each(
          "layer.\(layer).attention.\(part).weight", [width, width],
          UInt64(10 * layer + number + 1))
        if layer == 0, part == "output", let value = items.last {
          // Columns of head 0 are the rows of its values.
          var values = item.values
          for row in 0..<width {
            for channel in 0..<head {
              values[row * width + channel] = value.values[channel * width + row]
            }
          }
          item = .init(item.path, item.shape, values)
        }
        items.append(item)
      }
    }
    return items + [
      each("embedding.token", [vocabulary, width], 50), each("final_norm.gain", [width], 51),
      each("final_norm.bias", [width], 52),
    ]
  }

  /// Rows of a report by key.
  private func rows(_ report: Report) throws -> [[String: Any]] {
    let data = try JSONEncoder().encode(report)
    let json = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    return try #require(json["rows"] as? [[String: Any]])
  }

  private func number(_ row: [String: Any], _ key: String) throws -> Double {
    try #require(row[key] as? Double, "\(key)")
  }

  @Test func `a head that copies is found, beside random ones`() throws {
    defer { made.remove() }
    let net = try made.write("net", Self.parameters(), configuration: Self.configuration)
    let analysis = try HeadsAnalysis([net], checkpoint: nil, seed: 1)
    let rows = try rows(analysis.report())
    #expect(rows.count == 4)
    #expect(abs(try number(rows[0], "ov_copying") - 1) < 1e-6)
    #expect(try number(rows[1], "ov_copying") < 1)
    #expect(rows[0]["query_with"] as? String == "")
    #expect(["0.0", "0.1"].contains(rows[2]["query_with"] as? String))
    let limit = try number(rows[0], "ov_copying_null")
    #expect(limit > 0 && limit <= 1)
    // About 1/√8, whose random spread is wide at so small a size.
    let null = try number(rows[2], "key_composition_null")
    #expect(null > 0.3536 && null < 0.9)
    #expect(rows[0]["induction"] == nil)
  }

  @Test func `a made induction head scores 1 in a capture of repeated tokens`() throws {
    defer { made.remove() }
    let (samples, period) = (3, 5)
    let n = 2 * period
    let tokens = (0..<samples).map { sample in
      (0..<n).map { Int32((sample + $0 % period * $0 % period) + 7 * ($0 % period)) }
    }
    let maps = (0..<samples).flatMap { _ in
      (0..<2).flatMap { head in
        (0..<n * n).map { place -> Double in
          let (query, key) = (place / n, place % n)
          guard key <= query else { return 0 }
          return head == 0
            ? (key == max(0, query - period + 1) ? 1 : 0) : 1 / Double(query + 1)
        }
      }
    }
    let capture = try made.write(
      "capture", [.init("/attention/attention.0.map/values", [1, samples, 2, n, n], maps)],
      tokens: tokens, configuration: Self.configuration)
    let analysis = try HeadsAnalysis([capture], checkpoint: nil, seed: 1)
    let rows = try rows(analysis.report())
    #expect(rows.count == 2 && rows[0]["ov_copying"] == nil)
    #expect(try number(rows[0], "induction") == 1)
    let sum: Double = (period..<n).reduce(0.0) { $0 + 1 / Double($1 + 1) }
    let known = sum / Double(period)
    for key in ["induction", "induction_null"] {
      #expect(abs(try number(rows[1], key) - known) < 1e-6)
    }
    let logs: Double = (1..<n).reduce(0.0) { $0 + log(Double($1 + 1)) }
    let entropy = logs / Double(n - 1)
    #expect(abs(try number(rows[1], "entropy") - entropy) < 1e-5)
    #expect(abs(try number(rows[1], "entropy_null") - entropy) < 1e-5)
  }

  @Test func `the lens is norm and scores of every state, by the plain loop`() throws {
    defer { made.remove() }
    let parameters = Self.parameters()
    let net = try made.write("net", parameters, configuration: Self.configuration)
    let (samples, n, d) = (2, 4, Self.width)
    let tokens: [[Int32]] = [[1, 4, 2, 8], [5, 7, 10, 3]]
    let states = (0..<3).map { MadeArchive.gaussian(samples * n * d, seed: UInt64(70 + $0)) }
    let names = ["residual.0.pre", "residual.0.post", "residual.1.post"]
    let capture = try made.write(
      "capture",
      zip(names, states).map { .init("/activations/\($0)/values", [1, samples, n, d], $1) },
      tokens: tokens, configuration: Self.configuration)
    let analysis = try LensAnalysis(
      capture: capture, network: net, checkpoint: nil, limit: nil, seed: 1)
    let rows = try rows(analysis.report())
    #expect(rows.count == 3)
    func parameter(_ name: String) -> [Double] {
      parameters.first { $0.path.hasSuffix(name) }?.values ?? []
    }
    let (table, gain, bias) = (
      parameter("embedding.token"), parameter("norm.gain"), parameter("norm.bias")
    )
    for depth in 0..<3 {
      var total = 0.0
      for sample in 0..<samples {
        for position in 0..<n - 1 {
          let start = (sample * n + position) * d
          let x = states[depth][start..<start + d].map { $0 }
          let mean = x.reduce(0, +) / Double(d)
          let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(d)
          let y = (0..<d).map {
            (x[$0] - mean) / (variance + 1e-5).squareRoot() * gain[$0] + bias[$0]
          }
          let scores = (0..<Self.vocabulary).map { token in
            (0..<d).reduce(0) { $0 + table[token * d + $1] * y[$1] }
          }
          let sum = scores.reduce(0) { $0 + exp($1) }
          total += log(sum) - scores[Int(tokens[sample][position + 1])]
        }
      }
      let found = try number(rows[depth], "loss")
      #expect(abs(found - total / Double(samples * (n - 1))) < 1e-5)
      #expect(try number(rows[depth], "loss_shuffled").isFinite)
      #expect(try number(rows[depth], "loss_random").isFinite)
    }
  }

  @Test func `changes of a network are drift, alignment and direction`() throws {
    defer { made.remove() }
    let first = MadeArchive.gaussian(12 * 6, seed: 3)
    let step = MadeArchive.gaussian(12 * 6, seed: 4)
    let values = (0..<3).flatMap { number in zip(first, step).map { $0 + 0.5 * Double(number) * $1 }
    }
    let net = try made.write(
      "net", [.init("/checkpoints/parameters/w", [3, 12, 6], values)], configuration: "{}")
    let rows = try rows(WeightChangesAnalysis([net], against: nil, seed: 1).report())
    #expect(rows.count == 2)
    let size = first.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let moved = step.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(abs(try number(rows[1], "drift") - moved / size) < 1e-12)
    #expect(abs(try number(rows[1], "direction") - 1) < 1e-12)
    #expect(try number(rows[0], "drift") < number(rows[0], "drift_null"))
    let same = try WeightChangesAnalysis([net], against: net, seed: 1)
    let last = try #require(try self.rows(same.report()).last)
    #expect(try number(last, "drift") == 0 && number(last, "procrustes") < 1e-12)
    #expect(abs(try number(last, "cka") - 1) < 1e-12)
    let one = try made.write(
      "one", [.init("/checkpoints/parameters/w", [1, 12, 6], first)], configuration: "{}")
    #expect(throws: ArchiveError.self) {
      try WeightChangesAnalysis([one], against: nil, seed: 1)
    }
  }
}
