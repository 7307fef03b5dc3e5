import Kernels
import Transformer

/// A network's trajectories that an equation is fitted to or judged on.
public protocol TrajectorySource<S>: Sendable {
  associatedtype S: KernelScalar
  /// Number of samples.
  var count: Int { get }
  /// The trajectories of some samples; what they point to holds until `worker`'s next call. Workers call at the same time.
  func load(_ samples: ArraySlice<Int>, worker: Int) -> TrajectoryView<S>
}

/// The trajectories of one shard of samples.
public struct TrajectoryView<S: KernelScalar> {
  /// Samples, and padding.
  public let shard: Shard
  /// Residual stream at each depth, `[sample, position, channel]`; `layerCount + 1` of them.
  public let residuals: [UnsafePointer<S>]
  /// Attention map of each layer, `[sample, head, query, key]`.
  public let maps: [UnsafePointer<S>]

  /// A view of arrays that somebody else owns.
  public init(shard: Shard, residuals: [UnsafePointer<S>], maps: [UnsafePointer<S>]) {
    (self.shard, self.residuals, self.maps) = (shard, residuals, maps)
  }
}

/// Trajectories that a trained network computes when they are asked for: a pass is cheaper than to keep the maps of
/// thousands of samples.
public final class NetworkTrajectories<Samples: SampleSource>: TrajectorySource, @unchecked Sendable
where Samples.Scalar: KernelScalar {
  /// The scalar of the samples.
  public typealias S = Samples.Scalar
  private let source: Samples
  private let indices: [Int]
  private let weights: Buffer<S>
  private let passes: [NetworkPass<S>]

  /// Those of the samples `indices` of `source` through the network with these weights; one pass of `capacity` samples for
  /// each of `workers`.
  public init(
    _ network: ModelConfiguration, _ weights: Buffer<S>, _ source: Samples, _ indices: [Int],
    capacity: Int, workers: Int
  ) {
    (self.source, self.indices, self.weights) = (source, indices, weights)
    let layout = ParameterLayout(network)
    passes = (0..<workers).map { _ in NetworkPass(network, layout, capacity: capacity) }
  }

  /// Number of samples.
  public var count: Int { indices.count }

  /// Runs the network over `samples`, places in the list of samples.
  public func load(_ samples: ArraySlice<Int>, worker: Int) -> TrajectoryView<S> {
    let pass = passes[worker]
    for (place, sample) in samples.enumerated() {
      source.write(indices[sample], to: pass.slot(place))
    }
    pass.forward(weights.start, samples: samples.count)
    let layers = pass.model.layerCount
    return TrajectoryView(
      shard: Shard(samples: samples.count, lengths: pass.sampleLengths),
      residuals: (0...layers).map { UnsafePointer(pass.residual($0)) },
      maps: (0..<layers).map { UnsafePointer(pass.attentionMap($0)) })
  }
}
