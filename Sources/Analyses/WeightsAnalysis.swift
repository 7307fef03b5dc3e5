import Archive
import Arrays
import Console
import Kernels
import Metrics

/// Spectra of the matrices among a run's parameters.
package struct WeightsAnalysis: Analysis {
  private struct Row {
    let file: String
    let matrix: String
    let checkpoint: Int
    let shape: [Int]
    let spectrum: WeightSpectrum
    let fit: PowerLawFit?
    let null: Null
  }

  /// What a Gaussian matrix of a shape has; all of it is the same at any norm.
  private struct Null {
    let alpha: Double, distance: Double, stableRank: Double, effectiveRank: Double
    let spikes: Int

    init(_ shape: [Int], seed: UInt64) {
      var random = Philox(
        seed: seed, purpose: .noise, index: UInt64(shape[0]) << 32 | UInt64(shape[1]))
      let matrix = (0..<shape[0] * shape[1]).map { _ in random.normal() }
      let spectrum = WeightSpectrum(matrix, rows: shape[0], columns: shape[1])
      let fit = spectrum?.powerLaw
      (alpha, distance) = (fit?.alpha ?? .nan, fit?.distance ?? .nan)
      stableRank = spectrum?.stableRank ?? .nan
      effectiveRank = spectrum?.effectiveRank ?? .nan
      spikes = spectrum?.spikeCount ?? 0
    }
  }

  /// Singular values up to which all are written: 256 MiB.
  private static let mostValues = 1 << 25

  private var rows: [Row] = []
  private var broken: [String] = []
  private let seed: UInt64

  package init(_ readers: [RunReader], seed: UInt64) throws {
    self.seed = seed
    var nulls: [[Int]: Null] = [:]
    for reader in readers {
      let count = rows.count
      for name in try reader.names(in: Layout.Checkpoints.parameters) {
        let path = Layout.Checkpoints.parameter(name)
        let shape = try reader.describe(path).shape
        guard shape.count == 3, shape[1] > 1, shape[2] > 1 else { continue }
        let sides = Array(shape.dropFirst())
        let null = nulls[sides] ?? Null(sides, seed: seed)
        nulls[sides] = null
        for checkpoint in 0..<shape[0] {
          try StopRequest.check()
          let values: NDArray<Double> = try reader.readRow(path, checkpoint)
          guard let spectrum = WeightSpectrum(values.elements, rows: sides[0], columns: sides[1])
          else {
            broken.append("\(name), checkpoint \(checkpoint)")
            continue
          }
          rows.append(
            Row(
              file: reader.path, matrix: name, checkpoint: checkpoint, shape: sides,
              spectrum: spectrum, fit: spectrum.powerLaw, null: null))
        }
      }
      guard rows.count > count || !broken.isEmpty else {
        throw ArchiveError(
          .layout,
          "\(reader.path): no matrix among \(Layout.Checkpoints.parameters); pass a run, or isotherm import one"
        )
      }
    }
  }

  package func report() -> Report {
    var report = Report(
      "weights",
      [
        ("file", "file"), ("matrix", "matrix"), ("checkpoint", "checkpoint"), ("rows", "rows"),
        ("columns", "columns"), ("alpha", "α"), ("distance", "D"), ("tail", "tail"),
        ("minimum", "λ min"), ("alpha_null", "null α"), ("distance_null", "null D"),
        ("stable_rank", "stable rank"), ("stable_rank_null", "null"),
        ("effective_rank", "effective rank"), ("effective_rank_null", "null"),
        ("spikes", "spikes"), ("spikes_null", "null"), ("spectral_norm", "σ₁"),
        ("frobenius_norm", "norm"), ("edge_lower", "MP lower"), ("edge_upper", "MP upper"),
      ])
    for row in rows {
      let spectrum = row.spectrum
      report.add([
        .text(row.file), .text(row.matrix), .integer(row.checkpoint), .integer(row.shape[0]),
        .integer(row.shape[1]), .number(row.fit?.alpha ?? .nan, digits: 3),
        .number(row.fit?.distance ?? .nan, digits: 3), .integer(row.fit?.count ?? 0),
        .number(row.fit?.minimum ?? .nan, digits: 4), .number(row.null.alpha, digits: 2),
        .number(row.null.distance, digits: 3), .number(spectrum.stableRank, digits: 2),
        .number(row.null.stableRank, digits: 2), .number(spectrum.effectiveRank, digits: 2),
        .number(row.null.effectiveRank, digits: 2), .integer(spectrum.spikeCount),
        .integer(row.null.spikes), .number(spectrum.spectralNorm, digits: 4),
        .number(spectrum.frobeniusNorm, digits: 4), .number(spectrum.random.lower, digits: 5),
        .number(spectrum.random.upper, digits: 5),
      ])
    }
    report.notes = [
      "α: exponent of a power law fitted to the tail of the eigenvalues λ = σ², D its distance from them: where D is not small (below about 0.1), "
        + "or not below that of the null, the tail is no power law whatever α is.",
      "null: independent Gaussian elements of the same shape and norm, seed \(seed). spikes: eigenvalues beyond the upper Marchenko-Pastur edge "
        + "for elements of this variance; MP edges are those of λ / longer side.",
    ]
    if !broken.isEmpty {
      report.notes.append(
        "left out, because they hold values that are not finite: \(broken.joined(separator: "; "))."
      )
    }
    return report
  }

  package func arrays() -> [CompleteArray] {
    guard !rows.isEmpty else { return [] }
    let axis = ArraySchema.AxisSchema("spectrum", rows.count)
    let group = MetricGroup(analysis: .weights, samples: 1)
    func numbers(_ name: String, _ longName: String, _ value: (Row) -> Double) -> CompleteArray {
      group.numbers(name, [axis], rows.map(value), longName)
    }
    let arrays = [
      group.texts("matrix", axis, rows.map(\.matrix), "weight matrix"),
      group.texts("file", axis, rows.map(\.file), "archive that it is from"),
      numbers("checkpoint", "number of the checkpoint") { Double($0.checkpoint) },
      numbers("alpha", "exponent of the power law of the eigenvalues' tail") {
        $0.fit?.alpha ?? .nan
      },
      numbers("distance", "Kolmogorov-Smirnov distance of the power law") {
        $0.fit?.distance ?? .nan
      },
      numbers("alpha_null", "exponent for a Gaussian matrix") { $0.null.alpha },
      numbers("distance_null", "distance for a Gaussian matrix") { $0.null.distance },
      numbers("stable_rank", "squared Frobenius norm over squared spectral norm") {
        $0.spectrum.stableRank
      },
      numbers("stable_rank_null", "stable rank of a Gaussian matrix") { $0.null.stableRank },
      numbers("effective_rank", "exponential of the singular values' entropy") {
        $0.spectrum.effectiveRank
      },
      numbers("effective_rank_null", "effective rank of a Gaussian matrix") {
        $0.null.effectiveRank
      },
      numbers("spikes", "eigenvalues beyond the upper Marchenko-Pastur edge") {
        Double($0.spectrum.spikeCount)
      },
      numbers("spikes_null", "eigenvalues of a Gaussian matrix beyond the edge") {
        Double($0.null.spikes)
      },
      numbers("spectral_norm", "largest singular value") { $0.spectrum.spectralNorm },
      numbers("frobenius_norm", "root of the sum of squares") { $0.spectrum.frobeniusNorm },
      numbers("squared_edge_upper", "upper Marchenko-Pastur edge of squared singular values") {
        $0.spectrum.random.upper * Double($0.spectrum.longer)
      },
      numbers("squared_edge_lower", "lower Marchenko-Pastur edge of squared singular values") {
        $0.spectrum.random.lower * Double($0.spectrum.longer)
      },
      numbers("minimum", "smallest squared singular value of the power law's tail") {
        $0.fit?.minimum ?? .nan
      },
      numbers("tail", "values of the tail") { Double($0.fit?.count ?? 0) },
    ]
    let most = rows.map(\.spectrum.shorter).max() ?? 0
    guard rows.count * most <= Self.mostValues else { return arrays }
    let values = rows.flatMap { row in
      row.spectrum.singularValues
        + [Double](repeating: .nan, count: most - row.spectrum.shorter)
    }
    return arrays + [
      group.numbers(
        "singular_value", [axis, ArraySchema.AxisSchema("order", most)], values,
        "singular values, largest first; NaN beyond the matrix's shorter side")
    ]
  }
}
