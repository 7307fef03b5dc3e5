import Archive
import Transformer

extension Tap {
  /// The name under which archives keep the values.
  public var archivedName: TapName {
    let (quantity, layer): (TapName.Quantity, Int?) =
      switch place {
      case .residualPre(let layer): (.residualPre, layer)
      case .residualMid(let layer): (.residualMid, layer)
      case .residualPost(let layer): (.residualPost, layer)
      case .queries(let layer): (.queries, layer)
      case .keys(let layer): (.keys, layer)
      case .values(let layer): (.values, layer)
      case .scores(let layer): (.scores, layer)
      case .map(let layer): (.map, layer)
      case .headOutput(let layer): (.headOutput, layer)
      case .hidden(let layer): (.hidden, layer)
      case .logits: (.logits, nil)
      }
    return TapName(quantity, layer: layer, isGradient: isGradient)
  }
}
