import Checkpoints
import Foundation
import Kernels

/// A network that others trained: what its folder says it is, and its weights.
public final class PretrainedNetwork: Sendable {
  /// Sizes, choices and names.
  public let plan: NetworkPlan
  /// The weights' file.
  public let file: any TensorFile
  private let store: WeightStore
  private let kept: [LayerWeights]?
  let outer: OuterWeights

  /// Opens a folder with `config.json` and weights, or a weights file beside a `config.json`.
  ///
  /// - Parameter keepsLayers: whether all layers are read now and kept in single precision; otherwise each is read from the file
  ///   whenever a pass comes to it, which costs time and the memory of one layer only.
  /// - Throws: ``CheckpointError`` for an architecture that is not supported, or a tensor that is missing, left over or of
  ///   another shape.
  public init(_ path: String, keepsLayers: Bool = true) throws {
    (plan, file, store) = try Self.look(path)
    outer = try OuterWeights(store)
    let (plan, store) = (plan, store)
    kept = keepsLayers ? try (0..<plan.layerCount).map { try LayerWeights(store, $0, plan) } : nil
  }

  /// A network of which a file has the weights under our names and in our shapes, as `isotherm import` stores them.
  ///
  /// - Parameters:
  ///   - configuration: text of its `config.json`.
  ///   - sources: names that the weights had in the files they were imported from.
  ///   - keepsLayers: see ``init(_:keepsLayers:)``.
  /// - Throws: as ``init(_:keepsLayers:)``.
  public init(
    configuration: String, sources: [String], weights: any TensorFile, keepsLayers: Bool = true
  ) throws {
    let settings = try Settings(text: configuration, of: weights.path)
    let architecture = try Architectures.named(settings)
    let names = SourceNames(sources, prefixes: architecture.prefixes)
    let plan = try architecture.plan(settings, names)
    let store = try WeightStore(weights, named: plan)
    (self.plan, self.store, file) = (plan, store, weights)
    outer = try OuterWeights(store)
    kept = keepsLayers ? try (0..<plan.layerCount).map { try LayerWeights(store, $0, plan) } : nil
  }

  /// What a folder holds, without reading any weight.
  /// - Throws: as ``init(_:keepsLayers:)``.
  public static func plan(_ path: String) throws -> (plan: NetworkPlan, file: any TensorFile) {
    let (plan, file, _) = try look(path)
    return (plan, file)
  }

  static func look(_ path: String) throws -> (NetworkPlan, any TensorFile, WeightStore) {
    var isFolder: ObjCBool = false
    let isThere = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    let folder = isThere && isFolder.boolValue ? path : FilePath.folder(of: path)
    let file = try Checkpoint.open(path)
    guard FileManager.default.fileExists(atPath: folder + "/config.json") else {
      throw CheckpointError(
        .missing, file: folder, expected: "config.json beside the weights", found: "none",
        remedy: "fetch it, or take the weights alone (--weights-only)")
    }
    let settings = try Settings(folder + "/config.json")
    let architecture = try Architectures.named(settings)
    let names = SourceNames(file.names, prefixes: architecture.prefixes)
    let plan = try architecture.plan(settings, names)
    let store = try WeightStore(file, plan, names, isIgnored: architecture.isIgnored)
    return (plan, file, store)
  }

  /// Weights of a layer.
  func layer(_ l: Int) throws -> LayerWeights {
    if let kept { return kept[l] }
    return try LayerWeights(store, l, plan)
  }

  /// A weight by our name, for analyses: `layer.0.attention.query.weight`, `[out, in]` in C order.
  public func weight(_ name: String) throws -> [Float] { try store.read(name).array }
}
