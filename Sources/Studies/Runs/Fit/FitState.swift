import Dynamics

/// What a fit needs to go on from a commit: how many equations are done, and where the next one stands.
struct FitState {
  /// Equations that are done, in the order of `pde.models`.
  var finished: Int
  /// Where the next one stands; nil when it has not begun.
  var current: MasterEquationFit<Float>.State?

  private static let version = 1

  init(finished: Int, current: MasterEquationFit<Float>.State? = nil) {
    (self.finished, self.current) = (finished, current)
  }

  /// - Throws: `ArchiveError` for bytes that are none of ``bytes``.
  init(_ bytes: [UInt8], folder: String) throws {
    var reader = StateReader(bytes, folder: folder)
    guard try reader.number() == Self.version else { throw reader.problem }
    finished = try reader.number()
    guard finished >= 0 else { throw reader.problem }
    let hasBegun = try reader.number() == 1
    guard hasBegun else { return }
    current = MasterEquationFit<Float>.State(
      step: try reader.number(), weights: try reader.array(Float.self),
      first: try reader.array(Float.self), second: try reader.array(Float.self))
  }

  /// As it is kept with a commit.
  var bytes: [UInt8] {
    var writer = StateWriter()
    writer.put(Self.version)
    writer.put(finished)
    writer.put(current == nil ? 0 : 1)
    if let current {
      writer.put(current.step)
      for values in [current.weights, current.first, current.second] { writer.put(values) }
    }
    return writer.bytes
  }
}
