/// A variational bound on mutual information, as a function of a critic's scores.
///
/// Scores are `[x, y]`: the diagonal belongs to pairs that occur together, everything else to pairs of the product of
/// the margins.
protocol CriticObjective: Sendable {
  /// Name on the command line.
  static var name: String { get }
  /// Derivative of the training objective (to be increased) by every score, in the place of the scores.
  static func gradient(_ scores: inout [Float], _ count: Int)
  /// The bound on held-out scores, in nats.
  static func value(_ scores: [Float], _ count: Int) -> Double
}
