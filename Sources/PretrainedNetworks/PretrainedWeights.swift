import Checkpoints
import Kernels

/// The weights of a network under our names, each read when it is asked for.
public struct PretrainedWeights: Sendable {
  /// What the network is.
  public let plan: NetworkPlan
  /// Where the weights lie.
  public let file: any TensorFile
  private let store: WeightStore

  /// Opens a folder, or a weights file beside a `config.json`; reads no weight.
  /// - Throws: ``CheckpointError`` for an architecture that is not supported, or a tensor that is missing, left over or of
  ///   another shape.
  public init(_ path: String) throws { (plan, file, store) = try PretrainedNetwork.look(path) }

  /// The file's tensor that a weight of ours comes from; nil when there is none of that name.
  public func source(_ name: String) -> TensorInfo? { store.source(name) }

  /// A weight by our name, `[out, in]` for matrices, in C order.
  public func read(_ name: String) throws -> Buffer<Float> { try store.read(name) }
}
