import Archive
import Arrays
import Figures

extension FigureSource {
  /// A measure of flow metrics as a curve a trajectory, with its interval; depths count from `first`.
  func flowCurves(_ name: String, first: Int) throws -> [Curve] {
    let path = Layout.Metrics.flow.prefix + name
    let value = try numbers(path, axes: 2).rows
    let (lower, upper) = (
      try numbers(path + "_lower", axes: 2).rows, try numbers(path + "_upper", axes: 2).rows
    )
    return try texts(Layout.Metrics.flow.member("trajectory_name")).enumerated().map { i, name in
      Curve(
        Words.candidate(name), value[i].indices.map { Double($0 + first) }, value[i],
        lower: lower[i], upper: upper[i], isNull: Words.isNull(name))
    }
  }
}
