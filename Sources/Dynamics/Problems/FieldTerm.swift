/// One term of a field's equation.
public enum FieldTerm: Sendable {
  /// ∇·(D∇u).
  case diffusion(DiffusionOperator)
  /// -v · ∇u.
  case convection(Convection)
  /// R(u), cell by cell.
  case reaction(Reaction)
  /// A non-local mean over tokens.
  case attention(TokenAttention)
  /// The same for infinitely many tokens that are normally distributed.
  case measure(GaussianMeasure)

  /// Name in problem files and archives.
  public var name: String {
    switch self {
    case .diffusion: "diffusion"
    case .convection: "convection"
    case .reaction: "reaction"
    case .attention, .measure: "attention"
    }
  }

  /// Its share of ∂u/∂t for a field whose cells have `channels` channels.
  public func apply(_ u: [Double], channels: Int) -> [Double] {
    switch self {
    case .diffusion(let diffusion): diffusion.apply(u)
    case .convection(let convection): convection.apply(u)
    case .reaction(let reaction): reaction.apply(u, channels: channels)
    case .attention(let attention): attention.apply(u)
    case .measure(let measure): measure.rate(u)
    }
  }
}
