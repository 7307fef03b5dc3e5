import Archive
import Arrays
import Console

/// What each layer gained and lost over training, by each estimator.
package struct BottleneckAnalysis: Analysis {
  /// One quantity of one estimator, `[checkpoint, depth]` each.
  struct Quantity {
    let value: NDArray<Double>
    let null: NDArray<Double>
    let lower: NDArray<Double>
    let upper: NDArray<Double>
    let flags: NDArray<UInt8>

    init(_ reader: RunReader, _ group: String) throws {
      value = try reader.read(group + "/value")
      null = try reader.read(group + "/null")
      lower = try reader.read(group + "/lower")
      upper = try reader.read(group + "/upper")
      flags = try reader.read(group + "/flags")
      count =
        try ["value", "null", "lower", "upper", "flags"].map {
          try reader.writtenRows("\(group)/\($0)")
        }.min() ?? 0
    }

    /// Whether there is something of it.
    static func isThere(_ reader: RunReader, _ group: String) throws -> Bool {
      try ["value", "null", "lower", "upper", "flags"].allSatisfy {
        try reader.writtenRows("\(group)/\($0)") > 0
      }
    }

    /// Checkpoints that all of its arrays have: while estimates are made some may be a row ahead.
    let count: Int
    /// Values of one depth over training.
    func series(_ depth: Int) -> [Double] { (0..<count).map { value[$0, depth] } }
    func row(_ array: KeyPath<Quantity, NDArray<Double>>, _ checkpoint: Int) -> [Double] {
      (0..<value.shape[1]).map { self[keyPath: array][checkpoint, $0] }
    }
  }

  /// The network, or an equation that learned the task.
  struct Trajectory {
    let name: String
    let input: Quantity
    /// Nil where samples have no labels.
    let label: Quantity?

    /// Checkpoints that both have.
    var count: Int { min(input.count, label?.count ?? input.count) }

    /// Of the labels at a depth and checkpoint; NaN without any.
    func label(_ array: KeyPath<Quantity, NDArray<Double>>, _ checkpoint: Int, _ depth: Int)
      -> Double
    {
      label.map { $0[keyPath: array][checkpoint, depth] } ?? .nan
    }

    /// The same of all depths.
    func labelRow(_ array: KeyPath<Quantity, NDArray<Double>>, _ checkpoint: Int) -> [Double] {
      (0..<input.value.shape[1]).map { label(array, checkpoint, $0) }
    }

    /// Largest I(X;T) over training less the last: how much the layer forgot about its input. NaN where an estimate is.
    func compression(_ depth: Int) -> Double {
      let series = series(depth)
      guard !series.contains(where: \.isNaN) else { return .nan }
      return (series.max() ?? 0) - (series.last ?? 0)
    }

    /// Estimates of I(X;T) or I(T;Y) that are not a number, over depths and checkpoints.
    var missing: Int {
      (0..<input.value.shape[1]).reduce(0) { sum, depth in
        guard let label else { return sum + series(depth).brokenCount }
        let labels = label.series(depth).prefix(count)
        return sum + zip(series(depth), labels).filter { $0.isNaN || $1.isNaN }.count
      }
    }

    /// I(X;T) of one depth over training.
    private func series(_ depth: Int) -> [Double] { Array(input.series(depth).prefix(count)) }

    /// Share of the training after which I(X;T) is largest: what comes later is compression. NaN where an estimate is.
    func peak(_ depth: Int) -> Double {
      let series = series(depth)
      guard !series.contains(where: \.isNaN) else { return .nan }
      let place = series.indices.max { series[$0] < series[$1] } ?? 0
      return series.count > 1 ? Double(place) / Double(series.count - 1) : .nan
    }
  }

  let depthTimes: [Double]
  private var estimators: [(name: String, trajectories: [Trajectory])] = []
  private let flagNames: [String]
  /// What was planned and has no estimate yet.
  private let unfinished: [String]
  /// Whether samples have labels.
  private let hasLabels: Bool

  package init(_ reader: RunReader) throws {
    let absent = try reader.absentArrays()
    let planned = Set(
      try reader.names(in: Layout.Information.equations)
        + absent.compactMap { RunReader.model($0, below: "equations") }
    ).sorted()
    let all = Set(
      try reader.names(in: Layout.Information.estimates)
        + absent.compactMap { RunReader.model($0, below: "estimates") }
    ).sorted()
    // Of samples without labels none are planned.
    let hasLabels = all.contains { name in
      let group = "\(Layout.Information.estimates)/\(name)/label"
      return reader.contains(group) || absent.contains { $0.hasPrefix(group + "/") }
    }
    self.hasLabels = hasLabels
    let quantities = hasLabels ? ["input", "label"] : ["input"]
    func isThere(_ group: String) throws -> Bool {
      try quantities.allSatisfy { try Quantity.isThere(reader, "\(group)/\($0)") }
    }
    let found = try all.filter { try isThere("\(Layout.Information.estimates)/\($0)") }
    let equations = try planned.filter { equation in
      try found.allSatisfy { try isThere("\(Layout.Information.equation(equation))/\($0)") }
    }
    unfinished =
      all.filter { !found.contains($0) } + planned.filter { !equations.contains($0) }
    for estimator in found {
      let groups =
        [("network", "\(Layout.Information.estimates)/\(estimator)")]
        + equations.map { ($0, "\(Layout.Information.equation($0))/\(estimator)") }
      estimators.append(
        (
          estimator,
          try groups.map { name, group in
            Trajectory(
              name: name, input: try Quantity(reader, group + "/input"),
              label: hasLabels ? try Quantity(reader, group + "/label") : nil)
          }
        ))
    }
    guard let first = estimators.first else {
      throw ArchiveError(.layout, "\(reader.path): holds no estimates yet")
    }
    let group = "\(Layout.Information.estimates)/\(first.name)/input"
    depthTimes = try reader.read(group + "/depth_time", as: Double.self).elements
    flagNames =
      try reader.attribute(group + "/flags", "flag_meanings")?.text?.split(separator: " ")
      .map(String.init) ?? []
    guard first.trajectories.allSatisfy({ $0.input.value.shape[1] == depthTimes.count }) else {
      throw ArchiveError(
        .layout,
        "\(reader.path): network and equations were estimated at different depths; train with "
          + "capture.taps containing residual.0.pre and residual.*.post alone")
    }
  }

  package func report() -> Report {
    var report = Report(
      "bottleneck",
      [
        ("estimator", "estimator"), ("trajectory", "trajectory"), ("depth_time", "depth-time"),
        ("input_first", "I(X;T) first"),
        ("input_last", "last"), ("input_lower", "2.5 %"), ("input_upper", "97.5 %"),
        ("compression", "compression"), ("label_first", "I(T;Y) first"), ("label_last", "last"),
        ("label_lower", "2.5 %"), ("label_upper", "97.5 %"), ("label_null", "null"),
        ("flags", "flags"),
      ])
    for (estimator, trajectories) in estimators {
      for trajectory in trajectories {
        let input = trajectory.input
        let last = trajectory.count - 1
        for depth in depthTimes.indices {
          let bits = input.flags[last, depth] | (trajectory.label?.flags[last, depth] ?? 0)
          let names = flagNames.enumerated().filter { bits & (1 << UInt8($0.offset)) != 0 }
          report.add([
            .text(estimator), .text(trajectory.name), .number(depthTimes[depth], digits: 3),
            .number(input.value[0, depth], digits: 3),
            .number(input.value[last, depth], digits: 3),
            .number(input.lower[last, depth], digits: 3),
            .number(input.upper[last, depth], digits: 3),
            .number(trajectory.compression(depth), digits: 3),
            .number(trajectory.label(\.value, 0, depth), digits: 3),
            .number(trajectory.label(\.value, last, depth), digits: 3),
            .number(trajectory.label(\.lower, last, depth), digits: 3),
            .number(trajectory.label(\.upper, last, depth), digits: 3),
            .number(trajectory.label(\.null, last, depth), digits: 3),
            .text(names.map(\.element).joined(separator: " ")),
          ])
        }
      }
    }
    report.notes = [
      "In nats. null: mean of I(T;Y) over shuffled labels, which is the estimator's bias at this "
        + "sample size. pairing_free: I(X;T) reads T alone, so no shuffle can change it."
    ]
    if !hasLabels { report.notes.append("The samples have no labels, so there is no I(T;Y).") }
    for (estimator, trajectories) in estimators {
      for item in trajectories where item.missing > 0 {
        report.notes.append(
          "\(estimator), \(item.name): \(item.missing) of \(item.count * depthTimes.count) estimates over training are not a number; "
            + "compression and peak of their depths are none.")
      }
    }
    report.notes += Notes.unfinished(unfinished, "estimated")
    return report
  }

  package func arrays() -> [CompleteArray] {
    typealias Axis = ArraySchema.AxisSchema
    let names = estimators.first?.trajectories.map(\.name) ?? []
    let trajectory = Axis("trajectory", names.count)
    let depth = Axis(
      "depth_time", depthTimes.count, coordinates: depthTimes,
      longName: "depth-time, layer / layer count")
    var arrays = [
      CompleteArray(
        Layout.Metrics.bottleneck.member("trajectory_name"), [trajectory], .texts(names),
        longName: "the network, then equations that learned the task")
    ]
    for (estimator, all) in estimators {
      func numbers(
        _ name: String, _ values: (Trajectory) -> [Double], _ longName: String,
        units: String = "nat", over: [Axis] = []
      ) {
        arrays.append(
          CompleteArray(
            Layout.Metrics.bottleneck.member("\(estimator)/\(name)"), [trajectory] + over + [depth],
            .numbers(all.flatMap(values)), longName: longName, units: units))
      }
      numbers(
        "compression", { item in depthTimes.indices.map(item.compression) },
        "largest I(X;T) over training less the last")
      numbers(
        "peak", { item in depthTimes.indices.map(item.peak) },
        "share of the training after which I(X;T) is largest", units: "1")
      numbers(
        "input_last", { $0.input.row(\.value, $0.count - 1) },
        "I(X;T) at the last checkpoint")
      if hasLabels {
        numbers(
          "label_last", { $0.labelRow(\.value, $0.count - 1) },
          "I(T;Y) at the last checkpoint")
        numbers(
          "label_null", { $0.labelRow(\.null, $0.count - 1) },
          "I(T;Y) over shuffled labels, last checkpoint")
        numbers(
          "label_gain",
          {
            zip($0.labelRow(\.value, $0.count - 1), $0.labelRow(\.value, 0)).map { $0 - $1 }
          },
          "I(T;Y) at the last checkpoint less the first")
      }
      // Over training, where all were looked at as often.
      let counts = Set(all.map(\.count))
      guard let count = counts.first, counts.count == 1 else { continue }
      let checkpoint = Axis("checkpoint", count)
      numbers(
        "input", { Array($0.input.value.elements.prefix(count * depthTimes.count)) },
        "I(X;T) over training", over: [checkpoint])
      guard hasLabels else { continue }
      numbers(
        "label", { Array(($0.label?.value.elements ?? []).prefix(count * depthTimes.count)) },
        "I(T;Y) over training", over: [checkpoint])
    }
    return arrays
  }
}
