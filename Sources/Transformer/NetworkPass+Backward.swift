import Kernels

extension NetworkPass {
  /// Is shown gradients on their way back: of a layer's stage, or of the logits.
  public typealias Observer = (GradientPlace, UnsafePointer<S>) -> Void

  /// Where a gradient arrives.
  public enum GradientPlace: Sendable {
    /// Of the residual stream before layer `layer`; `layerCount` is after the last.
    case residual(Int)
    /// Between attention and MLP.
    case residualMid(Int)
    /// Within attention.
    case attention(Int, SelfAttention<S>.Stage)
    /// After the activation of the MLP.
    case hidden(Int)
    /// Of the logits.
    case logits
  }

  /// Adds the gradient of the loss to `gradients`, a vector laid out as the weights. `observer` sees each activation's
  /// gradient as it arrives; it must not keep the pointer.
  @specialized(where S == Float)
  public func backward(
    _ weights: UnsafeMutablePointer<S>, gradients: UnsafeMutablePointer<S>, samples: Int,
    observer: Observer? = nil
  ) {
    let shape = Self.shape(model, samples)
    observer?(.logits, dLogits)
    declassify(weights, gradients, shape)
    for l in stride(from: model.layerCount - 1, through: 0, by: -1) {
      observer?(.residual(l + 1), back.stream)
      unrefine(after: l, weights, gradients, shape)
      if noise != nil, let channel, let bottleneck = model.bottleneck, l == bottleneck.layer,
        let place = offsets.logSigma
      {
        channel.backward(
          weights + place, z: layers[l].post, back.stream, gradient: gradients + place,
          rows: shape.rows, width: model.width, factor: lossFactor * S(bottleneck.weight))
      }
      mlpBackward(l, weights, gradients, shape, observer)
      observer?(.residualMid(l), back.stream)
      attentionBackward(l, weights, gradients, shape, observer)
    }
    observer?(.residual(0), back.stream)
    unrefine(after: nil, weights, gradients, shape)
    drop(back.stream, place: 0, shape)
    embeddingGradient(gradients, shape)
  }

  private func unrefine(
    after l: Int?, _ weights: UnsafePointer<S>, _ gradients: UnsafeMutablePointer<S>,
    _ shape: BatchShape
  ) {
    for refinement in refinements.reversed() where refinement.refinement.layer == l {
      refinement.backward(
        weights, gradients: gradients, back.stream, samples: shape.samples, lengths: lengths)
    }
  }

  @specialized(where S == Float)
  private func mlpBackward(
    _ l: Int, _ weights: UnsafeMutablePointer<S>, _ gradients: UnsafeMutablePointer<S>,
    _ shape: BatchShape, _ observer: Observer?
  ) {
    let (layer, place) = (layers[l], places[l])
    unnormalizeSum(layer.sum2, layer.norm2, place.norm2, weights, gradients, shape)
    let dOut = branchGradient(place: 2 * l + 2, shape)
    let read = model.variant.norm == .pre ? layer.norm2.output : layer.mid
    FeedForward.backward(
      dOut: dOut, read, .init(weights, place.mlp), gradients: .init(gradients, place.mlp),
      layer.mlp, scratch: back.hidden, shape, dx: back.normed,
      onActive: observer.map { observer in { observer(.hidden(l), $0) } })
    join(layer.mid, layer.norm2, place.norm2, weights, gradients, shape)
  }

  @specialized(where S == Float)
  private func attentionBackward(
    _ l: Int, _ weights: UnsafeMutablePointer<S>, _ gradients: UnsafeMutablePointer<S>,
    _ shape: BatchShape, _ observer: Observer?
  ) {
    let (layer, place) = (layers[l], places[l])
    unnormalizeSum(layer.sum1, layer.norm1, place.norm1, weights, gradients, shape)
    let dOut = branchGradient(place: 2 * l + 1, shape)
    let read = model.variant.norm == .pre ? layer.norm1.output : residual(l)
    SelfAttention.backward(
      dOut: dOut, read, .init(weights, place.attention),
      gradients: .init(gradients, place.attention), layer.attention, back.attention, shape,
      dx: back.normed, form: form,
      onStage: observer.map { observer in { observer(.attention(l, $0), $1) } })
    join(residual(l), layer.norm1, place.norm1, weights, gradients, shape)
  }

  /// Post-norm: the gradient of a sum from that of its normalised form, in place.
  @specialized(where S == Float)
  private func unnormalizeSum(
    _ sum: UnsafePointer<S>, _ tape: Normalization<S>.Tape, _ place: Normalization<S>.Place?,
    _ weights: UnsafeMutablePointer<S>, _ gradients: UnsafeMutablePointer<S>, _ shape: BatchShape
  ) {
    guard model.variant.norm == .post, let place else { return }
    back.normed.update(repeating: 0, count: shape.stream)
    Normalization.backward(
      dy: back.stream, sum, .init(weights, place), gradients: .init(gradients, place), tape, shape,
      addTo: back.normed)
    back.stream.update(from: back.normed, count: shape.stream)
  }

