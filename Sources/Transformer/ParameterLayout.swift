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

  /// Appends the eight parameters of a self-attention whose names start with `prefix`.
  /// `keyWidth`: channels of the keys and of the values, fewer than `width` when heads share them.
  public mutating func appendAttention(_ prefix: String, width: Int, keyWidth: Int? = nil) {
    let matrix = [Axis("output_channel", width), Axis("input_channel", width)]
    let key = Axis(keyWidth == nil ? "output_channel" : "key_channel", keyWidth ?? width)
    let keyMatrix = [key, matrix[1]]
    append(prefix + "query.weight", matrix, .matrix)
    append(prefix + "key.weight", keyMatrix, .matrix)
    append(prefix + "value.weight", keyMatrix, .matrix)
    let channel = Axis("channel", width)
    let keyChannel = keyWidth == nil ? channel : key
    append(prefix + "query.bias", [channel], .constant(0))
    append(prefix + "key.bias", [keyChannel], .constant(0))
    append(prefix + "value.bias", [keyChannel], .constant(0))
    append(prefix + "output.weight", matrix, .matrix)
    append(prefix + "output.bias", [Axis("channel", width)], .constant(0))
  }

  /// Appends the four parameters of an MLP whose names start with `prefix`, six of a gated one.
  public mutating func appendFeedForward(
    _ prefix: String, width: Int, hidden: Int, gated: Bool = false
  ) {
    let f = Axis("hidden", hidden)
    if gated {
      append(prefix + "gate.weight", [f, Axis("input_channel", width)], .matrix)
      append(prefix + "gate.bias", [f], .constant(0))
    }
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

  /// Place of the first element of the parameter `name`, or nil.
  public func find(_ name: String) -> Int? { places[name].map { entries[$0].offset } }

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
