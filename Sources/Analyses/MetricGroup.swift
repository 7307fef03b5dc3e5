import Archive

/// The metrics of one analysis: arrays below `/metrics/NAME` that say how many samples they are of.
struct MetricGroup {
  /// The analysis.
  let analysis: Layout.Metrics
  /// Held-out samples.
  let samples: Int
  /// What of it, for example `raw_cosine/`; empty for all.
  var part = ""

  /// Numbers with the axes `axes`, in C order.
  func numbers(
    _ name: String, _ axes: [ArraySchema.AxisSchema], _ values: [Double], _ longName: String,
    units: String = "1"
  ) -> CompleteArray {
    CompleteArray(
      analysis.member(part + name), axes, .numbers(values), longName: longName, units: units,
      attributes: ["samples": .integer(Int64(samples))])
  }

  /// Names along an axis.
  func texts(
    _ name: String, _ axis: ArraySchema.AxisSchema, _ values: [String], _ longName: String
  ) -> CompleteArray {
    CompleteArray(analysis.member(part + name), [axis], .texts(values), longName: longName)
  }
}

extension ArraySchema.AxisSchema {
  /// Depth-time of `count` states: the first at 0, the last at 1.
  static func depthTime(_ count: Int, name: String = "depth_time") -> Self {
    Self(
      name, count, coordinates: (0..<count).map { Double($0) / Double(max(count - 1, 1)) },
      longName: "depth-time, layer / layer count")
  }
}
