import Archive

/// One captured place whose information is estimated: a residual stream, or the attention map of one head.
struct InformedTap {
  /// For people, and in the archive.
  let name: String
  /// Dataset of its values.
  let path: String
  /// The head, of an attention map.
  var head: Int?
  /// The depth, of an equation's field: the second axis.
  var depth: Int?
  /// Layer over layer count.
  let depthTime: Double

  /// All that the run captured, by depth.
  /// - Throws: ``Archive/ArchiveError`` when there is none.
  static func all(
    _ reader: RunReader, _ configuration: InformConfiguration
  ) throws -> [InformedTap] {
    let isAttention = configuration.information.taps == .attention
    let layers = Double(configuration.layers)
    var taps: [InformedTap] = []
    for tap in try reader.taps() {
      guard let layer = tap.layer, let within = depth(of: tap.quantity) else { continue }
      let depthTime = (Double(layer) + within) / layers
      switch tap.quantity {
      case .map where isAttention:
        for head in 0..<(try reader.describe(tap.path).shape[2]) {
          taps.append(
            InformedTap(
              name: "\(tap) head \(head)", path: tap.path, head: head, depthTime: depthTime))
        }
      case .residualPre, .residualMid, .residualPost:
        if isAttention { continue }
        taps.append(
          InformedTap(name: "\(tap)", path: tap.path, head: nil, depthTime: depthTime))
      default: continue
      }
    }
    guard !taps.isEmpty else {
      throw ArchiveError(
        .layout,
        "\(reader.path): no \(isAttention ? "attention map" : "residual stream") was captured; "
          + (configuration.isStudy
            ? "train with capture.taps containing \(isAttention ? "attention.*.map" : "residual.*.post")"
            : "isotherm capture runs an imported network over data, and isotherm import --preset takes \(isAttention ? "maps" : "states") that were saved elsewhere")
      )
    }
    return taps.sorted { ($0.depthTime, $0.name) < ($1.depthTime, $1.name) }
  }

  /// How far through its layer a quantity stands whose information is estimated; nil for others.
  private static func depth(of quantity: TapName.Quantity) -> Double? {
    switch quantity {
    case .residualPre: 0
    case .residualMid, .map: 0.5
    case .residualPost: 1
    default: nil
    }
  }

  /// The depths of an equation that was watched while it learned the task, in `fields`.
  static func all(_ model: String, _ fields: RunReader) throws -> [InformedTap] {
    let path = Layout.Training(model).u
    let times = try fields.read(Layout.Training(model).depthTime, as: Double.self).elements
    return times.enumerated().map { depth, time in
      InformedTap(name: "\(model) depth \(depth)", path: path, depth: depth, depthTime: time)
    }
  }

  /// Indices along the axes before `sample` at a checkpoint.
  func leading(_ checkpoint: Int) -> [Int] { [checkpoint] + (depth.map { [$0] } ?? []) }
}
