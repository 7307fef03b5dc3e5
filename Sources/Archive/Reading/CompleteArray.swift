import Arrays
import HDF5

/// An array that is known whole, for archives that are written at once: metrics, for example.
public struct CompleteArray: Sendable {
  /// Values of one of the types such archives need.
  public enum Values: Sendable {
    /// `float64`.
    case numbers([Double])
    /// `int32`.
    case integers([Int32])
    /// `utf8`.
    case texts([String])
  }

  /// What it is.
  public let schema: ArraySchema
  /// Its values in C order.
  public let values: Values

  /// An array at `path`; its type follows from the values.
  public init(
    _ path: String, _ axes: [ArraySchema.AxisSchema], _ values: Values, longName: String,
    units: String = "1", attributes: [String: AttributeValue] = [:]
  ) {
    let type: ElementType
    switch values {
    case .numbers: type = .float64
    case .integers: type = .int32
    case .texts: type = .utf8
    }
    schema = ArraySchema(
      path, type, axes, longName: longName, units: units, attributes: attributes)
    self.values = values
  }
}

extension Recorder {
  /// Writes and seals an archive of complete arrays; returns the sealed file.
  @discardableResult
  public static func write(
    _ arrays: [CompleteArray], kind: RunSchema.Kind, title: String, provenance: Provenance,
    to place: RunPlace, replacing: Bool
  ) throws -> String {
    let schema = RunSchema(
      kind, title: title, arrays: arrays.map(\.schema),
      defaultGroup: arrays.first?.schema.group, provenance: provenance)
    let recorder = try Recorder(place, schema, replacing: replacing)
    // Half of such an archive is worth nothing, committed or not.
    let unfinished = Unfinished { place.removeInterrupted() }
    defer { unfinished.done() }
    do {
      for array in arrays {
        switch array.values {
        case .numbers(let values): try recorder.append(array.schema.path, values)
        case .integers(let values): try recorder.append(array.schema.path, values)
        case .texts(let values): recorder.write(array.schema.path, values)
        }
      }
      return try recorder.seal()
    } catch {
      recorder.abandon()
      if recorder.isHolder, place.hasFolder { try? place.removeParts(releasing: nil) }
      throw error
    }
  }
}
