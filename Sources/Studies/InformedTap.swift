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
    _ reader: RunReader, _ configuration: StudyConfiguration
  ) throws -> [InformedTap] {
    let isAttention = configuration.information.taps == "attention"
    let group = isAttention ? "/attention" : "/activations"
    let layers = Double(configuration.model.layers)
    var taps: [InformedTap] = []
    for name in try reader.names(in: group) {
      let parts = name.split(separator: ".")
      guard parts.count == 3, let layer = Double(parts[1]) else { continue }
      let path = "\(group)/\(name)/values"
      if isAttention, parts[0] == "attention", parts[2] == "map" {
        for head in 0..<(try reader.describe(path).shape[2]) {
          taps.append(
            InformedTap(
              name: "\(name) head \(head)", path: path, head: head,
              depthTime: (layer + 0.5) / layers))
        }
      } else if !isAttention, parts[0] == "residual" {
        let within: Double = parts[2] == "pre" ? 0 : parts[2] == "mid" ? 0.5 : 1
        taps.append(
          InformedTap(name: name, path: path, head: nil, depthTime: (layer + within) / layers))
      }
    }
    guard !taps.isEmpty else {
      throw ArchiveError(
        .layout,
        "\(reader.path): no \(isAttention ? "attention map" : "residual stream") was captured; train "
          + "with capture.taps containing \(isAttention ? "attention.*.map" : "residual.*.post")")
    }
    return taps.sorted { ($0.depthTime, $0.name) < ($1.depthTime, $1.name) }
  }

  /// The depths of an equation that was watched while it learned the task, in `fields`.
  static func all(_ model: String, _ fields: RunReader) throws -> [InformedTap] {
    let path = "/training/\(model)/u"
    let times = try fields.read("/training/\(model)/depth_time", as: Double.self).elements
    return times.enumerated().map { depth, time in
      InformedTap(name: "\(model) depth \(depth)", path: path, depth: depth, depthTime: time)
    }
  }

  /// Indices along the axes before `sample` at a checkpoint.
  func leading(_ checkpoint: Int) -> [Int] { [checkpoint] + (depth.map { [$0] } ?? []) }
}
