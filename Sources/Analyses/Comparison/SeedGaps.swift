import Archive
import Foundation

/// Which seeds pooled numbers are without, in words.
package struct SeedGaps {
  private let summary: MetricSummary
  /// Of each variant, `[variant][seed]`.
  private let seeds: [[Double]], diverged: [[Bool]]

  package init(_ summary: MetricSummary) throws {
    self.summary = summary
    seeds = try summary.seeds()
    diverged = try summary.diverged()
  }

  /// Sentences under the table of one metric: a line for each variant whose means are of fewer seeds than it has.
  package func notes(_ metric: MetricSummary.Metric, _ places: [(axis: String, label: String)])
    -> [String]
  {
    let rows = metric.rows
    let chosen = rows.indices.filter { metric.contains(rows[$0].labels, places) }
    return zip(summary.variants.indices, metric.gaps(chosen)).compactMap { variant, missing in
      guard !missing.isEmpty else { return nil }
      return
        "\(summary.variants[variant]): \(words(variant, missing)) without a finite value where a mean is of n of \(seeds[variant].count)."
    }
  }

  /// Sentences about all metrics: for each seed how many of them it has no finite value in, where others have one.
  package func overview() throws -> [String] {
    var counts = seeds.map { [Int](repeating: 0, count: $0.count) }
    let names = try summary.metrics()
    for name in names {
      let metric = try summary.metric(name)
      for (variant, missing) in metric.gaps(Array(metric.mean.indices)).enumerated() {
        for seed in missing { counts[variant][seed] += 1 }
      }
    }
    var notes: [String] = []
    for variant in seeds.indices {
      for seed in seeds[variant].indices {
        let count = counts[variant][seed]
        guard count > 0 || diverged[variant][seed] else { continue }
        notes.append(
          "\(summary.variants[variant]): \(words(variant, [seed])) has no finite value in \(count) of \(names.count) metrics where "
            + "other seeds have; means there are of the others.")
      }
    }
    let most = seeds.map(\.count).max() ?? 0
    for (variant, seeds) in zip(summary.variants, seeds) where seeds.count < most {
      notes.append("\(variant): \(seeds.count) of \(most) seeds are there.")
    }
    return notes
  }

  /// «seed 2 (diverged)», «seeds 2 and 4».
  private func words(_ variant: Int, _ places: [Int]) -> String {
    let names = places.map { place in
      let value = seeds[variant][place]
      let name = value.isFinite ? String(format: "%.0f", value) : "number \(place + 1)"
      return name + (diverged[variant][place] ? " (diverged)" : "")
    }
    return (names.count > 1 ? "seeds " : "seed ") + names.joined(separator: ", ")
  }
}
