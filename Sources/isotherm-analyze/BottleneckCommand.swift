import Archive
import ArgumentParser
import Arrays
import Console

/// `isotherm-analyze bottleneck INFORMATION`
struct BottleneckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bottleneck",
    abstract: "Compression and label information per depth over training, beside their nulls.")

  @OptionGroup var options: AnalysisOptions

  func run() throws {
    let inputs = try options.open([.information])
    let reader = try inputs.one(.information)
    let analysis = try BottleneckAnalysis(reader)
    try options.finish(
      analysis.report(), analysis.arrays(), inputs, title: reader.title)
  }
}

/// What each layer gained and lost over training, by each estimator.
struct BottleneckAnalysis {
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
    }
  }

  let depthTimes: [Double]
  private var quantities: [(estimator: String, input: Quantity, label: Quantity)] = []
  private let flagNames: [String]

  init(_ reader: RunReader) throws {
    for estimator in try reader.names(in: "/estimates") {
      let group = "/estimates/\(estimator)"
      quantities.append(
        (
          estimator, try Quantity(reader, group + "/input"),
          try Quantity(reader, group + "/label")
        ))
    }
    guard let first = quantities.first, first.input.value.shape[0] > 0 else {
      throw ArchiveError(.layout, "\(reader.path): holds no estimates yet")
    }
    let group = "/estimates/\(first.estimator)/input"
    depthTimes = try reader.read(group + "/depth_time", as: Double.self).elements
    flagNames =
      try reader.attribute(group + "/flags", "flag_meanings")?.text?.split(separator: " ")
      .map(String.init) ?? []
  }

  /// Largest I(X;T) over training less the last: how much the layer forgot about its input.
  private func compression(_ input: Quantity, _ depth: Int) -> Double {
    let series = (0..<input.value.shape[0]).map { input.value[$0, depth] }
    return (series.max() ?? 0) - (series.last ?? 0)
  }

  func report() -> Report {
    var report = Report(
      "bottleneck",
      [
        ("estimator", "estimator"), ("depth_time", "depth-time"), ("input_first", "I(X;T) first"),
        ("input_last", "last"), ("input_lower", "2.5 %"), ("input_upper", "97.5 %"),
        ("compression", "compression"), ("label_first", "I(T;Y) first"), ("label_last", "last"),
        ("label_lower", "2.5 %"), ("label_upper", "97.5 %"), ("label_null", "null"),
        ("flags", "flags"),
      ])
    for (estimator, input, label) in quantities {
      let last = input.value.shape[0] - 1
      for depth in depthTimes.indices {
        let bits = input.flags[last, depth] | label.flags[last, depth]
        let names = flagNames.enumerated().filter { bits & (1 << UInt8($0.offset)) != 0 }
        report.add([
          .text(estimator), .number(depthTimes[depth], digits: 3),
          .number(input.value[0, depth], digits: 3), .number(input.value[last, depth], digits: 3),
          .number(input.lower[last, depth], digits: 3),
          .number(input.upper[last, depth], digits: 3),
          .number(compression(input, depth), digits: 3),
          .number(label.value[0, depth], digits: 3), .number(label.value[last, depth], digits: 3),
          .number(label.lower[last, depth], digits: 3),
          .number(label.upper[last, depth], digits: 3),
          .number(label.null[last, depth], digits: 3),
          .text(names.map(\.element).joined(separator: " ")),
        ])
      }
    }
    report.notes = [
      "In nats. null: mean of I(T;Y) over shuffled labels, which is the estimator's bias at this "
        + "sample size. pairing_free: I(X;T) reads T alone, so no shuffle can change it."
    ]
    return report
  }

  func arrays() -> [CompleteArray] {
    let depth = ArraySchema.AxisSchema(
      "depth_time", depthTimes.count, coordinates: depthTimes,
      longName: "depth-time, layer / layer count")
    return quantities.flatMap { estimator, input, label -> [CompleteArray] in
      let group = "/metrics/bottleneck/\(estimator)"
      let last = input.value.shape[0] - 1
      func row(_ array: NDArray<Double>, _ checkpoint: Int) -> [Double] {
        depthTimes.indices.map { array[checkpoint, $0] }
      }
      func numbers(_ name: String, _ values: [Double], _ longName: String) -> CompleteArray {
        CompleteArray(
          "\(group)/\(name)", [depth], .numbers(values), longName: longName, units: "nat")
      }
      return [
        numbers(
          "compression", depthTimes.indices.map { compression(input, $0) },
          "largest I(X;T) over training less the last"),
        numbers("input_last", row(input.value, last), "I(X;T) at the last checkpoint"),
        numbers("label_last", row(label.value, last), "I(T;Y) at the last checkpoint"),
        numbers(
          "label_null", row(label.null, last), "I(T;Y) over shuffled labels, last checkpoint"),
        numbers(
          "label_gain",
          zip(row(label.value, last), row(label.value, 0)).map { $0 - $1 },
          "I(T;Y) at the last checkpoint less the first"),
      ]
    }
  }
}
