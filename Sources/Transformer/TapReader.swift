import Kernels

/// Copies what taps see out of a pass: values after a forward pass, gradients while a backward pass goes by.
public struct TapReader<S: KernelScalar> {
  private let pass: NetworkPass<S>
  private let shape: BatchShape

  /// Looks at the first `samples` samples of `pass`.
  public init(_ pass: NetworkPass<S>, samples: Int) {
    self.pass = pass
    shape = NetworkPass<S>.shape(pass.model, samples)
  }

  /// Writes the values of the last forward pass, laid out as ``Tap/axes(_:samples:)`` says.
  public func write(_ place: Tap.Place, to out: UnsafeMutablePointer<S>) {
    func plain(_ values: UnsafePointer<S>) {
      out.update(from: values, count: Tap(place).size(pass.model) * shape.samples)
    }
    switch place {
    case .residualPre(let l): plain(pass.residual(l))
    case .residualMid(let l): plain(pass.residualMid(l))
    case .residualPost(let l): plain(pass.residual(l + 1))
    case .map(let l): plain(pass.attentionMap(l))
    case .hidden(let l): plain(pass.layers[l].mlp.active)
    case .logits: plain(pass.logits)
    case .scores(let l):
      SelfAttention.scores(
        pass.layers[l].attention, shape, alpha: SelfAttention<S>.scale(shape), to: out)
    case .headOutput(let l):
      split(pass.layers[l].attention.mixed, width: shape.width, first: 0, shape.heads, to: out)
    case .queries(let l), .keys(let l), .values(let l):
      splitProjected(place, pass.layers[l].attention.projected, to: out)
    }
  }

  /// Runs the backward pass of each sample's own loss and calls `write(tap, values)` for each of `places` as its gradient
  /// arrives. Parameter gradients go to `discarded`, a vector laid out as the weights.
  public func gradients(
    _ weights: UnsafeMutablePointer<S>, discarded: UnsafeMutablePointer<S>,
    _ write: @escaping (Tap.Place, (UnsafeMutablePointer<S>) -> Void) -> Void
  ) {
    _ = pass.score(samples: shape.samples, factor: 1)
    pass.backward(weights, gradients: discarded, samples: shape.samples) { place, values in
      func plain(_ place: Tap.Place) {
        write(place) { out in
          out.update(from: values, count: Tap(place).size(pass.model) * shape.samples)
        }
      }
      switch place {
      case .residual(let l):
        if l > 0 { plain(.residualPost(l - 1)) }
        if l < pass.model.layerCount { plain(.residualPre(l)) }
      case .residualMid(let l): plain(.residualMid(l))
      case .hidden(let l): plain(.hidden(l))
      case .logits: plain(.logits)
      case .attention(let l, .map): plain(.map(l))
      case .attention(let l, .mixed):
        write(.headOutput(l)) { split(values, width: shape.width, first: 0, shape.heads, to: $0) }
      case .attention(let l, .scores):
        write(.scores(l)) { out in
          // The kernel's gradient is that of q · k; the tap's scores are scaled.
          let count = shape.map
          out.update(from: values, count: count)
          Elementwise.scale(out, by: 1 / SelfAttention<S>.scale(shape), count: count)
        }
      case .attention(let l, .projected):
        for place in [Tap.Place.queries(l), .keys(l), .values(l)] {
          write(place) { splitProjected(place, values, to: $0) }
        }
      }
    }
  }

  private func splitProjected(
    _ place: Tap.Place, _ values: UnsafePointer<S>, to out: UnsafeMutablePointer<S>
  ) {
    let (first, heads) =
      switch place {
      case .keys: (shape.width, shape.keyValueHeads)
      case .values: (shape.width + shape.keyWidth, shape.keyValueHeads)
      default: (0, shape.heads)
      }
    split(values, width: shape.projectedWidth, first: first, heads, to: out)
  }

  /// `[sample, position, first + head · headChannel]` to `[sample, head, position, headChannel]`.
  private func split(
    _ values: UnsafePointer<S>, width: Int, first: Int, _ heads: Int,
    to out: UnsafeMutablePointer<S>
  ) {
    let (n, h) = (shape.positions, shape.headWidth)
    for sample in 0..<shape.samples {
      for head in 0..<heads {
        for position in 0..<n {
          (out + ((sample * heads + head) * n + position) * h).update(
            from: values + (sample * n + position) * width + first + head * h, count: h)
        }
      }
    }
  }
}
