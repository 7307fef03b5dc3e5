import Foundation
import HDF5

/// The group that says where an archive comes from, and what it lacks.
extension TreeWriter {
  func writeProvenance(_ root: Group, _ finished: Date?) throws {
    let group = try root.makeGroup(Layout.Provenance.group)
    for item in schema.provenance.texts(finished: finished) {
      let dataset = try group.createDataset(item.name, .utf8, shape: [])
      try dataset.writeStrings([item.text])
      try dataset.setAttribute("long_name", .text(item.longName))
    }
    let absent = schema.arrays.filter(isAbsent).map(\.path)
    try Self.write(
      [("absent", absent, "paths of arrays that were planned and never written")],
      of: "absent_array", "index of the arrays that are not there", to: group)
    try Self.writeSources(schema.provenance.sources, in: group)
    try writeSessions(group)
  }

  /// Writes the archives that one was made from into the group of its provenance.
  static func writeSources(_ sources: [Provenance.Source], in group: Group) throws {
    try write(
      [
        ("source_path", sources.map(\.path), "path of each source archive when it was read"),
        ("source_run_id", sources.map(\.runID), "run id of each source archive"),
        (
          "source_sha256", sources.map(\.sha256),
          "logical sha256 of each source archive; of another file that of its bytes"
        ),
      ], of: "source", "source archive index", to: group)
  }

  private func writeSessions(_ group: Group) throws {
    let sessions = schema.provenance.sessions ?? []
    let facts = Provenance.Session.facts.map { name, longName in
      ("session_\(name)", sessions.map { $0.texts[name] ?? "" }, longName)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let rows = try sessions.map { String(decoding: try encoder.encode($0.rows), as: UTF8.self) }
    try Self.write(
      facts + [
        (
          "session_rows", rows,
          "rows along each axis that were there when each process began, JSON; those after are its own"
        )
      ], of: "session", "index of the processes that wrote the archive one after the other",
      to: group)
  }

  /// Texts along one axis; nothing when there are none.
  private static func write(
    _ columns: [(name: String, values: [String], longName: String)], of axisName: String,
    _ axisMeaning: String, to group: Group
  ) throws {
    guard let count = columns.first?.values.count, count > 0 else { return }
    let axis = ArraySchema.AxisSchema(axisName, count, longName: axisMeaning)
    let scale = try makeScale(group, axis, count)
    for (name, values, longName) in columns {
      let dataset = try group.createDataset(name, .utf8, shape: [count])
      try dataset.writeStrings(values)
      try dataset.setAttribute("long_name", .text(longName))
      try dataset.setAttribute("units", .text("1"))
      try dataset.attach(scale, axis: 0)
    }
  }
}
