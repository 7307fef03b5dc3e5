import Arrays
import Kernels

/// Where each parameter lies in the one vector that holds them all.
///
/// Names and orientation are PyTorch's: a matrix is `[output, input]`. The query, key and value matrices of a layer
/// are neighbours, so that one product computes all three.
public struct ParameterLayout: Sendable {
  /// One named parameter.
  public struct Entry: Sendable {
    /// For example `blocks.0.attention.query.weight`.
    public let name: String
    /// Name and length of each axis.
    public let axes: [Axis]
    /// First element in the vector.
    public let offset: Int
    /// Number of elements.
    public let count: Int
    /// How the weights start.
    public let start: Start
    /// Whether weight decay applies: to matrices, not to biases, gains and positions.
    public var decays: Bool { if case .matrix = start { true } else { false } }
  }

  /// The distribution of a parameter's first values.
  public enum Start: Sendable {
    /// Every value the same.
    case constant(Double)
    /// Xavier's uniform distribution for a `[output, input]` matrix (Glorot & Bengio 2010, eq. 16).
    case matrix
    /// Normal with this standard deviation.
    case normal(Double)
  }

  /// All parameters, in the order of the vector.
  public private(set) var entries: [Entry] = []
  /// Length of the vector.
  public private(set) var count = 0
  private var places: [String: Int] = [:]

  /// An empty layout.
  public init() {}

  /// The parameters of an encoder.
  public init(_ model: ModelConfiguration) {
    let d = Axis("output_channel", model.width)
    let input = Axis("input_channel", model.width)
    let channel = Axis("channel", model.width)
    append("embed.weight", [d, Axis("pixel", model.inputWidth)], .matrix)
    append("embed.bias", [channel], .constant(0))
    append(
      "position_embedding.weight", [Axis("position", model.positionCount), channel], .normal(0.02))
    for l in 0..<model.layerCount {
      append("blocks.\(l).norm1.weight", [channel], .constant(1))
      append("blocks.\(l).norm1.bias", [channel], .constant(0))
      appendAttention("blocks.\(l).attention.", width: model.width)
      append("blocks.\(l).norm2.weight", [channel], .constant(1))
      append("blocks.\(l).norm2.bias", [channel], .constant(0))
      appendFeedForward("blocks.\(l).mlp.", width: model.width, hidden: model.mlpWidth)
    }
    append("final_norm.weight", [channel], .constant(1))
    append("final_norm.bias", [channel], .constant(0))
    append("classifier.weight", [Axis("class", model.classCount), input], .matrix)
    append("classifier.bias", [Axis("class", model.classCount)], .constant(0))
    // Last, so that a bottleneck leaves the first values of all others as they are.
    if model.bottleneck != nil { append("bottleneck.log_sigma", [channel], .constant(-2)) }
  }

  /// Appends the eight parameters of a self-attention whose names start with `prefix`.
  public mutating func appendAttention(_ prefix: String, width: Int) {
    let matrix = [Axis("output_channel", width), Axis("input_channel", width)]
    for part in ["query", "key", "value"] { append(prefix + part + ".weight", matrix, .matrix) }
    for part in ["query", "key", "value"] {
      append(prefix + part + ".bias", [Axis("channel", width)], .constant(0))
    }
    append(prefix + "output.weight", matrix, .matrix)
    append(prefix + "output.bias", [Axis("channel", width)], .constant(0))
  }

  /// Appends the four parameters of an MLP whose names start with `prefix`.
  public mutating func appendFeedForward(_ prefix: String, width: Int, hidden: Int) {
    let f = Axis("hidden", hidden)
    append(prefix + "up.weight", [f, Axis("input_channel", width)], .matrix)
    append(prefix + "up.bias", [f], .constant(0))
    append(prefix + "down.weight", [Axis("output_channel", width), f], .matrix)
    append(prefix + "down.bias", [Axis("channel", width)], .constant(0))
  }

  /// Appends one parameter.
  public mutating func append(_ name: String, _ axes: [Axis], _ start: Start) {
    let size = axes.map(\.length).reduce(1, *)
    places[name] = entries.count
    entries.append(Entry(name: name, axes: axes, offset: count, count: size, start: start))
    count += size
  }

  /// Place of the first element of the parameter `name`. Traps when there is none.
  public func offset(_ name: String) -> Int {
    guard let place = places[name] else { preconditionFailure("no parameter \(name)") }
    return entries[place].offset
  }

  /// First values of all parameters: entry `i` draws from stream `i` of `seed`, so that adding a parameter leaves
  /// the others as they were.
  public func initialValues(
    seed: UInt64, purpose: Philox.Purpose = .initialization
  ) -> [Double] {
    var values = [Double](repeating: 0, count: count)
    for (index, entry) in entries.enumerated() {
      var random = Philox(seed: seed, purpose: purpose, index: UInt64(index))
      for i in entry.offset..<entry.offset + entry.count {
        switch entry.start {
        case .constant(let value): values[i] = value
        case .normal(let deviation): values[i] = deviation * random.normal()
        case .matrix:
          let bound = (6 / Double(entry.axes[0].length + entry.axes[1].length)).squareRoot()
          values[i] = bound * (2 * random.uniform() - 1)
        }
      }
    }
    return values
  }
}
