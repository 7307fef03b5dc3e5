import Foundation

/// `singular-values`: the spectrum of weight matrices, with the power law of its tail and the edges of a random matrix.
public enum SingularValuesFigure {
  /// One matrix.
  public struct Spectrum: Sendable {
    /// Words over the panel.
    public var name: String
    /// Singular values, largest first.
    public var values: [Double]
    /// Exponent of the power law, its distance, and the smallest eigenvalue and number of values of its tail; NaN and 0 for none.
    public var alpha: Double, distance: Double, minimum: Double, tail: Int
    /// Marchenko-Pastur edges of the eigenvalues σ².
    public var edges: (lower: Double, upper: Double)

    /// A spectrum.
    public init(
      name: String, values: [Double], alpha: Double, distance: Double, minimum: Double, tail: Int,
      edges: (lower: Double, upper: Double)
    ) {
      (self.name, self.values, self.alpha, self.distance) = (name, values, alpha, distance)
      (self.minimum, self.tail, self.edges) = (minimum, tail, edges)
    }
  }

  /// Draws a panel a matrix: the share of eigenvalues at or above each.
  public static func make(
    _ spectra: [Spectrum], checkpoint: Int, leftOut: Int, title: String, theme: Theme
  ) -> Figure {
    let panels = spectra.map { panel($0, theme) }
    let across = min(3, max(1, panels.count))
    let rows = (panels.count + across - 1) / across
    let fit = Panel.LineStyle(theme.color(1), width: 1.8)
    return Figure(
      title: title,
      caption:
        "Share of the eigenvalues λ = σ² at or above each, at checkpoint \(checkpoint); those above a ten thousandth of the largest; a power law is a straight line. D: distance of the fit, "
        + "which is none where D is not small. Edges: where the λ of a matrix of independent elements of this variance would end."
        + (leftOut > 0 ? " \(leftOut) more matrices: choose with --matrix." : ""),
      width: 130 + 210 * Double(across), height: 130 + 190 * Double(max(rows, 1)),
      legend: [
        .init("eigenvalues", .init(theme.color(0), width: 2)),
        .init("power law of the tail", fit),
        .init("null: edges of a random matrix", theme.nullLine(1)),
      ], sections: [.init(list: panels, across: across)])
  }

  private static func panel(_ spectrum: Spectrum, _ theme: Theme) -> Panel {
    let eigenvalues = spectrum.values.map { $0 * $0 }.filter { $0 > 0 }
    let count = Double(max(eigenvalues.count, 1))
    let shares = eigenvalues.indices.map { Double($0 + 1) / count }
    // The few that are nearly 0 would press all others together.
    let largest = eigenvalues.first ?? 1
    let shown = eigenvalues.indices.filter { eigenvalues[$0] > largest * 1e-4 }
    let y = Scale(fitting: shares, .log)
    let x = Scale(
      fitting: shown.map { eigenvalues[$0] }, .log,
      including: [spectrum.edges.upper].filter { $0 > 0 })
    var marks: [Panel.Mark] = []
    for edge in [spectrum.edges.lower, spectrum.edges.upper] where x.domain.contains(edge) {
      marks.append(
        .line(
          [edge, edge], [y.domain.lowerBound, y.domain.upperBound],
          theme.nullLine(1)))
    }
    marks.append(
      .points(
        shown.map { eigenvalues[$0] }, shown.map { shares[$0] }, theme.color(0), radius: 1.6,
        hollow: false))
    if spectrum.tail > 1, spectrum.alpha.isFinite, spectrum.minimum > 0 {
      let share = Double(spectrum.tail) / count
      // Down to the edge of the panel.
      let end =
        spectrum.minimum * pow(y.domain.lowerBound / share, 1 / (1 - spectrum.alpha))
      let reach = min(largest, max(end, spectrum.minimum))
      let places = (0...20).map {
        spectrum.minimum * pow(reach / spectrum.minimum, Double($0) / 20 * 0.999)
      }
      let heights = places.map {
        share * pow($0 / spectrum.minimum, 1 - spectrum.alpha)
      }
      marks.append(.line(places, heights, .init(theme.color(1), width: 1.8)))
    }
    let words =
      spectrum.alpha.isFinite
      ? ": α \(rounded(spectrum.alpha, 2)), D \(rounded(spectrum.distance, 3))" : ""
    return Panel(
      title: spectrum.name + words, x: .init(x, title: "λ = σ²"),
      y: .init(y, title: "share at or above"), marks: marks)
  }

  private static func rounded(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }
}
