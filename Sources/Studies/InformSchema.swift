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
    _ group: String, _ name: String, _ axes: [ArraySchema.AxisSchema], estimator: String,
    _ settings: StudyConfiguration.Information, samples: Int, missing: String? = nil,
    entropy: Double? = nil
  ) -> [ArraySchema] {
    var attributes: [String: AttributeValue] = [
      "estimator": .text(estimator), "settings": .text(describe(estimator, settings)),
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
        "\(group)/\(part.name)", .float64, axes, longName: "\(name) by \(estimator)\(part.what)",
        units: "nat", attributes: described)
    } + [
      ArraySchema(
        "\(group)/flags", .uint8, axes, longName: "warnings, bits",
        attributes: ["flag_meanings": .text(Estimate.Flags.meanings)])
    ]
  }

  static func describe(
    _ estimator: String, _ settings: StudyConfiguration.Information
  ) -> String {
    switch estimator {
    case "kde": "upper bound, noise \(settings.noise) of each layer's root-mean-square spread"
    case "kde-lower": "lower bound, noise \(settings.noise) of each layer's root-mean-square spread"
    case "renyi":
      "order 1.01, kernel width \(settings.noise) of each side's root-mean-square spread"
    case "ksg": "k = 5, Euclidean distances of each side; input: the captured samples' own pixels"
    default: "\(settings.bins) bins a channel over its range"
    }
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
