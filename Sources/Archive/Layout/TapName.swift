/// The name of a captured place of a network as archives spell it: `residual.0.post`, `attention.2.map`,
/// `gradient.residual.0.pre`, `logits`.
///
/// The one place where such a name is taken apart or put together outside of the network itself.
public struct TapName: Sendable, Hashable, CustomStringConvertible {
  /// What is captured; axes are those after `checkpoint`.
  public enum Quantity: Sendable, Hashable, CaseIterable {
    /// The residual stream before a layer, between attention and MLP, and after it: `[sample, position, channel]`.
    case residualPre, residualMid, residualPost
    /// Queries: `[sample, head, position, head_channel]`; keys and values alike, with as many heads as there are of them.
    case queries, keys, values
    /// Scores before mask and softmax: `[sample, head, query, key]`.
    case scores
    /// The attention map after softmax: `[sample, head, query, key]`.
    case map
    /// Values mixed by the map: `[sample, head, position, head_channel]`.
    case headOutput
    /// The MLP after its activation: `[sample, position, hidden]`.
    case hidden
    /// Scores of classes or tokens; of no layer.
    case logits
    /// The last state behind the final norm: `[sample, position, channel]`; of no layer.
    case finalNorm
    /// What a pooling layer makes of the last state: `[sample, channel]`; of no layer.
    case pooled

    /// What stands before and after the layer.
    fileprivate var words: (family: String, member: String?) {
      switch self {
      case .residualPre: ("residual", "pre")
      case .residualMid: ("residual", "mid")
      case .residualPost: ("residual", "post")
      case .queries: ("attention", "queries")
      case .keys: ("attention", "keys")
      case .values: ("attention", "values")
      case .scores: ("attention", "scores")
      case .map: ("attention", "map")
      case .headOutput: ("attention", "output")
      case .hidden: ("mlp", "hidden")
      case .logits: ("logits", nil)
      case .finalNorm: ("final_norm.output", nil)
      case .pooled: ("pooled", nil)
      }
    }
  }

  /// What is captured.
  public let quantity: Quantity
  /// The layer, from 0; nil for what belongs to none.
  public let layer: Int?
  /// Whether it is the gradient of each sample's own loss by the values there, instead of the values.
  public let isGradient: Bool

  /// The name of a quantity of a layer; of ``Quantity/logits`` the layer is left out.
  public init(_ quantity: Quantity, layer: Int? = nil, isGradient: Bool = false) {
    self.quantity = quantity
    self.layer = quantity.words.member == nil ? nil : layer ?? 0
    self.isGradient = isGradient
  }

  /// Takes a name apart; nil for one that is spelled otherwise than ``description`` spells it.
  public init?(_ text: String) {
    var parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    let isGradient = parts.first == "gradient"
    if isGradient { parts.removeFirst() }
    let member = parts.count == 3 ? parts[2] : nil
    let family = member == nil ? parts.joined(separator: ".") : parts.first
    guard
      let quantity = Quantity.allCases.first(where: { $0.words == (family ?? "", member) })
    else { return nil }
    let name = TapName(
      quantity, layer: parts.count == 3 ? Int(parts[1]) : nil, isGradient: isGradient)
    guard name.description == text, name.layer ?? 0 >= 0 else { return nil }
    self = name
  }

  /// The spelling.
  public var description: String {
    let (family, member) = quantity.words
    let name = [family, layer.map { "\($0)" }, member].compactMap { $0 }.joined(separator: ".")
    return isGradient ? "gradient." + name : name
  }

  /// The group that holds its array.
  public var group: String {
    if isGradient { return "/gradients" }
    switch quantity {
    case .map, .scores: return Layout.attention
    default: return Layout.activations
    }
  }

  /// Path of its array, `[checkpoint, sample, ...]`.
  public var path: String { "\(group)/\(self)/values" }

  /// The residual stream at every depth of `layers` layers: before the first, and after each.
  public static func depths(layers: Int, isGradient: Bool = false) -> [TapName] {
    [TapName(.residualPre, layer: 0, isGradient: isGradient)]
      + (0..<layers).map { TapName(.residualPost, layer: $0, isGradient: isGradient) }
  }
}

extension RunReader {
  /// Taps whose arrays the archive holds, values or gradients, in the order of their names; what is named otherwise is left out.
  public func taps(gradients: Bool = false) throws -> [TapName] {
    let groups = gradients ? ["/gradients"] : [Layout.attention, Layout.activations]
    return try groups.flatMap { group in
      try names(in: group).compactMap { TapName($0) }.filter { $0.group == group }
    }
  }

  /// Layers of which `quantity` was captured, ascending.
  public func layers(of quantity: TapName.Quantity) throws -> [Int] {
    try taps().filter { $0.quantity == quantity }.compactMap(\.layer).sorted()
  }

  /// Layers whose attention maps were captured, ascending.
  /// - Throws: ``ArchiveError`` when there is none.
  public func attentionLayers() throws -> [Int] {
    let layers = try layers(of: .map)
    guard !layers.isEmpty else {
      throw ArchiveError(
        .layout,
        "\(path): no attention maps were captured; train with capture.taps containing "
          + "\"attention.*.map\", or import maps too")
    }
    return layers
  }

  /// The residual stream at every depth: before the first layer, and after each.
  /// - Throws: ``ArchiveError`` when one is missing.
  public func residualTaps() throws -> [TapName] {
    let taps = try taps()
    let layers = try layers(of: .residualPost)
    guard taps.contains(TapName(.residualPre, layer: 0)), !layers.isEmpty,
      layers == Array(0..<layers.count)
    else {
      throw ArchiveError(
        .layout,
        "\(path): the residual stream was not captured at every depth: \"residual.0.pre\" and \"residual.*.post\" in "
          + "capture.taps of isotherm train or --taps of isotherm capture, or states of every depth for isotherm import"
      )
    }
    return TapName.depths(layers: layers.count)
  }
}
