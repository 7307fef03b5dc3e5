import Archive
import Arrays

/// What `isotherm integrate` archived.
struct Solution {
  let u: NDArray<Double>
  let times: [Double]
  /// Names of u's axes after the first.
  let axes: [String]
  let energy: [Double]
  let mass: [Double]
  /// How it ended, in words.
  let ending: String

  init(_ source: FigureSource) throws {
    let group = Layout.Fields.solution.path + "/"
    try source.require(group + "u", "`isotherm integrate PROBLEM.yaml -o NAME` makes solutions")
    u = try source.numbers(group + "u")
    times = try source.numbers(group + "time").elements
    axes = try source.reader.describe(group + "u").axes.dropFirst().map(\.name)
    energy =
      source.reader.contains(group + "energy")
      ? try source.numbers(group + "energy").elements : []
    mass = try source.numbers(group + "mass").elements
    ending =
      source.reader.contains(Layout.Outcome.message)
      ? try source.texts(Layout.Outcome.message).first ?? "" : ""
    guard times.count > 1 else {
      throw ArchiveError(
        .layout, "\(source.reader.path): has \(times.count) snapshots; at least 2 are drawn")
    }
  }
}
