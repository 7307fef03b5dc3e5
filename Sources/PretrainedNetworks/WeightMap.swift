/// Where one of our weights comes from.
public struct WeightRule: Sendable, Hashable {
  /// Our name, `layer.0.attention.query.weight`.
  public let name: String
  /// Our shape; matrices are `[out, in]`.
  public let shape: [Int]
  /// The file's name, without the prefix that it may have.
  public let source: String
  /// The file's shape.
  public let sourceShape: [Int]
  /// Whether the file has the matrix as `[in, out]`.
  let isTransposed: Bool
  /// Which of the file's outputs are ours, in our order; nil for all.
  let rows: [Range<Int>]?

  /// The rule for a file that has the weight as we do, under our name.
  var own: WeightRule {
    WeightRule(
      name: name, shape: shape, source: name, sourceShape: shape, isTransposed: false, rows: nil)
  }
}

/// The weights of a network, collected layer by layer.
public struct WeightMap: Sendable {
  /// One rule a weight of ours.
  public private(set) var rules: [WeightRule] = []

  /// None yet.
  init() {}

  /// An array as it is; `sourceShape` where the file has further axes of length 1 or another split of axes.
  mutating func array(
    _ name: String, _ source: String, _ shape: [Int], sourceShape: [Int]? = nil
  ) {
    rules.append(
      WeightRule(
        name: name, shape: shape, source: source, sourceShape: sourceShape ?? shape,
        isTransposed: false, rows: nil))
  }

  /// `name.weight` and `name.bias` of a linear layer from `source.weight` and `source.bias`.
  ///
  /// - Parameters:
  ///   - isTransposed: whether the file has the matrix as `[in, out]`.
  ///   - rows: which of the `of` outputs of a fused layer in the file are ours, in our order.
  mutating func linear(
    _ name: String, _ source: String, from input: Int, to output: Int, bias: Bool,
    isTransposed: Bool = false, rows: [Range<Int>]? = nil, of fused: Int? = nil
  ) {
    let outputs = fused ?? output
    rules.append(
      WeightRule(
        name: name + ".weight", shape: [output, input], source: source + ".weight",
        sourceShape: isTransposed ? [input, outputs] : [outputs, input],
        isTransposed: isTransposed, rows: rows))
    guard bias else { return }
    rules.append(
      WeightRule(
        name: name + ".bias", shape: [output], source: source + ".bias", sourceShape: [outputs],
        isTransposed: false, rows: rows))
  }

  /// `name.gain`, and `name.bias` where there is one, of a norm.
  mutating func norm(_ name: String, _ source: String, _ width: Int, bias: Bool = true) {
    array(name + ".gain", source + ".weight", [width])
    if bias { array(name + ".bias", source + ".bias", [width]) }
  }
}
