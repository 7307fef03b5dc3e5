import Foundation
import Kernels

extension NetworkPass {
  /// Sines and cosines of Vaswani et al. (2017), section 3.5: channel 2i has sin(p/10000^(2i/d)), 2i + 1 the cosine.
  static func sinusoids(_ model: ModelConfiguration) -> Buffer<S> {
    let table = Buffer<S>(model.positionCount * model.width)
    for position in 0..<model.positionCount {
      for c in 0..<model.width {
        let angle =
          Double(position) * pow(PositionEncoding.base, -Double(c / 2 * 2) / Double(model.width))
        table.start[position * model.width + c] = S(c % 2 == 0 ? sin(angle) : cos(angle))
      }
    }
    return table
  }

  /// Runs `samples` samples from their slots to ``logits``. `weights` is a vector laid out by ``layout``. With `noise`,
  /// dropout and a bottleneck draw the numbers of that stream; without, they do nothing.
  @specialized(where S == Float)
  public func forward(
    _ weights: UnsafeMutablePointer<S>, samples: Int, noise: Noise? = nil
  ) {
    precondition(samples <= capacity, "more samples than the pass has room for")
    self.noise = noise
    informationBound = 0
    let shape = Self.shape(model, samples)
    embed(weights, shape)
    drop(first, place: 0, shape)
    refine(after: nil, weights, shape)
    propagate(weights, shape)
  }

  /// Runs the layers and the classifier from what ``residual(_:)`` 0 holds, without dropout: for streams that somebody changed after
  /// a forward pass.
  public func propagate(_ weights: UnsafeMutablePointer<S>, samples: Int) {
    noise = nil
    informationBound = 0
    propagate(weights, Self.shape(model, samples))
  }

  @specialized(where S == Float)
  private func propagate(_ weights: UnsafeMutablePointer<S>, _ shape: BatchShape) {
    for l in 0..<model.layerCount {
      block(l, weights, shape)
      if let noise, let channel, l == model.bottleneck?.layer, let place = offsets.logSigma {
        var random = Philox(seed: noise.seed, purpose: .noise, index: noise.index)
        channel.draw(&random, count: shape.stream)
        informationBound = channel.forward(
          weights + place, layers[l].post, rows: shape.rows, width: shape.width)
      }
      refine(after: l, weights, shape)
    }
    classify(weights, shape)
  }

  @specialized(where S == Float)
  func embed(_ weights: UnsafeMutablePointer<S>, _ shape: BatchShape) {
    let (d, n, skip) = (model.width, model.positionCount, model.classTokenCount)
    let positions = offsets.positions.map { weights + $0 } ?? sinusoids?.start
    for sample in 0..<shape.samples {
      let rows = first + sample * n * d
      if let positions {
        rows.update(from: positions, count: n * d)
      } else {
        rows.update(repeating: 0, count: n * d)
      }
      if let token = offsets.classToken { Elementwise.add(weights + token, to: rows, count: d) }
      if let table = offsets.tokens {
        for position in 0..<length(sample) - skip {
          let token = Int(tokens[sample * n + position])
          Elementwise.add(weights + table + token * d, to: rows + (skip + position) * d, count: d)
        }
      }
    }
    guard let embedding = offsets.embedWeight, let bias = offsets.embedBias else { return }
    let width = model.inputWidth
    // With a class token the rows are no longer one matrix: a product a sample.
    let parts = skip == 0 ? 1 : shape.samples
    let count = skip == 0 ? shape.rows : n - skip
    for part in 0..<parts {
      let rows = first + (part * n + skip) * d
      S.gemm(
        MatrixProduct(
          m: count, n: d, k: width, alpha: 1, a: input + part * count * width, lda: width,
          b: weights + embedding, ldb: width, transposeB: true, beta: 1, c: rows, ldc: d))
      Elementwise.addBias(weights + bias, to: rows, rows: count, width: d)
    }
  }

  /// Attention and MLP of one layer.
  @specialized(where S == Float)
  private func block(_ l: Int, _ weights: UnsafeMutablePointer<S>, _ shape: BatchShape) {
    let (layer, place) = (layers[l], places[l])
    let stream = residual(l)
    let read1 = before(stream, layer.norm1, place.norm1, weights, shape)
    let out1 = begin(layer.sum1, from: stream, shape)
    SelfAttention.forward(
      read1, .init(weights, place.attention), layer.attention, shape, addTo: out1, form: form)
    end(out1, layer.sum1, place: 2 * l + 1, shape)
    after(layer.sum1, layer.norm1, place.norm1, weights, shape)
    let read2 = before(layer.mid, layer.norm2, place.norm2, weights, shape)
    let out2 = begin(layer.sum2, from: layer.mid, shape)
    FeedForward.forward(
      read2, .init(weights, place.mlp), layer.mlp, shape, addTo: out2)
    end(out2, layer.sum2, place: 2 * l + 2, shape)
    after(layer.sum2, layer.norm2, place.norm2, weights, shape)
  }

