import Arrays
import Foundation
import HDF5

/// Makes the object tree of an archive in one file: groups, arrays, dimension scales, attributes, provenance.
///
/// Used for the index of a run that is being written (arrays are virtual) and for a sealed file (arrays hold data).
struct TreeWriter {
  let schema: RunSchema
  /// Acknowledged rows of each stream.
  let rows: [String: Int]
  /// Text arrays, which are small and written whole.
  let texts: [String: [String]]
  /// Logical hash of an array, once its values are there; nil while they are not all known.
  let hash: (ArraySchema) throws -> String?

  /// Writes the tree into the empty `file`; `makeArray` makes the dataset of each array of numbers, of `shape` behind the array's
  /// ``ArraySchema/leadShape``. Where rows are
  /// counted by an axis without values of its own, `counting` may tell where the numbers 0 ..< length lie already.
  func write(
    to file: File, finished: Date?,
    makeArray: (_ group: Group, _ array: ArraySchema, _ shape: [Int]) throws -> Dataset,
    counting: (_ length: Int) throws -> DatasetCreation.Source? = { _ in nil }
  ) throws {
    let root = try file.root
    try root.setAttribute("Conventions", .text("CF-1.11"))
    try root.setAttribute("isotherm_layout", .integer(1))
    try root.setAttribute("title", .text(schema.title))
    try root.setAttribute("run_id", .text(schema.runID))
    try root.setAttribute("kind", .text(schema.kind.rawValue))
    try root.setAttribute("dimension_order", .text("C"))
    try root.setAttribute("NX_class", .text("NXroot"))
    if let history = schema.history { try root.setAttribute("history", .text(history)) }
    if let place = schema.defaultGroup { try root.setAttribute("default", .text(place)) }
    try writeProvenance(root, finished)
    try writeExplanation(root)
    for (path, planned) in schema.groups {
      let arrays = planned.filter { !isAbsent($0) }
      guard !arrays.isEmpty else { continue }
      let group = path == "/" ? root : try root.makeGroup(path)
      try writeGroup(group, arrays, makeArray, counting)
    }
  }

  /// Whether nothing of an array that is written once was written yet: it is left out, since an array of zeros would be a
  /// result that nobody computed. A stream without rows says so by its length.
  func isAbsent(_ array: ArraySchema) -> Bool {
    if array.type == .utf8 { return texts[array.path] == nil && !array.isStream }
    return !array.isStream && (rows[array.path] ?? 0) == 0
  }

  /// How many rows of an array that is written once are there; nil when all are, or it is a stream.
  func rowsWritten(_ array: ArraySchema) -> Int? {
    guard array.type != .utf8, !array.isStream, let length = array.axes.first?.length,
      let count = rows[array.path], count < length
    else { return nil }
    return count
  }

  private func writeGroup(
    _ group: Group, _ arrays: [ArraySchema],
    _ makeArray: (_ group: Group, _ array: ArraySchema, _ shape: [Int]) throws -> Dataset,
    _ counting: (_ length: Int) throws -> DatasetCreation.Source?
  ) throws {
    // What a NeXus viewer draws first: the group's first array of numbers against its axes.
    if let signal = arrays.first(where: { $0.type != .utf8 && $0.isPlottable }) {
      try group.setAttribute("NX_class", .text("NXdata"))
      try group.setAttribute("signal", .text(signal.name))
      try group.setAttribute("axes", .texts(signal.visibleAxes.map(\.name)))
    }
    var made: [String: Dataset] = [:]
    var lengths: [String: Int] = [:]
    for array in arrays {
      let shape = array.shape(rows: rows[array.path] ?? 0)
      for (axis, length) in zip(array.visibleAxes, array.leadShape + shape) {
        lengths[axis.name] = length
      }
      let dataset: Dataset
      if array.type == .utf8 {
        dataset = try group.createDataset(array.name, .utf8, shape: shape)
        if !shape.contains(0) { try dataset.writeStrings(texts[array.path] ?? []) }
      } else {
        dataset = try makeArray(group, array, shape)
      }
      try label(dataset, array, shape)
      made[array.name] = dataset
    }
    // A scale that is itself a stream (step) exists by now; the others are made from the axes.
    var scales: [String: Dataset] = [:]
    for axis in arrays.flatMap(\.visibleAxes) where scales[axis.name] == nil {
      let length = lengths[axis.name] ?? 0
      if let scale = made[axis.name] {
        try scale.makeScale(axis.name)
        scales[axis.name] = scale
        continue
      }
      let isCounted = axis.length == nil && !Self.isBare(axis, length)
      let source = isCounted ? try counting(length) : nil
      scales[axis.name] = try Self.makeScale(group, axis, length, source)
    }
    for array in arrays {
      guard let dataset = made[array.name] else { continue }
      for (index, axis) in array.visibleAxes.enumerated() where axis.name != array.name {
        if let scale = scales[axis.name] { try dataset.attach(scale, axis: index) }
      }
    }
  }

  /// Length beyond which an axis that only counts is a name and a length: its numbers 0, 1, 2 … would be millions, for two
  /// arrays of one row.
  static let longestCounting = 65_536

  /// Whether the scale of `axis` has no values.
  private static func isBare(_ axis: ArraySchema.AxisSchema, _ length: Int) -> Bool {
    axis.coordinates == nil && length > longestCounting
  }

  /// The scale of an axis: its coordinates, or the numbers 0, 1, 2 …, which may lie in `source`; without values where they
  /// would be too many.
  static func makeScale(
    _ group: Group, _ axis: ArraySchema.AxisSchema, _ length: Int,
    _ source: DatasetCreation.Source? = nil
  ) throws -> Dataset {
    let scale: Dataset
    if isBare(axis, length) {
      var creation = DatasetCreation(chunk: [min(length, 1 << 18)])
      creation.marksUnwritten = true
      scale = try group.createDataset(axis.name, .int32, shape: [length], creation)
    } else if let source {
      scale = try group.createDataset(
        axis.name, .int32, shape: [length], DatasetCreation(sources: [source]))
    } else if let coordinates = axis.coordinates {
      scale = try group.createDataset(axis.name, .float64, shape: [length])
      try scale.write(Array(coordinates.prefix(length)))
    } else {
      scale = try group.createDataset(axis.name, .int32, shape: [length])
      try scale.write((0..<length).map { Int32($0) })
    }
    try scale.setAttribute("long_name", .text(axis.longName))
    try scale.setAttribute("units", .text(axis.units))
    if isBare(axis, length) {
      try scale.makeBareScale()
    } else {
      try scale.makeScale(axis.name)
    }
    return scale
  }

  private func label(_ dataset: Dataset, _ array: ArraySchema, _ shape: [Int]) throws {
    try dataset.setAttribute("long_name", .text(array.longName))
    try dataset.setAttribute("units", .text(array.units))
    if !array.coordinates.isEmpty {
      try dataset.setAttribute("coordinates", .text(array.coordinates.joined(separator: " ")))
    }
    // Empty while rows are still to come: it also tells an array that labels an axis from a mere axis.
    try dataset.setAttribute("logical_sha256", .text(try hash(array) ?? ""))
    for (name, value) in array.attributes.sorted(by: { $0.key < $1.key }) {
      try dataset.setAttribute(name, value)
    }
    if let count = rowsWritten(array) {
      try dataset.setAttribute("rows_written", .integer(Int64(count)))
      try dataset.setFillAttribute()
    }
  }
}
