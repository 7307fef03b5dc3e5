import Arrays
import Kernels
import Metrics

/// What the matrices of a network's heads say, and what random ones of their shape would.
struct HeadCircuits {
  /// Σλ/Σ|λ| of W_OV, `[layer][head]`.
  let copying: [[Double]]
  /// Of each kind, `[later head][earlier head]`, heads counted through all layers; NaN where the second is not in an earlier layer.
  private(set) var compositions: [HeadCircuit.Composition: [[Double]]] = [:]
  /// Of random heads: 97.5 % quantile of |Σλ/Σ|λ||, and of each composition mean and largest.
  let null: Null

  /// What independent Gaussian heads of one shape give.
  struct Null {
    let copying: Double
    let composition: [HeadCircuit.Composition: (mean: Double, largest: Double)]
    /// Heads, and pairs of them, that it is of.
    static let heads = 200, pairs = 50

    init(width: Int, headWidth: Int, seed: UInt64) {
      var random = Philox(
        seed: seed, purpose: .noise, index: UInt64(width) << 32 | UInt64(headWidth))
      // A pair needs two heads of its own, and copying any.
      let drawn = (0..<2 * Self.pairs).map { _ in
        HeadCircuit(random: &random, width: width, headWidth: headWidth)
      }
      var sizes = drawn.map { abs($0.copying) }
      while sizes.count < Self.heads {
        sizes.append(
          abs(HeadCircuit(random: &random, width: width, headWidth: headWidth).copying))
      }
      copying = sizes.sorted()[Int(Double(sizes.count - 1) * 0.975)]
      composition = Dictionary(
        uniqueKeysWithValues: HeadCircuit.Composition.allCases.map { kind in
          let values = (0..<Self.pairs).map {
            drawn[2 * $0].composition(kind, with: drawn[2 * $0 + 1])
          }
          return (
            kind, (values.reduce(0, +) / Double(values.count), values.max() ?? .nan)
          )
        })
    }
  }

  /// The strongest of a later head's compositions, and the earlier head it is with; nil for a head of the first layer.
  func strongest(
    _ kind: HeadCircuit.Composition, _ head: Int
  ) -> (value: Double, earlier: Int)? {
    let row = compositions[kind]?[head] ?? []
    return row.indices.filter { row[$0].isFinite }.max { row[$0] < row[$1] }.map { (row[$0], $0) }
  }

  /// Takes the memory of all heads' matrices in double precision.
  init(_ network: ArchivedNetwork, checkpoint: Int, seed: UInt64) throws {
    let layers = try (0..<network.layerCount).map {
      try network.heads(layer: $0, checkpoint: checkpoint)
    }
    copying = layers.map { $0.map(\.copying) }
    let (heads, each) = (layers.flatMap { $0 }, network.headCount)
    for kind in HeadCircuit.Composition.allCases {
      var rows: [[Double]] = []
      for later in heads.indices {
        try StopRequest.check()
        rows.append(
          heads.indices.map { earlier in
            earlier / each < later / each
              ? heads[later].composition(kind, with: heads[earlier]) : .nan
          })
      }
      compositions[kind] = rows
    }
    null = Null(
      width: heads.first?.width ?? 1, headWidth: heads.first?.headWidth ?? 1, seed: seed)
  }
}
