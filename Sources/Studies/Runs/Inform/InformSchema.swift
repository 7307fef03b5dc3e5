import Archive
import Arrays
import Information
import Kernels

/// The arrays of an information archive.
enum InformSchema {
  /// Arrays of the parts of an estimate: name and description.
  static let parts: [(name: String, what: String, value: @Sendable (Estimate) -> Double)] = [
    ("value", "", { $0.value }), ("null", ", mean over shuffles", { $0.null }),
    ("null_upper", ", 97.5 % quantile over shuffles", { $0.nullUpper }),
    ("lower", ", 2.5 % limit by delete-half subsampling", { $0.lower }),
    ("upper", ", 97.5 % limit by delete-half subsampling", { $0.upper }),
  ]

  /// The arrays of one quantity in `group`.
  static func quantity(
    _ group: String, _ name: String, _ axes: [ArraySchema.AxisSchema],
    by estimator: LayerEstimator, _ settings: StudyConfiguration.Information, input: InformedInput,
    samples: Int, missing: String? = nil,
    entropy: Double? = nil
  ) -> [ArraySchema] {
    var attributes: [String: AttributeValue] = [
      "estimator": .text(estimator.rawValue),
      "settings": .text(estimator.settings(settings, input: input)),
      "samples": .integer(Int64(samples)), "shuffles": .integer(Int64(settings.shuffles)),
      "resamples": .integer(Int64(settings.resamples)),
    ]
    // What a NaN stands for, so that nobody takes it for a failure.
    if let missing { attributes["nan_meaning"] = .text(missing) }
    // The most that anything can know of the labels, nats.
    if let entropy { attributes["label_entropy"] = .number(entropy) }
    let described = attributes
    return parts.map { part in
      ArraySchema(
        "\(group)/\(part.name)", .float64, axes,
        longName: "\(name) by \(estimator.rawValue)\(part.what)",
        units: "nat", attributes: described)
    } + [
      ArraySchema(
        "\(group)/flags", .uint8, axes, longName: "warnings, bits",
        attributes: ["flag_meanings": .text(Estimate.Flags.meanings)])
    ]
  }
}

extension Recorder {
  /// Appends one row of estimates to the arrays of a quantity.
  func append(_ estimates: [Estimate], to group: String) throws {
    for part in InformSchema.parts {
      try append("\(group)/\(part.name)", estimates.map(part.value))
    }
    try append("\(group)/flags", estimates.map(\.flags.archived))
  }
}
