import Archive
import Arrays
import Console
import Information
import Kernels

/// Network and PDE.
extension InformRun {
  /// I(T_network; T_pde) at every depth-time that both have, on the samples that both hold, at the last checkpoint.
  func compare(_ fields: RunReader, _ recorder: Recorder) throws {
    guard configuration.information.taps == .residual else {
      throw UsageError("--fields compares residual streams: leave information.taps=attention out")
    }
    let mine = try reader.read(Layout.Samples.index, as: Int32.self).elements.prefix(samples)
    let theirs = try fields.read(Layout.Samples.index, as: Int32.self).elements
    let common = mine.enumerated().compactMap { place, index in
      theirs.firstIndex(of: index).map { (mine: place, theirs: $0) }
    }
    guard common.count >= 16 else {
      throw ArchiveError(
        .layout,
        "\(fields.path) and \(reader.path) share \(common.count) captured samples; at least 16 are "
          + "needed: "
          + (configuration.isStudy
            ? "fit and train with the same capture.samples" : "capture more samples and fit anew"))
    }
    for model in try Self.models(fields) {
      let path = Layout.Fields(model).u
      let times = try fields.read(Layout.Fields(model).depthTime, as: Double.self).elements
      let estimates = try concurrently(taps.count) { item -> Estimate in
        guard let row = times.firstIndex(where: { abs($0 - taps[item].depthTime) < 1e-9 }) else {
          return .none
        }
        let stream: NDArray<Float> = try reader.readRow(taps[item].path, checkpoints - 1)
        // Fields are 0 at padding, and have the tokens in front.
        let cleared = padding.cleared(
          stream.elements, samples: stream.shape[0], of: stream.shape[1], step: stream.shape[1])
        let network = NDArray(
          shape: stream.shape,
          elements: padding.tokensFirst(states: cleared, of: Array(0..<stream.shape[0])))
        let field: NDArray<Float> = try fields.readRow(path, row)
        return try LayerEstimator.densities(
          Self.distances(network, common.map(\.mine)),
          Self.distances(field, common.map(\.theirs)), configuration.information.noise, resampling)
      }
      for part in InformSchema.parts {
        try recorder.append(
          "\(Layout.Information.networkPDE(model))/\(part.name)", estimates.map(part.value))
      }
      try recorder.append(
        "\(Layout.Information.networkPDE(model))/flags", estimates.map(\.flags.archived))
    }
  }

  static func models(_ fields: RunReader) throws -> [String] {
    try fields.names(in: Layout.Fields.group).filter { fields.contains(Layout.Fields($0).u) }
  }

  private static func distances(_ values: NDArray<Float>, _ rows: [Int]) throws -> LayerDistances {
    let size = values.shape.dropFirst().reduce(1, *)
    var distances = try LayerDistances(count: rows.count)
    try distances.add(rows.flatMap { values.elements[$0 * size..<($0 + 1) * size] })
    return distances
  }
}