  /// What attention or MLP read: the normalised stream in pre-norm, else the stream.
  @specialized(where S == Float)
  private func before(
    _ stream: UnsafeMutablePointer<S>, _ tape: Normalization<S>.Tape,
    _ place: Normalization<S>.Place?, _ weights: UnsafeMutablePointer<S>, _ shape: BatchShape
  ) -> UnsafeMutablePointer<S> {
    guard model.variant.norm == .pre, let place else { return stream }
    Normalization.forward(
      stream, .init(weights, place), tape, shape, epsilon: S(model.epsilon))
    return tape.output
  }

  /// Post-norm's normalisation of a sum.
  @specialized(where S == Float)
  private func after(
    _ sum: UnsafeMutablePointer<S>, _ tape: Normalization<S>.Tape,
    _ place: Normalization<S>.Place?, _ weights: UnsafeMutablePointer<S>, _ shape: BatchShape
  ) {
    guard model.variant.norm == .post, let place else { return }
    Normalization.forward(sum, .init(weights, place), tape, shape, epsilon: S(model.epsilon))
  }

  /// Starts a sum from the stream, or from 0 without residual connections. What is added goes to the result: the sum, or a
  /// scratch when dropout must see it alone.
  @specialized(where S == Float)
  private func begin(
    _ sum: UnsafeMutablePointer<S>, from stream: UnsafeMutablePointer<S>, _ shape: BatchShape
  ) -> UnsafeMutablePointer<S> {
    if model.variant.hasResidual {
      sum.update(from: stream, count: shape.stream)
    } else {
      sum.update(repeating: 0, count: shape.stream)
    }
    guard isDropping else { return sum }
    back.branch.update(repeating: 0, count: shape.stream)
    return back.branch
  }

  @specialized(where S == Float)
  private func end(
    _ out: UnsafeMutablePointer<S>, _ sum: UnsafeMutablePointer<S>, place: Int, _ shape: BatchShape
  ) {
    guard isDropping else { return }
    drop(out, place: place, shape)
    Elementwise.add(out, to: sum, count: shape.stream)
  }

  /// Whether this pass drops elements.
  var isDropping: Bool { noise != nil && dropout.share > 0 }

  /// Applies the mask of one place; forward and backward draw the same.
  @specialized(where S == Float)
  func drop(_ x: UnsafeMutablePointer<S>, place: Int, _ shape: BatchShape) {
    guard let noise, dropout.share > 0 else { return }
    let count = UInt64(2 * model.layerCount + 1)
    dropout.apply(
      x, count: shape.stream, seed: noise.seed, stream: noise.index * count + UInt64(place))
  }

  private func refine(after l: Int?, _ weights: UnsafePointer<S>, _ shape: BatchShape) {
    for refinement in refinements where refinement.refinement.layer == l {
      refinement.forward(
        weights, residual(l.map { $0 + 1 } ?? 0), samples: shape.samples, lengths: lengths)
    }
  }

  @specialized(where S == Float)
  func classify(_ weights: UnsafeMutablePointer<S>, _ shape: BatchShape) {
    let (d, c) = (model.width, model.classCount)
    var read = residual(model.layerCount)
    if let place = offsets.finalNorm {
      Normalization.forward(
        read, .init(weights, place), finalNorm, shape, epsilon: S(model.epsilon))
      read = finalNorm.output
    }
    let rows = model.variant.pooling == .each ? shape.rows : shape.samples
    if model.variant.pooling != .each {
      pool(read, shape)
      read = pooled
    }
    S.gemm(
      MatrixProduct(
        m: rows, n: c, k: d, alpha: 1, a: read, lda: d, b: weights + offsets.classifier, ldb: d,
        transposeB: true, beta: 0, c: logits, ldc: c))
    Elementwise.addBias(weights + offsets.classifierBias, to: logits, rows: rows, width: c)
  }

  /// Mean over a sample's own positions, or its class token.
  @specialized(where S == Float)
  private func pool(_ read: UnsafePointer<S>, _ shape: BatchShape) {
    let (d, n) = (model.width, model.positionCount)
    pooled.update(repeating: 0, count: shape.samples * d)
    for sample in 0..<shape.samples {
      let count = model.variant.pooling == .classToken ? 1 : length(sample)
      Elementwise.addColumnSums(
        read + sample * n * d, to: pooled + sample * d, rows: count, width: d,
        factor: 1 / S(count))
    }
  }
}
