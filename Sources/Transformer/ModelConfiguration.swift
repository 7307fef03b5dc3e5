/// The shape of an encoder: a pre-norm Transformer over a fixed number of positions, mean pooling, one classifier.
public struct ModelConfiguration: Sendable, Hashable {
  /// Numbers a position brings in: pixels of a patch.
  public var inputWidth: Int
  /// Number of positions n.
  public var positionCount: Int
  /// Width of the residual stream, d_model.
  public var width: Int
  /// Number of heads H; divides `width`.
  public var headCount: Int
  /// Number of layers L.
  public var layerCount: Int
  /// Width of the MLP, d_mlp.
  public var mlpWidth: Int
  /// Number of classes.
  public var classCount: Int
  /// Added to the variance in layer normalisation.
  public var epsilon: Double = 1e-5

  /// A Gaussian channel in the residual stream, or none.
  public var bottleneck: Bottleneck?

  /// A variational bottleneck (Alemi et al. 2017): after a layer the stream becomes z = u + σ ε, ε normal, σ learned for each
  /// channel, and the loss gains β times the mean of KL(N(u, σ²) ‖ N(0, 1)), which bounds I(X;Z) from above, in nats.
  public struct Bottleneck: Sendable, Hashable {
    /// The layer after which it lies.
    public var layer: Int
    /// β, the weight of the bound in the loss.
    public var weight: Double

    /// After `layer`, weighted `weight`.
    public init(layer: Int, weight: Double) { (self.layer, self.weight) = (layer, weight) }
  }

  /// All sizes of an encoder.
  /// - Throws: ``ModelError`` when a size is impossible.
  public init(
    inputWidth: Int, positionCount: Int, width: Int, headCount: Int, layerCount: Int,
    mlpWidth: Int, classCount: Int
  ) throws {
    (self.inputWidth, self.positionCount, self.width) = (inputWidth, positionCount, width)
    (self.headCount, self.layerCount, self.mlpWidth) = (headCount, layerCount, mlpWidth)
    self.classCount = classCount
    for (name, value) in [
      ("input width", inputWidth), ("positions", positionCount), ("width", width),
      ("heads", headCount), ("layers", layerCount), ("mlp", mlpWidth), ("classes", classCount),
    ] where value < 1 {
      throw ModelError(message: "\(name) must be at least 1, found \(value)")
    }
    guard width % headCount == 0 else {
      throw ModelError(
        message: "heads (\(headCount)) must divide width (\(width)); "
          + "try heads: \((1...headCount).last { width % $0 == 0 } ?? 1)")
    }
  }

  /// Channels a head works on, d_head.
  public var headWidth: Int { width / headCount }
}

/// An impossible model.
public struct ModelError: Error, Sendable, CustomStringConvertible {
  /// What is impossible, why, and what would do.
  public var message: String
  /// The message.
  public var description: String { message }
}
