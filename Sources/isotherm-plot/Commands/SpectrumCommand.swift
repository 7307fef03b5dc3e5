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
      Cosine modes for closed ends, sine modes for ends held at 0, Fourier modes for periodic ones; on a plane, modes of about the same distance from 0 are \
      added. Fields of isotherm fit are averaged over channels and up to 32 samples.
      """)
  static let kinds: [RunSchema.Kind] = [.fields]
  static let takes = "fields of `isotherm fit`, or a solution"

  @OptionGroup var options: PlotOptions

  func make(_ source: FigureSource) throws -> Figure {
    if source.reader.contains(Layout.Fields.solution.u) { return try solution(source) }
    let models = try source.reader.names(in: Layout.Fields.group).filter {
      source.reader.contains(Layout.Fields($0).u)
    }
    guard let first = models.first else {
      throw ArchiveError(
        .layout,
        "\(source.reader.path): holds no fields; `isotherm fit` and `isotherm integrate` make them")
    }
    let times = try source.numbers(Layout.Fields(first).depthTime).elements
    var samples = 0
    let modes = try modes(Layout.Fields(first).u, source)
    var units: [Double] = []
    let fields = try models.map { model -> SpectrumFigure.Field in
      let path = Layout.Fields(model).u
      let shape = try source.reader.describe(path).shape
      let isPlane = shape.count == 5
      guard shape.count == 4 || isPlane, shape[0] >= times.count else {
        throw ArchiveError(
          .layout, "\(path): expected [depth, sample, position, channel], found the shape \(shape)")
      }
      samples = min(32, shape[1])
      let (rows, columns) = isPlane ? (shape[2], shape[3]) : (1, shape[2])
      let power = try times.indices.map { depth in
        let u = try source.part(
          path, start: [depth] + shape.dropFirst().map { _ in 0 },
          count: [1, samples] + shape.dropFirst(2))
        return try mean(
          u.elements, rows: rows, columns: columns, channels: shape[shape.count - 1], modes)
      }
      units += power.map(\.unit)
      return field(
        Words.candidate(model), power, modes, digits: try source.digits(path),
        unit: units.max() ?? 1)
    }
    return SpectrumFigure.make(
      fields, times: times, time: "depth-time",
      caption:
        "Mean over \(samples) held-out samples and all channels"
        + (modes.hasConstant ? "; mode 0, the mean over positions, is left out. " : ". ")
        + modes.words + ". " + sums(units.max() ?? 1),
      title: "Spectrum: \(source.reader.title)", theme: options.theme.theme)
  }

  private func sums(_ unit: Double) -> String {
    unit == 1
      ? "Powers add up to the mean square."
      : "Powers are in units of (\(FieldFigure.short(unit)))² and add up to the mean square."
  }

  /// The modes of an array's ends; closed ones where it does not say.
  private func modes(_ path: String, _ source: FigureSource) throws -> Modes {
    guard let name = try source.reader.attribute(path, "boundary")?.text else { return .neumann }
    guard let modes = Modes(rawValue: name) else {
      throw ArchiveError(
        .layout,
        "\(source.reader.path): \(path) has the boundary \"\(name)\"; expected "
          + Modes.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return modes
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
    let modes = try modes(Layout.Fields.solution.u, source)
    let shown = min(24, solution.times.count)
    let chosen = (0..<shown).map { $0 * (solution.times.count - 1) / max(shown - 1, 1) }
    let power = try chosen.map {
      try mean(
        solution.u.row($0).elements, rows: rows, columns: columns, channels: channels, modes)
    }
    let unit = power.map(\.unit).max() ?? 1
    let digits = try source.digits(Layout.Fields.solution.u)
    return SpectrumFigure.make(
      [field("u", power, modes, digits: digits, unit: unit)],
      times: chosen.map { solution.times[$0] }, time: "time",
      caption: "\(shown) of \(solution.times.count) snapshots"
        + (modes.hasConstant ? "; mode 0 is left out. " : ". ") + modes.words + ". "
        + sums(unit) + " " + solution.ending,
      title: "Spectrum: \(source.reader.title)", theme: options.theme.theme)
  }

  /// Powers, in units of the square of `unit`.
  private typealias Powers = (values: [Double], unit: Double)

  /// All modes but the constant one, in units of the square of `unit`; what is below eight digits of rounding of its time's whole
  /// power is 0 as far as the field can tell.
  private func field(
    _ name: String, _ power: [Powers], _ modes: Modes, digits: Double, unit: Double
  ) -> SpectrumFigure.Field {
    let rows = power.map { row in
      row.values.map { $0 * (row.unit / unit) * (row.unit / unit) }
    }
    let used = Array(1..<max(rows.first?.count ?? 0, 1))
    return SpectrumFigure.Field(
      name: name, modes: used.map(Double.init), power: rows.map { row in used.map { row[$0] } },
      floor: rows.map { row in
        row.filter(\.isFinite).reduce(0, +) * (8 * digits) * (8 * digits)
      })
  }

  /// Mean power over samples and channels of `[sample, y, x, channel]`, in units of the square of the largest value where squares
  /// would be more than a number can be, or 0.
  private func mean(
    _ values: [Double], rows: Int, columns: Int, channels: Int, _ modes: Modes
  ) throws -> Powers {
    let cells = rows * columns
    // Each mode is a sum over all cells of a line, and a plane has two of them.
    let (work, isMore) = cells.multipliedReportingOverflow(by: rows > 1 ? rows + columns : cells)
    guard !isMore, work <= 1 << 32 else {
      throw UsageError(
        "\(options.file): the modes of \(rows) x \(columns) cells would take hours; draw a field of fewer cells"
      )
    }
    let largest = values.reduce(0.0) { $1.isFinite ? max($0, abs($1)) : $0 }
    let unit = largest == 0 || (1e-140...1e140).contains(largest) ? 1 : largest
    let samples = values.count / max(cells * channels, 1)
    var sum: [Double] = []
    for sample in 0..<samples {
      try Interruption.check("nothing is written") {}
      for channel in 0..<channels {
        let line = (0..<cells).map { values[(sample * cells + $0) * channels + channel] / unit }
        let power =
          rows > 1 ? modes.power(line, rows: rows, columns: columns) : modes.power(line)
        if sum.isEmpty { sum = [Double](repeating: 0, count: power.count) }
        for mode in power.indices { sum[mode] += power[mode] }
      }
    }
    return (sum.map { $0 / Double(max(1, samples * channels)) }, unit)
  }
}
