import Kernels

/// A Transformer without layers: its embedding and its classifier, for whoever puts something else between them.
extension NetworkPass {
  /// Embeds `samples` samples from their slots; returns the stream `[sample, position, channel]`, which the caller may change
  /// before ``readOut(_:samples:)``. With `noise`, dropout draws the numbers of that stream.
  public func embed(
    _ weights: UnsafeMutablePointer<S>, samples: Int, noise: Noise? = nil
  ) -> UnsafeMutablePointer<S> {
    precondition(model.layerCount == 0, "the stem of a network has no layers")
    precondition(samples <= capacity, "more samples than the pass has room for")
    self.noise = noise
    let shape = Self.shape(model, samples)
    embed(weights, shape)
    drop(first, place: 0, shape)
    return first
  }

  /// Classifies what the stream holds, to ``logits``.
  public func readOut(_ weights: UnsafeMutablePointer<S>, samples: Int) {
    classify(weights, Self.shape(model, samples))
  }

  /// After ``score(samples:factor:)``: adds the classifier's gradients and returns the gradient of the stream it read, which
  /// holds until the next call.
  public func readBack(
    _ weights: UnsafeMutablePointer<S>, gradients: UnsafeMutablePointer<S>, samples: Int
  ) -> UnsafeMutablePointer<S> {
    declassify(weights, gradients, Self.shape(model, samples))
    return back.stream
  }

  /// Adds the embedding's gradients, from the gradient of the embedded stream.
  public func embedBack(
    _ gradient: UnsafePointer<S>, gradients: UnsafeMutablePointer<S>, samples: Int
  ) {
    let shape = Self.shape(model, samples)
    back.stream.update(from: gradient, count: shape.stream)
    drop(back.stream, place: 0, shape)
    embeddingGradient(gradients, shape)
  }
}
