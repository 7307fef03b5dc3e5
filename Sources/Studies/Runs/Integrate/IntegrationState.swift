import Dynamics

/// What an integration needs to go on from a commit.
enum IntegrationState {
  private static let version = 1

  /// A position as it is kept with a commit.
  static func bytes(_ position: Integration.Position) -> [UInt8] {
    var writer = StateWriter()
    writer.put(version)
    writer.put(position.snapshot)
    writer.put(position.step)
    writer.put(position.u)
    writer.put(position.velocity == nil ? 0 : 1)
    if let velocity = position.velocity { writer.put(velocity) }
    writer.put(position.adaptive == nil ? 0 : 1)
    if let adaptive = position.adaptive {
      writer.put(adaptive.stepCount)
      writer.put(adaptive.next)
      writer.put([adaptive.time, adaptive.step])
      for values in [adaptive.u, adaptive.rate, adaptive.start, adaptive.reach] {
        writer.put(values)
      }
    }
    return writer.bytes
  }

  /// The position that was kept, of a field of `count` numbers in units of `unitCount`.
  /// - Throws: `ArchiveError` for bytes that are none of ``bytes(_:)``, or of another field.
  static func position(
    _ bytes: [UInt8], count: Int, unitCount: Int, folder: String
  ) throws -> Integration.Position {
    var reader = StateReader(bytes, folder: folder)
    guard try reader.number() == version else { throw reader.problem }
    func field(_ count: Int) throws -> [Double] {
      let values = try reader.array(Double.self)
      guard values.count == count else { throw reader.problem }
      return values
    }
    var position = Integration.Position(
      snapshot: try reader.number(), step: try reader.number(), u: try field(count))
    guard position.snapshot >= 0, position.step >= 0 else { throw reader.problem }
    if try reader.number() == 1 { position.velocity = try field(count) }
    if try reader.number() == 1 {
      let (steps, next, times) = (
        try reader.number(), try reader.number(), try reader.array(Double.self)
      )
      guard times.count == 2, next > 0 else { throw reader.problem }
      position.adaptive = DormandPrince.Position(
        time: times[0], step: times[1], stepCount: steps, next: next, u: try field(count),
        rate: try field(count), start: try field(count), reach: try field(unitCount))
    }
    return position
  }
}