  /// The gradient that arrives at what attention or MLP added.
  @specialized(where S == Float)
  private func branchGradient(place: Int, _ shape: BatchShape) -> UnsafePointer<S> {
    guard isDropping else { return UnsafePointer(back.stream) }
    back.branch.update(from: back.stream, count: shape.stream)
    drop(back.branch, place: place, shape)
    return UnsafePointer(back.branch)
  }

  /// Adds what came back through attention or MLP to what came back through the residual connection.
  @specialized(where S == Float)
  private func join(
    _ stream: UnsafePointer<S>, _ tape: Normalization<S>.Tape, _ place: Normalization<S>.Place?,
    _ weights: UnsafeMutablePointer<S>, _ gradients: UnsafeMutablePointer<S>, _ shape: BatchShape
  ) {
    if !model.variant.hasResidual { back.stream.update(repeating: 0, count: shape.stream) }
    if model.variant.norm == .pre, let place {
      Normalization.backward(
        dy: back.normed, stream, .init(weights, place), gradients: .init(gradients, place), tape,
        shape, addTo: back.stream)
    } else {
      Elementwise.add(back.normed, to: back.stream, count: shape.stream)
    }
  }

  @specialized(where S == Float)
  func declassify(
    _ weights: UnsafeMutablePointer<S>, _ gradients: UnsafeMutablePointer<S>, _ shape: BatchShape
  ) {
    let (d, c) = (model.width, model.classCount)
    let isEach = model.variant.pooling == .each
    let rows = isEach ? shape.rows : shape.samples
    let last = offsets.finalNorm == nil ? residual(model.layerCount) : finalNorm.output
    S.gemm(
      MatrixProduct(
        m: c, n: d, k: rows, alpha: 1, a: dLogits, lda: c, transposeA: true,
        b: isEach ? last : pooled, ldb: d, beta: 1, c: gradients + offsets.classifier, ldc: d))
    Elementwise.addColumnSums(
      dLogits, to: gradients + offsets.classifierBias, rows: rows, width: c)
    S.gemm(
      MatrixProduct(
        m: rows, n: d, k: c, alpha: 1, a: dLogits, lda: c, b: weights + offsets.classifier, ldb: d,
        beta: 0, c: isEach ? back.normed : pooled, ldc: d))
    if !isEach { unpool(shape) }
    guard let place = offsets.finalNorm else {
      back.stream.update(from: back.normed, count: shape.stream)
      return
    }
    back.stream.update(repeating: 0, count: shape.stream)
    Normalization.backward(
      dy: back.normed, residual(model.layerCount), .init(weights, place),
      gradients: .init(gradients, place), finalNorm, shape, addTo: back.stream)
  }

  /// Spreads the pooled gradient over the positions it was pooled from.
  @specialized(where S == Float)
  private func unpool(_ shape: BatchShape) {
    let (d, n) = (model.width, model.positionCount)
    for sample in 0..<shape.samples {
      let count = model.variant.pooling == .classToken ? 1 : length(sample)
      Elementwise.scale(pooled + sample * d, by: 1 / S(count), count: d)
      for position in 0..<n {
        let row = back.normed + (sample * n + position) * d
        if position < count {
          row.update(from: pooled + sample * d, count: d)
        } else {
          row.update(repeating: 0, count: d)
        }
      }
    }
  }

  @specialized(where S == Float)
  func embeddingGradient(_ gradients: UnsafeMutablePointer<S>, _ shape: BatchShape) {
    let (d, n, skip) = (model.width, model.positionCount, model.classTokenCount)
    for sample in 0..<shape.samples {
      let rows = back.stream + sample * n * d
      if let place = offsets.positions {
        Elementwise.add(rows, to: gradients + place, count: n * d)
      }
      if let place = offsets.classToken { Elementwise.add(rows, to: gradients + place, count: d) }
      if let table = offsets.tokens {
        for position in 0..<length(sample) - skip {
          let token = Int(tokens[sample * n + position])
          Elementwise.add(
            rows + (skip + position) * d, to: gradients + table + token * d, count: d)
        }
      }
    }
    guard let embedding = offsets.embedWeight, let bias = offsets.embedBias else { return }
    let width = model.inputWidth
    let parts = skip == 0 ? 1 : shape.samples
    let count = skip == 0 ? shape.rows : n - skip
    for part in 0..<parts {
      let rows = back.stream + (part * n + skip) * d
      S.gemm(
        MatrixProduct(
          m: d, n: width, k: count, alpha: 1, a: rows, lda: d, transposeA: true,
          b: input + part * count * width, ldb: width, beta: 1, c: gradients + embedding,
          ldc: width))
      Elementwise.addColumnSums(rows, to: gradients + bias, rows: count, width: d)
    }
  }
}
