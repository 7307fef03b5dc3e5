import Arrays
import HDF5

extension RunSchema {
  /// The schema of an archive as it is stored, to write it anew: same run id, same provenance word for word.
  init(stored reader: RunReader) throws {
    let paths = try reader.paths().filter { !$0.hasPrefix("/provenance/") }
    self.init(
      reader.kind, title: reader.title,
      arrays: try paths.map { try ArraySchema(stored: reader, $0) },
      defaultGroup: try reader.attribute("/", "default")?.text,
      provenance: try Provenance(stored: reader))
    runID = reader.runID
    history = try reader.attribute("/", "history")?.text
  }

  /// Adds a line of CF `history`.
  mutating func note(_ line: String) {
    history = [history, line].compactMap { $0 }.joined(separator: "\n")
  }
}

extension Provenance {
  fileprivate init(stored reader: RunReader) throws {
    self.init(
      configuration: "", seed: 0, blasCore: "", sources: try reader.sources(), command: [])
    var texts: [String: String] = [:]
    for item in self.texts(finished: nil) where reader.contains("/provenance/\(item.name)") {
      texts[item.name] = try reader.readTexts("/provenance/\(item.name)").first
    }
    configuration = texts["configuration"] ?? ""
    kept = texts
    sessions = try reader.storedSessions()
  }
}

extension ArraySchema {
  /// The schema of one stored array.
  init(stored reader: RunReader, _ path: String) throws {
    let array = try reader.describe(path)
    let dataset = try reader.root.dataset(path)
    let grows = try array.type != .utf8 && dataset.isExtendible
    let group = "/" + path.split(separator: "/").dropLast().joined(separator: "/")
    let axes = try array.axes.enumerated().map { index, axis in
      try AxisSchema(stored: reader, axis, group, grows: grows && index == 0)
    }
    let known = Set([
      "long_name", "units", "coordinates", "logical_sha256", "DIMENSION_LIST", "CLASS", "NAME",
      "REFERENCE_LIST",
    ])
    var attributes: [String: AttributeValue] = [:]
    for name in try dataset.attributeNames() where !known.contains(name) && !name.hasPrefix("_") {
      attributes[name] = try dataset.attribute(name)
    }
    self.init(
      path, array.type, axes, longName: array.longName, units: array.units,
      coordinates: try dataset.attribute("coordinates")?.text?
        .split(separator: " ").map(String.init) ?? [], attributes: attributes)
    if let filters = array.filters { self.filters = filters }
    fixedChunk = array.chunk
  }
}

extension ArraySchema.AxisSchema {
  fileprivate init(
    stored reader: RunReader, _ axis: Axis, _ group: String, grows: Bool
  ) throws {
    self.init(axis.name, grows ? nil : axis.length)
    let place = group == "/" ? "/" + axis.name : group + "/" + axis.name
    guard reader.contains(place) else { return }
    let scale = try reader.describe(place)
    if !scale.longName.isEmpty { longName = scale.longName }
    units = scale.units
    // Written out as numbers of their own only when they do more than count.
    if scale.type == .float64, scale.sha256 == nil {
      coordinates = try reader.read(place, as: Double.self).elements
    }
  }
}
