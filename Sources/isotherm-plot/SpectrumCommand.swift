import Archive
import ArgumentParser
import Arrays
import Console
import Figures

/// `isotherm-plot spectrum FIELDS|SOLUTION -o OUT.png`
struct SpectrumCommand: FigureCommand {
  static let configuration = CommandConfiguration(
    commandName: "spectrum", abstract: "Power of a field's spatial modes over time or depth.",
    discussion: """
      Cosine modes for closed ends, Fourier modes for periodic ones; on a plane, modes of about the same distance from 0 are \
      added. Fields of isotherm fit are averaged over channels and up to 32 samples.
      """)
  static let kinds: [RunSchema.Kind] = [.fields]
  static let takes = "fields of `isotherm fit`, or a solution"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    if source.reader.contains("/fields/solution/u") { return try solution(source) }
    let models = try source.reader.names(in: "/fields").filter {
      source.reader.contains("/fields/\($0)/u")
    }
    guard let first = models.first else {
      throw ArchiveError(
        .layout,
        "\(source.reader.path): holds no fields; `isotherm fit` and `isotherm integrate` make them")
    }
    let times = try source.numbers("/fields/\(first)/depth_time").elements
    var samples = 0
    let periodic = try isPeriodic("/fields/\(first)/u", source)
    let fields = try models.map { model -> SpectrumFigure.Field in
      let path = "/fields/\(model)/u"
      let shape = try source.reader.describe(path).shape
      let isPlane = shape.count == 5
      samples = min(32, shape[1])
      let (rows, columns) = isPlane ? (shape[2], shape[3]) : (1, shape[2])
      let power = try times.indices.map { depth in
        let u = try source.part(
          path, start: [depth] + shape.dropFirst().map { _ in 0 },
          count: [1, samples] + shape.dropFirst(2))
        return mean(
          u.elements, rows: rows, columns: columns, channels: shape[shape.count - 1], periodic)
      }
      return field(model, power)
    }
    return SpectrumFigure.make(
      fields, times: times, time: "depth-time",
      caption:
        "Mean over \(samples) held-out samples and all channels; mode 0, the mean over positions, is left out. "
        + kind(periodic) + " Powers add up to the mean square.",
      title: "Spectrum: \(source.reader.title)", theme: options.theme.theme)
  }

  private func kind(_ periodic: Bool) -> String {
    periodic ? "Fourier modes." : "Cosine modes, of closed ends."
  }

  private func isPeriodic(_ path: String, _ source: FigureSource) throws -> Bool {
    try source.reader.attribute(path, "boundary")?.text == "periodic"
  }

  private func solution(_ source: FigureSource) throws -> Figure {
    let solution = try Solution(source)
    guard !solution.axes.contains("token"), !solution.axes.contains("moment") else {
      throw ArchiveError(
        .layout,
        "\(source.reader.path): holds tokens, not a field; `isotherm-plot phase` draws them")
    }
    let shape = solution.u.shape
    let isPlane = solution.axes.contains("y")
    let channels = solution.axes.contains("channel") ? shape[shape.count - 1] : 1
    let (rows, columns) = isPlane ? (shape[1], shape[2]) : (1, shape[1])
    let periodic = try isPeriodic("/fields/solution/u", source)
    let shown = min(24, solution.times.count)
    let chosen = (0..<shown).map { $0 * (solution.times.count - 1) / max(shown - 1, 1) }
    let power = chosen.map {
      mean(solution.u.row($0).elements, rows: rows, columns: columns, channels: channels, periodic)
    }
    return SpectrumFigure.make(
      [field("u", power)], times: chosen.map { solution.times[$0] }, time: "time",
      caption: "\(shown) of \(solution.times.count) snapshots; mode 0 is left out. "
        + kind(periodic)
        + " Powers add up to the mean square. " + solution.ending,
      title: "Spectrum: \(source.reader.title)", theme: options.theme.theme)
  }

  /// Modes that some power reaches, without the mean.
  private func field(_ name: String, _ power: [[Double]]) -> SpectrumFigure.Field {
    let count = power.first?.count ?? 0
    let used = (1..<max(count, 1)).filter { mode in power.contains { $0[mode] > 0 } }
    return SpectrumFigure.Field(
      name: name, modes: used.map(Double.init), power: power.map { row in used.map { row[$0] } })
  }

  /// Mean power over samples and channels of `[sample, y, x, channel]`.
  private func mean(
    _ values: [Double], rows: Int, columns: Int, channels: Int, _ periodic: Bool
  ) -> [Double] {
    let cells = rows * columns
    let samples = values.count / (cells * channels)
    var sum: [Double] = []
    for sample in 0..<samples {
      for channel in 0..<channels {
        let line = (0..<cells).map { values[(sample * cells + $0) * channels + channel] }
        let power =
          rows > 1
          ? SpectrumFigure.power(line, rows: rows, columns: columns, isPeriodic: periodic)
          : SpectrumFigure.power(line, isPeriodic: periodic)
        if sum.isEmpty { sum = [Double](repeating: 0, count: power.count) }
        for mode in power.indices { sum[mode] += power[mode] }
      }
    }
    return sum.map { $0 / Double(max(1, samples * channels)) }
  }
}
