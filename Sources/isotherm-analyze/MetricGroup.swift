import Archive

/// The metrics of one analysis: arrays below `/metrics/NAME` that say how many samples they are of.
struct MetricGroup {
  /// The analysis, with what of it: `flow`, or `attention/raw_cosine`.
  let name: String
  /// Held-out samples.
  let samples: Int

  /// Numbers with the axes `axes`, in C order.
  func numbers(
    _ name: String, _ axes: [ArraySchema.AxisSchema], _ values: [Double], _ longName: String,
    units: String = "1"
  ) -> CompleteArray {
    CompleteArray(
      "/metrics/\(self.name)/\(name)", axes, .numbers(values), longName: longName, units: units,
      attributes: ["samples": .integer(Int64(samples))])
  }

  /// Names along an axis.
  func texts(
    _ name: String, _ axis: ArraySchema.AxisSchema, _ values: [String], _ longName: String
  ) -> CompleteArray {
    CompleteArray("/metrics/\(self.name)/\(name)", [axis], .texts(values), longName: longName)
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
